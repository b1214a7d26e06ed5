"""From tallies and snapshots to metrics: each is exported, documented and counted once."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from connector.core.tally import NO_ENDPOINT, RecordOutcome, Tally
from connector.model import Reason
from connector.ops.families import PREFIX
from connector.ops.instruments import Gauge
from connector.ops.metrics import Example, Metrics
from connector.ops.status import ObstacleView, PartitionView, Snapshot
from tests.unit.ops.metering import NOW, exported, full_snapshot, full_tally
from tests.unit.ops.provider import busy, halted

LABELS = {
    "topic",
    "partition",
    "endpoint",
    "outcome",
    "reason",
    "stage",
    "cause",
    "method",
    "code",
    "le",
    "application",
}


@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(Tally)])
def test_every_field_of_a_tally_changes_a_metric(
    metrics: Metrics, registry: CollectorRegistry, field: str
) -> None:
    before = exported(registry)
    metrics.absorb(Tally(**{field: getattr(full_tally(), field)}), NOW)
    after = exported(registry)
    ours = {name for name in after if not name.startswith("process_")}
    changed = {name for name in ours if before.get(name) != after[name]}
    assert changed, f"put {field} into full_tally (metering.py) and join it to a metric in Metrics.absorb"


@pytest.mark.parametrize("field", sorted({*Snapshot.__struct_fields__} - {"state"}))
def test_every_field_of_a_snapshot_changes_a_metric(
    metrics: Metrics, registry: CollectorRegistry, field: str
) -> None:
    metrics.gauges_from(Snapshot)
    before = exported(registry)
    metrics.gauges_from(lambda: Snapshot(**{field: getattr(full_snapshot(), field)}))
    after = exported(registry)
    ours = {name for name in after if not name.startswith("process_")}
    changed = {name for name in ours if before.get(name) != after[name]}
    assert changed, f"put {field} into full_snapshot (metering.py) and show it in Metrics._fill"


def test_every_gauge_is_set_by_something(
    metrics: Metrics, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = set()
    monkeypatch.setattr(Gauge, "set", lambda self, _value, *_labels: shown.add(self.name))
    metrics.gauges_from(full_snapshot)
    metrics.absorb(full_tally(), NOW)
    metrics.round_trip(0.001)
    assert exported(registry)
    assert shown == {each.name for each in metrics.families if isinstance(each, Gauge)}


def test_a_label_that_is_gone_is_shown_by_no_gauge(metrics: Metrics, registry: CollectorRegistry) -> None:
    for gauge in metrics.families:
        if isinstance(gauge, Gauge) and gauge.labels:
            gauge.set(1, *(f"gone {label}" for label in gauge.labels))
    assert "gone" in str(exported(registry))
    metrics.gauges_from(full_snapshot)
    assert "gone" not in str(exported(registry))


def test_what_a_tally_counted_is_what_the_metrics_show(metrics: Metrics, registry: CollectorRegistry) -> None:
    tally = full_tally()
    metrics.absorb(tally, NOW)
    metrics.absorb(Tally(), NOW + 1)
    found = exported(registry)
    assert found["records_consumed_total"]["profile-tags",] == 5
    assert found["events_settled_total"]["bulkSetTags", "confirmed"] == 4
    assert found["events_settled_total"]["none", "skipped"] == 1
    assert found["confirmation_latency_seconds_sum"]["bulkSetTags",] == pytest.approx(2.0)
    assert found["stage_seconds_count"]["queue",] == 4
    assert found["last_confirmation_timestamp_seconds"][()] == NOW


def test_a_call_without_a_reply_has_the_code_none(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.http_request("bulkSetTags", "POST", 0, 30.0)
    metrics.http_request("bulkSetTags", "POST", 503, 0.1)
    found = exported(registry)["http_requests_total"]
    assert found["none", "bulkSetTags", "POST"] == 1
    assert found["503", "bulkSetTags", "POST"] == 1
    assert exported(registry)["http_request_duration_seconds_count"]["bulkSetTags", "POST"] == 2


def test_partition_gauges_come_from_the_snapshot_and_go_with_the_partition(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    snapshot = Snapshot(
        partitions=[
            PartitionView("t", 0, position=5, end=12, backlog=6, oldest_unsettled_seconds=1.5),
            PartitionView("t", 1),
        ]
    )
    metrics.gauges_from(lambda: snapshot)
    found = exported(registry)
    assert found["backlog_records"] == {("0", "t"): 6}, "what isn't known isn't exported, least of all as -1"
    assert found["consumer_lag_records"] == {("0", "t"): 7}
    assert found["committed_offset"] == {("0", "t"): 5}
    assert found["oldest_unsettled_seconds"] == {("0", "t"): 1.5, ("1", "t"): 0}
    snapshot.partitions = snapshot.partitions[1:]
    assert "backlog_records" not in exported(registry)
    assert exported(registry)["oldest_unsettled_seconds"] == {("1", "t"): 0}


def test_a_halt_and_a_closed_gate_show_while_they_last(metrics: Metrics, registry: CollectorRegistry) -> None:
    now = busy()
    metrics.gauges_from(lambda: now)
    assert exported(registry)["gate_open"][()] == 1
    assert set(exported(registry)["halted"].values()) == {0}
    now = halted()
    found = exported(registry)
    assert found["gate_open"][()] == 0
    assert found["halted"]["unauthorized",] == 1
    assert found["halted"]["brake",] == 0
    assert found["kafka_trouble"] == {("topic_missing",): 1}
    now = busy()
    assert exported(registry)["gate_open"][()] == 1
    assert set(exported(registry)["halted"].values()) == {0}
    assert "kafka_trouble" not in exported(registry)


def test_of_several_applications_the_halted_one_is_told_by_its_code(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    halts = [ObstacleView("unauthorized", "401", "check the token", NOW, "BBBBB-BBBBB")]
    metrics.gauges_from(lambda: Snapshot(applications=["AAAAA-AAAAA", "BBBBB-BBBBB"], halts=halts))
    for wrong in (1, 0):
        told = exported(registry)
        assert told["application_halted"] == {("AAAAA-AAAAA",): 0, ("BBBBB-BBBBB",): wrong}
        assert told["halted"]["unauthorized",] == wrong
        halts.clear()


def test_a_broker_that_measured_nothing_leaves_the_last_round_trip(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.round_trip(None)
    assert "broker_round_trip_seconds" not in exported(registry)
    metrics.round_trip(0.004)
    metrics.round_trip(None)
    assert exported(registry)["broker_round_trip_seconds"][()] == 0.004


def test_totals_for_the_page_are_those_of_the_counters(metrics: Metrics) -> None:
    tally = full_tally()
    tally.settled["bulkRegisterDevice", RecordOutcome.SUPERSEDED] = 7
    tally.settled[NO_ENDPOINT, RecordOutcome.DEAD_LETTER] = 1
    metrics.absorb(tally, NOW)
    assert metrics.totals() == (5, 11, 1)
    assert metrics.settled() == {"confirmed": 4, "superseded": 7, "dead_letter": 1, "skipped": 1}
    assert metrics.dead_letters_by_reason() == {"tag_refused": 1}


def test_the_limits_in_force_are_gauges(metrics: Metrics, registry: CollectorRegistry) -> None:
    now = busy()
    metrics.gauges_from(lambda: now)
    assert exported(registry)["jobs_limit"][()] == 16
    assert exported(registry)["held_back"][()] == 0
    now.jobs_limit, now.held_back = 3, True
    assert exported(registry)["jobs_limit"][()] == 3
    assert exported(registry)["held_back"][()] == 1


def test_fewer_than_300_series_at_12_partitions_on_a_bad_day(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    now = halted()
    metrics.gauges_from(lambda: now)
    metrics.absorb(full_tally(), NOW)
    metrics.round_trip(0.001)
    for code in (0, 400, 429, 500, 503):
        metrics.http_request("bulkSetTags", "POST", code, 0.1)
    count = sum(len(samples) for samples in exported(registry).values())
    assert 200 < count < 300, count


def test_no_label_could_name_a_device_a_request_or_a_tag(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    now = halted()
    metrics.gauges_from(lambda: now)
    metrics.absorb(full_tally(), NOW)
    names = {
        label
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_info")
        for label in sample.labels
    }
    assert names <= LABELS


def test_both_text_formats_can_be_parsed_back(metrics: Metrics, registry: CollectorRegistry) -> None:
    now = busy()
    metrics.gauges_from(lambda: now)
    metrics.absorb(full_tally(), NOW)
    # The client library's OpenMetrics half has no types.
    text: str = openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    open_names = {family.name for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    plain = {family.name for family in parse(generate_latest(registry).decode())}
    assert f"{PREFIX}records_consumed" in plain & open_names


def test_exemplars_name_the_trace_in_openmetrics_and_are_no_part_of_the_plain_format(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    tally = Tally()
    timestamps = [int((NOW - age) * 1000) for age in (0.4, 7.0, -5.0)]
    tally.latencies.append(("bulkSetTags", timestamps))
    metrics.absorb(tally, NOW, [Example("bulkSetTags", each, trace) for each in timestamps])
    text: str = openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    families = parse_openmetrics(text)  # type: ignore[no-untyped-call]
    (latency,) = [each for each in families if each.name == f"{PREFIX}confirmation_latency_seconds"]
    shown = {
        sample.labels["le"]: (sample.exemplar.labels, sample.exemplar.value, float(sample.exemplar.timestamp))
        for sample in latency.samples
        if sample.exemplar
    }
    assert shown == {
        "0.25": ({"trace_id": trace}, 0.0, NOW),
        "0.5": ({"trace_id": trace}, pytest.approx(0.4), NOW),
        "10.0": ({"trace_id": trace}, pytest.approx(7.0), NOW),
    }
    plain = generate_latest(registry).decode()
    assert trace not in plain
    assert [*parse(plain)]


def test_promtool_finds_nothing_to_say(metrics: Metrics, registry: CollectorRegistry) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: apt-get install prometheus")
    now = halted()
    metrics.gauges_from(lambda: now)
    metrics.absorb(full_tally(), NOW)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=generate_latest(registry), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_reason_of_the_model_begins_at_0(metrics: Metrics, registry: CollectorRegistry) -> None:
    assert metrics.families
    assert set(exported(registry)["dead_letters_total"]) == {(reason.value,) for reason in Reason}
