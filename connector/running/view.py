"""Shows the engine and the consumer to those who ask: probes, gauges, the status page.

Changes nothing of theirs; it remembers how fast things went.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from connector import __version__
from connector.core.following.job import Job
from connector.core.holding_back.orders import Paused
from connector.core.overview import HaltsInForce, Overview, PartitionOverview
from connector.kafka.group.source import Source
from connector.kafka.troubles import Trouble
from connector.model import Cause
from connector.ops.mends import mend_for, mend_of
from connector.ops.metrics import Metrics
from connector.ops.rates import RateMeter
from connector.ops.readiness import readiness
from connector.ops.status import (
    GateView,
    Health,
    JobView,
    ObstacleView,
    PartitionView,
    Snapshot,
    State,
    Status,
)
from connector.ops.watch import Heartbeat, RecentErrors
from connector.pulse import Pulse
from connector.running.incidents import Incidents
from connector.settings import Settings


class View:
    """Answers `/livez`, `/readyz`, `/status.json` and the gauges of `/metrics`."""

    def __init__(
        self,
        settings: Settings,
        pulse: Pulse,
        source: Source,
        incidents: Incidents,
        metrics: Metrics,
        heartbeat: Heartbeat,
        errors: RecentErrors,
        others_may_own: Callable[[], bool],
    ) -> None:
        """`others_may_own`: whether its partitions may be other members' by now, without its knowledge."""
        self._settings = settings
        self._pulse = pulse
        self._engine = pulse.engine
        self._source = source
        self._incidents = incidents
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._errors = errors
        self._others_may_own = others_may_own
        self._started = pulse.clock()
        self._configuration: dict[str, Any] = settings.masked()
        self._host = socket.gethostname()
        """In Kubernetes the name of the Pod: which one it is that a port-forward leads to."""
        self.rates = RateMeter()

    def live(self) -> Health:
        """Say whether every loop is still going (`/livez`)."""
        return self._heartbeat.health()

    def ready(self) -> Health:
        """Say whether records flow, or what keeps them from it (`/readyz`)."""
        return readiness(
            joined=self._source.joined,
            halts=self._halts(self._engine.halts),
            troubles=self._blocking_troubles(),
            paused=_who_paused(self._engine.paused),
            stopping=self._engine.stopping,
        )

    def sample(self) -> None:
        """Take a point of the rates; call it about every second."""
        self.rates.sample(self._pulse.clock(), *self._metrics.totals())

    def snapshot(self) -> Snapshot:
        """Return the figures of all gauges; none of partitions whose owner may show others for them."""
        shown = Snapshot()
        self._fill(shown, self._engine.overview())
        if self._others_may_own():
            shown.partitions = []
        return shown

    def status(self) -> Status:
        """Return what `/status` and `/status.json` show."""
        self.sample()
        now, seen = self._pulse.clock(), self._engine.overview()
        shown = Status(
            version=__version__,
            generated_at=now,
            uptime=now - self._started,
            group=self._settings.kafka.group_id,
            member=self._host,
            out_of_sight=not self._source.joined or self._incidents.cut_off,
            jobs=[_job(job, now) for job in seen.jobs],
            rates=self.rates.rates(),
            max_buffered_events=self._settings.buffer.max_events,
            max_buffered_bytes=self._settings.buffer.max_bytes,
            errors=self._errors.newest_first(),
            settled=self._metrics.settled(),
            dead_letters=self._metrics.dead_letters_by_reason(),
            dead_letters_owed=dict(seen.owed),
            configuration=self._configuration,
        )
        self._fill(shown, seen)
        return shown

    def _fill(self, shown: Snapshot, seen: Overview) -> None:
        """Set the figures that the gauges and the page show."""
        shown.state = self._state(seen)
        shown.applications = [*self._settings.accounts]
        shown.halts = self._halts_and_pause(seen)
        shown.gate = self._gate(seen)
        shown.troubles = [self._trouble(kind, each) for kind, each in self._incidents.open.items()]
        shown.partitions = self._partitions(seen)
        shown.jobs_in_flight = {endpoint.value: count for endpoint, count in seen.in_flight.items()}
        shown.jobs_limit = seen.jobs_limit
        shown.held_back = self._engine.held_back(self._pulse.clock())
        shown.waiting_for_checkpoint = seen.waiting_for_checkpoint
        shown.buffered_events = seen.buffered_events
        shown.buffered_bytes = seen.buffered_bytes

    def _state(self, seen: Overview) -> State:
        if seen.stopping:
            return State.STOPPING
        if not self._source.joined:
            return State.STARTING
        if seen.halts.halted or self._blocking_troubles():
            return State.HALTED
        if seen.paused is not None:
            return State.PAUSED
        return State.RUNNING if seen.closing is None else State.GATE_CLOSED

    def _halts_and_pause(self, seen: Overview) -> list[ObstacleView]:
        """Return what the page and the gauge `halted` show: a pause counts as a halt there.

        Those of the whole instance first, in the order in which they began.
        """
        halts = self._halts(seen.halts)
        if seen.paused is not None:
            who = _who_paused(seen.paused)
            halts.append(ObstacleView(Cause.PAUSED, who, mend_of(Cause.PAUSED), seen.paused.since))
            halts.sort(key=lambda halt: (bool(halt.subject), halt.since))
        return halts

    def _halts(self, seen: HaltsInForce) -> list[ObstacleView]:
        named = [("", halt) for halt in seen.of_instance.values()]
        named += [(self._settings.pushwoosh.code_of(name), halt) for name, halt in seen.applications.items()]
        return [
            ObstacleView(halt.cause, halt.message, mend_for(halt), halt.since, name) for name, halt in named
        ]

    def _blocking_troubles(self) -> list[ObstacleView]:
        troubles = self._incidents.open
        return [self._trouble(kind, each) for kind, each in troubles.items() if each.blocking]

    def _trouble(self, kind: tuple[str, str], trouble: Trouble) -> ObstacleView:
        since = self._incidents.since[kind]
        return ObstacleView(trouble.code, trouble.message, trouble.mend, since, trouble.subject)

    def _gate(self, seen: Overview) -> GateView | None:
        closing = seen.closing
        if closing is None:
            return None
        left = max(0.0, seen.closed_until - self._pulse.clock())
        return GateView(closing.cause, closing.message, left, closing.closed_at)

    def _partitions(self, seen: Overview) -> list[PartitionView]:
        ends, log_ends = self._source.known_ends(), self._source.statistics().log_ends
        now = self._pulse.clock()
        return [
            _partition(each, ends.get(each.partition), log_ends.get(each.partition), now)
            for each in seen.partitions
        ]


def _who_paused(paused: Paused | None) -> str:
    return "" if paused is None else f"paused by {paused.by}"


def _partition(seen: PartitionOverview, end: int | None, log_end: int | None, now: float) -> PartitionView:
    oldest = seen.oldest_unsettled
    return PartitionView(
        seen.partition.topic,
        seen.partition.partition,
        position=seen.position,
        end=end,
        log_end=log_end,
        backlog=None if end is None else max(0, end - seen.settled) + seen.letters_under_way,
        oldest_unsettled_seconds=max(0.0, now - oldest / 1000) if oldest else 0.0,
        buffered=seen.buffered,
        paused=seen.paused,
    )


def _job(job: Job, now: float) -> JobView:
    return JobView(
        job.request_id,
        job.endpoint,
        age=max(0.0, now - job.accepted_at),
        devices=len(job.events),
        progress=job.polls.progress,
        polls=job.polls.made,
        adopted=job.adopted,
    )
