"""Every metric, declared once. deploy/METRICS.md explains each; a test holds the two together.

Labels are topic, partition, endpoint, application, outcome, reason, stage, cause, method and code: never a
device, a request or a tag. Label values that are known are there from the start, at 0, so that the first
increase counts. Units are seconds and bytes. Under 300 series at 12 partitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from connector.answers import GateCause
from connector.core.tally import NO_ENDPOINT, JobOutcome, RecordOutcome, Stage
from connector.model import Cause, Endpoint, Reason
from connector.ops.instruments import Counter, Gauge, Histogram

PREFIX = "pushwoosh_connector_"

ENDPOINTS = tuple((endpoint.value,) for endpoint in Endpoint)
_METHODS = ("POST", "GET")
_CALLS = tuple(product((endpoint.value for endpoint in Endpoint), _METHODS))
_OUTCOMES = (
    *product((endpoint.value for endpoint in Endpoint), (outcome.value for outcome in RecordOutcome)),
    (NO_ENDPOINT, RecordOutcome.DEAD_LETTER.value),
    (NO_ENDPOINT, RecordOutcome.SKIPPED.value),
)
_JOB_OUTCOMES = tuple(product((endpoint.value for endpoint in Endpoint), (each.value for each in JobOutcome)))
_GATE_CAUSES = tuple((cause.value,) for cause in GateCause)
_HALT_CAUSES = tuple((cause.value,) for cause in Cause)

_LATENCY = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_STAGE = (0.01, 0.05, 0.25, 1, 5, 10, 30, 60, 300)
_HTTP = (0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)


class Families:
    """All metric families of the connector, in the order in which they are exported."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        """`topics`: the source topics, so that their counters begin at 0."""
        self.families: list[Counter | Gauge | Histogram] = []
        known = tuple((topic,) for topic in topics)
        self._declare_records(known)
        self._declare_times()
        self._declare_jobs()
        self._declare_troubles(known)
        self._declare_gauges()

    def _counter(
        self, name: str, text: str, labels: tuple[str, ...] = (), known: Iterable[tuple[str, ...]] = ()
    ) -> Counter:
        counter = Counter(PREFIX + name, text, labels, known)
        self.families.append(counter)
        return counter

    def _gauge(
        self, name: str, text: str, labels: tuple[str, ...] = (), known: Iterable[tuple[str, ...]] = ()
    ) -> Gauge:
        gauge = Gauge(PREFIX + name, text, labels, known)
        self.families.append(gauge)
        return gauge

    def _histogram(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        known: Iterable[tuple[str, ...]],
        bounds: tuple[float, ...],
    ) -> Histogram:
        histogram = Histogram(PREFIX + name, text, labels, known, bounds)
        self.families.append(histogram)
        return histogram

    def _declare_records(self, topics: tuple[tuple[str], ...]) -> None:
        self.records_consumed = self._counter(
            "records_consumed_total", "Records read from Kafka.", ("topic",), topics
        )
        self.events_settled = self._counter(
            "events_settled_total",
            "Records settled, by what became of them.",
            ("endpoint", "outcome"),
            _OUTCOMES,
        )
        self.dead_letters = self._counter(
            "dead_letters_total",
            "Records written to the dead-letter topic and acknowledged there.",
            ("reason",),
            ((reason.value,) for reason in Reason),
        )
        self.events_coalesced = self._counter(
            "events_coalesced_total", "Events merged with one that waited for the same device."
        )
        self.events_retried = self._counter(
            "events_retried_total", "Events put back for another attempt.", ("endpoint",), ENDPOINTS
        )
        self.tags_refused = self._counter("tags_refused_total", "Tags that reports named as refused.")
        self.unknown_platforms = self._counter(
            "unknown_platforms_total", "Registrations sent with a platform code that is not known."
        )

    def _declare_times(self) -> None:
        self.confirmation_latency = self._histogram(
            "confirmation_latency_seconds",
            "From a record's timestamp until it is settled.",
            ("endpoint",),
            ENDPOINTS,
            _LATENCY,
        )
        self.stages = self._histogram(
            "stage_seconds",
            "Time spent in each stage between reading a record and settling it.",
            ("stage",),
            ((stage.value,) for stage in Stage),
            _STAGE,
        )
        self.http_duration = self._histogram(
            "http_request_duration_seconds",
            "Time of a call to the API, from request to reply or failure.",
            ("endpoint", "method"),
            _CALLS,
            _HTTP,
        )

    def _declare_jobs(self) -> None:
        self.jobs = self._counter(
            "jobs_total", "Jobs, by what became of them.", ("endpoint", "outcome"), _JOB_OUTCOMES
        )
        self.devices_submitted = self._counter(
            "devices_submitted_total",
            "Devices in requests that were answered with a job.",
            ("endpoint",),
            ENDPOINTS,
        )
        self.devices_resubmitted = self._counter(
            "devices_resubmitted_total",
            "Devices sent again although an earlier request may have applied them.",
            ("endpoint",),
            ENDPOINTS,
        )
        self.batches_split = self._counter(
            "batches_split_total",
            "Batches or merged updates that were refused or never answered, and taken apart.",
        )
        self.http_requests = self._counter(
            "http_requests_total",
            "Calls to the API by status code; none where no reply came.",
            ("endpoint", "method", "code"),
            ((*call, "200") for call in _CALLS),
        )

    def _declare_troubles(self, topics: tuple[tuple[str], ...]) -> None:
        self.gate_closures = self._counter(
            "gate_closures_total",
            "Times the gate to the API closed or stayed closed for longer.",
            ("cause",),
            _GATE_CAUSES,
        )
        self.halts = self._counter("halts_total", "Times the flow was halted.", ("cause",), _HALT_CAUSES)
        self.pauses = self._counter("pauses_total", "Partitions paused: buffer full, or read too far ahead.")
        self.rebalances = self._counter(
            "rebalances_total", "Times partitions were assigned, revoked or lost."
        )
        self.commit_failures = self._counter("commit_failures_total", "Offset commits that failed.")
        self.unreadable_checkpoints = self._counter(
            "unreadable_checkpoints_total", "Checkpoints in commit metadata that could not be read."
        )
        self.dead_letter_write_failures = self._counter(
            "dead_letter_write_failures_total", "Attempts to write to the dead-letter topic that failed."
        )
        self.records_lost = self._counter(
            "records_lost_total", "Offsets that Kafka deleted before they were settled.", ("topic",), topics
        )
        self.log_lines_lost = self._counter("log_lines_lost_total", "Log lines that could not be written.")

    def _declare_gauges(self) -> None:
        partition = ("topic", "partition")
        self.backlog = self._gauge(
            "backlog_records", "Records not settled: lag less what is settled.", partition
        )
        self.lag = self._gauge(
            "consumer_lag_records", "Records between the committed offset and the log's end.", partition
        )
        self.committed = self._gauge(
            "committed_offset", "The committed offset: all below it is settled.", partition
        )
        self.oldest_unsettled = self._gauge(
            "oldest_unsettled_seconds",
            "Age of the oldest record read and not settled; 0 where there is none.",
            partition,
        )
        self.jobs_in_flight = self._gauge(
            "jobs_in_flight", "Unfinished jobs, and requests unanswered.", ("endpoint",), ENDPOINTS
        )
        self.jobs_limit = self._gauge("jobs_limit", "Unfinished jobs that there may be at once for now.")
        self.held_back = self._gauge(
            "held_back", "1 while a batch that could go waits for the limits of the flow alone."
        )
        self.waiting_for_checkpoint = self._gauge(
            "waiting_for_checkpoint_events",
            "Events that could go but for the room in the checkpoint of their partition.",
        )
        self.halted = self._gauge(
            "halted", "1 while nothing is submitted for this cause.", ("cause",), _HALT_CAUSES
        )
        self.application_halted = self._gauge(
            "application_halted",
            "1 while nothing is submitted for this application: its requests are denied.",
            ("application",),
        )
        self.kafka_trouble = self._gauge(
            "kafka_trouble",
            "1 while Kafka refuses or lacks something, or a decoder can't work; exported only meanwhile.",
            ("cause",),
        )
        self.gate_open = self._gauge("gate_open", "1 while calls to the API may pass, 0 while they wait.")
        self.buffered_events = self._gauge("buffered_events", "Events in memory.")
        self.buffered_bytes = self._gauge("buffered_bytes", "Bytes of the events in memory.")
        self.broker_round_trip = self._gauge(
            "broker_round_trip_seconds", "Mean round trip to the slowest broker; exported once measured."
        )
        self.last_confirmation = self._gauge(
            "last_confirmation_timestamp_seconds", "When a record was last confirmed; exported once one was."
        )
