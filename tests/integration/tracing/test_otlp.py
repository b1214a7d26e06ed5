"""Spans of a real process, over a real Kafka, at a collector's socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.world import World, world
from tests.broker import free_ports
from tests.integration.tracing.collector import Collector, collector
from tests.kafka.client import Kafka
from tests.unit.tracing.records import traceparent

pytestmark = pytest.mark.broker

RECORDS = 50
OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
LATENCY = "pushwoosh_connector_confirmation_latency_seconds"


@pytest.fixture
def here(kafka: Kafka, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, kafka, partitions=1) as made:
        yield made


def produce(here: World) -> None:
    """Write events of as many devices; every other one says in which span it was produced."""
    values = [
        json.dumps({"type": "tags", "hwid": f"device-{n}", "tags": {"n": n}}).encode() for n in range(RECORDS)
    ]
    headers = [[("traceparent", traceparent(n + 1))] if n % 2 else [] for n in range(RECORDS)]
    keys = [f"device-{n}".encode() for n in range(RECORDS)]
    times = [None] * RECORDS
    here.kafka.produce(here.topic, zip(keys, values, times, headers, strict=True))


def exemplars(connector: Connector) -> set[str]:
    """The traces that the latency histogram shows."""
    text = httpx.get(f"http://127.0.0.1:{connector.port}/metrics", headers=OPEN_METRICS, timeout=10).text
    # The client library's OpenMetrics half has no types.
    (latency,) = [family for family in parse(text) if family.name == LATENCY]  # type: ignore[no-untyped-call]
    return {sample.exemplar.labels["trace_id"] for sample in latency.samples if sample.exemplar}


def test_a_collector_gets_jobs_linked_to_the_records_traces_and_the_histogram_shows_them(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        produce(here)
        connector = here.run()
        here.wait_settled(60)
        wait_for(lambda: exemplars(connector), 20, "exemplars")
        shown = exemplars(connector)
        assert connector.terminate() == 0, connector.tail()
    check(found, shown)
    assert connector.lines("not tracing") == []


def check(found: Collector, shown: set[str]) -> None:
    jobs, posts = found.named("job bulkSetTags"), found.named("POST bulkSetTags")
    linked = sorted(int.from_bytes(link.span_id) for job in jobs for link in job.links)
    assert linked == [n + 1 for n in range(RECORDS) if n % 2]
    assert {post.trace_id for post in posts} == {job.trace_id for job in jobs}
    assert {post.parent_span_id for post in posts} == {job.span_id for job in jobs}
    assert all(event.name == "poll" for job in jobs for event in job.events)
    assert all(job.events for job in jobs)
    assert shown <= {job.trace_id.hex() for job in jobs}
    assert found.paths == {"/v1/traces"}
    assert found.headers[0]["x-tenant"] == "ours"
    assert found.resource["service.name"] == "pushwoosh-connector"


def test_a_collector_that_is_away_holds_up_nothing(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    produce(here)
    connector = here.run("--until-end")
    assert connector.wait(60) == 0, connector.tail()
    assert here.lag() == 0
    assert len(connector.lines("tracing")) == 1
