"""The metrics of the process: fed by `Reporting`, read by a scrape.

Counters and histograms are fed once per list (`absorb`). Gauges are worked out at the scrape from the
`Snapshot` of `View`: no record pays for them, and a partition that was revoked is gone.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric

from connector import __version__
from connector.core.tally import RecordOutcome, Tally
from connector.ops.families import ENDPOINTS, PREFIX, Families
from connector.ops.instruments import Counter, Gauge
from connector.ops.status import Snapshot


class Example(NamedTuple):
    """A record that was confirmed, and the trace in which it was: an exemplar of the latency histogram."""

    endpoint: str
    timestamp: int
    """Of the record, in milliseconds since the epoch."""
    trace_id: str
    """32 hexadecimal digits."""


class Metrics(Families):
    """All metrics of the process, exported by `registry`. `gauges_from` names where the gauges come from."""

    def __init__(self, registry: CollectorRegistry, topics: Iterable[str] = ()) -> None:
        """`topics`: the source topics, so that their counters begin at 0."""
        super().__init__(topics)
        self._labelled = [each for each in self.families if isinstance(each, Gauge) and each.labels]
        self._snapshot: Callable[[], Snapshot] | None = None
        registry.register(self)
        ProcessCollector(registry=registry)

    # -- reported ------------------------------------------------------------------------------

    def absorb(self, tally: Tally, now: float, examples: Sequence[Example] = ()) -> None:
        """Add what the core counted. `now`: seconds since the epoch.

        `examples` are among those whose latencies are counted here: exemplars where they fall.
        """
        by_one_label: tuple[tuple[Iterable[tuple[str, int]], Counter], ...] = (
            (tally.consumed.items(), self.records_consumed),
            (tally.dead_letters.items(), self.dead_letters),
            (tally.submitted.items(), self.devices_submitted),
            (tally.resubmitted.items(), self.devices_resubmitted),
            (tally.retried.items(), self.events_retried),
            (tally.gate_closures.items(), self.gate_closures),
            (tally.halts.items(), self.halts),
        )
        for counts, counter in by_one_label:
            for label, count in counts:
                counter.add(count, label)
        by_two_labels: tuple[tuple[Iterable[tuple[tuple[str, str], int]], Counter], ...] = (
            (tally.settled.items(), self.events_settled),
            (tally.jobs.items(), self.jobs),
        )
        for pairs, counter in by_two_labels:
            for labels, count in pairs:
                counter.add(count, *labels)
        self.events_coalesced.add(tally.coalesced)
        self.batches_split.add(tally.split_batches)
        self.tags_refused.add(tally.refused_tags)
        self.pauses.add(tally.partitions_paused)
        self.unreadable_checkpoints.add(tally.unreadable_checkpoints)
        for stage, seconds, count in tally.stages:
            self.stages.at(stage).observe(max(0.0, seconds), count)
        for endpoint, timestamps in tally.latencies:
            self.confirmation_latency.at(endpoint).observe_ms_since(now, timestamps)
        for endpoint, timestamp, trace_id in examples:
            age = max(0.0, now - timestamp / 1000)
            self.confirmation_latency.at(endpoint).exemplify(age, trace_id, now)
        if any(tally.settled.get((endpoint, RecordOutcome.CONFIRMED), 0) for (endpoint,) in ENDPOINTS):
            self.last_confirmation.set(now)

    def http_request(self, endpoint: str, method: str, code: int, seconds: float) -> None:
        """Count one call to the API; `code` 0 where no reply came."""
        self.http_requests.add(1, endpoint, method, str(code) if code else "none")
        self.http_duration.at(endpoint, method).observe(seconds)

    def round_trip(self, seconds: float | None) -> None:
        """Show librdkafka's figure; None where it measured nothing since the last one."""
        if seconds is not None:
            self.broker_round_trip.set(seconds)

    # -- asked ---------------------------------------------------------------------------------

    def totals(self) -> tuple[int, int, int]:
        """Return records consumed, confirmed and dead-lettered since the start: for `RateMeter`.

        Superseded records count as confirmed: what replaced them was.
        """
        settled = self.settled()
        confirmed = settled.get(RecordOutcome.CONFIRMED, 0) + settled.get(RecordOutcome.SUPERSEDED, 0)
        dead_letters = settled.get(RecordOutcome.DEAD_LETTER, 0)
        return sum(self.records_consumed.values.values()), confirmed, dead_letters

    def settled(self) -> dict[str, int]:
        """Return records settled since the start, by outcome: for `Status`."""
        outcomes = {outcome.value: 0 for outcome in RecordOutcome}
        for (_, outcome), count in self.events_settled.values.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        return outcomes

    def dead_letters_by_reason(self) -> dict[str, int]:
        """Return dead letters since the start: for `Status`."""
        return {reason: count for (reason,), count in self.dead_letters.values.items() if count}

    def gauges_from(self, snapshot: Callable[[], Snapshot]) -> None:
        """Take the gauges of each scrape from what this returns."""
        self._snapshot = snapshot

    # -- exported ------------------------------------------------------------------------------

    def describe(self) -> Iterator[Metric]:
        """Yield the families without looking at anything: the registry asks for their names."""
        yield _build_info()
        for each in self.families:
            yield each.family()

    def collect(self) -> Iterator[Metric]:
        """Yield the families of a scrape."""
        if self._snapshot is not None:
            self._fill(self._snapshot())
        return self.describe()

    def _fill(self, now: Snapshot) -> None:
        """Set the gauges. Those with labels begin anew: what isn't there any more isn't shown any more."""
        for gauge in self._labelled:
            gauge.reset()
        for each in now.partitions:
            where = (each.topic, str(each.partition))
            self.oldest_unsettled.set(each.oldest_unsettled_seconds, *where)
            if each.backlog is not None:
                self.backlog.set(each.backlog, *where)
            if each.position is not None:
                self.committed.set(each.position, *where)
            if each.lag is not None:
                self.lag.set(each.lag, *where)
        for endpoint, count in now.jobs_in_flight.items():
            self.jobs_in_flight.set(count, endpoint)
        halted = {halt.subject for halt in now.halts if halt.subject}
        for application in dict.fromkeys([*now.applications, *halted]):
            self.application_halted.set(application in halted, application)
        for halt in now.halts:
            self.halted.set(1, halt.cause)
        for trouble in now.troubles:
            self.kafka_trouble.set(1, trouble.cause)
        self.jobs_limit.set(now.jobs_limit)
        self.held_back.set(now.held_back)
        self.waiting_for_checkpoint.set(now.waiting_for_checkpoint)
        self.gate_open.set(now.gate is None)
        self.buffered_events.set(now.buffered_events)
        self.buffered_bytes.set(now.buffered_bytes)


def _build_info() -> Metric:
    family = InfoMetricFamily(PREFIX + "build", "Version of the connector and of what it runs on; always 1.")
    family.add_metric([], {"version": __version__, "python": platform.python_version()})
    return family
