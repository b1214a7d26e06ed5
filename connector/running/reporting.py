"""Moves what the parts counted and noticed into the metrics, the log and the status.

Called after each plan. The parts keep plain figures and words until they are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from connector.core.notices import HALTED, Notice
from connector.core.reading.decode import Interpreter
from connector.ops.mends import mend_of
from connector.ops.metrics import Metrics
from connector.ops.watch import RecentErrors
from connector.pulse import Pulse
from connector.running.kafka_side import KafkaSide
from connector.tracing.watch import Observer


class Reporting:
    """Collects from the engine, the consumer and the interpreters."""

    def __init__(
        self,
        pulse: Pulse,
        kafka: KafkaSide,
        interpreters: Mapping[str, Interpreter],
        code_of: Callable[[str], str],
        metrics: Metrics,
        observer: Observer,
        log: FilteringBoundLogger,
        errors: RecentErrors,
    ) -> None:
        self._engine = pulse.engine
        self._clock = pulse.clock
        self._source = kafka.source
        self._committing = kafka.consuming.committing
        self._writing = kafka.consuming.writing
        self._rebalancing = kafka.rebalancing
        self._interpreters = interpreters
        self._code_of = code_of
        self._metrics = metrics
        self._observer = observer
        self._log = log
        self._errors = errors
        self._seen = (0, 0, 0)

    def report(self) -> None:
        """Report everything since the last call."""
        now = self._clock()
        self._metrics.absorb(self._engine.take_tally(), now, self._observer.examples())
        self._count_failures()
        for interpreter in self._interpreters.values():
            if seen := interpreter.take_unknown_platforms():
                self._metrics.unknown_platforms.add(sum(seen.values()))
                self._log.warning("unknown platform codes, sent as they are", codes=[*seen])
        for topic, count in self._source.take_records_lost().items():
            self._metrics.records_lost.add(count, topic)
        for notice in self._engine.take_notices():
            self._tell(notice, now)
        self._metrics.round_trip(self._source.statistics().round_trip)

    def _count_failures(self) -> None:
        metrics = self._metrics
        latest = (self._committing.failures, self._writing.failures, self._rebalancing.rebalances)
        if latest != self._seen:
            counters = (metrics.commit_failures, metrics.dead_letter_write_failures, metrics.rebalances)
            for counter, count, before in zip(counters, latest, self._seen, strict=True):
                counter.add(count - before)
            self._seen = latest

    def _tell(self, notice: Notice, now: float) -> None:
        """Write a line of the log; warnings and errors also go to the status."""
        fields = {**notice.fields}
        if notice.text == HALTED:
            fields["mend"] = fields.get("mend") or mend_of(fields["cause"], fields.get("application", ""))
        if "application" in fields:
            fields["application"] = self._code_of(fields["application"])
        getattr(self._log, notice.level)(notice.text, **fields)
        if notice.level != "info":
            about = (fields.get("application"), fields.get("message") or fields.get("why"))
            self._errors.add(now, ": ".join(str(each) for each in (notice.text, *about) if each))
