"""Shows the engine and the consumer to those who ask: probes, gauges, the status page.

Changes nothing of theirs; it remembers how fast things went.
"""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from connector import __version__
from connector.core.batching.jobs import Job
from connector.core.remembering.assignment import Assignment
from connector.core.settling.owed import Owed
from connector.kafka.troubles import Trouble
from connector.model import Cause, TopicPartition
from connector.ops.metrics import Metrics
from connector.ops.rates import RateMeter
from connector.ops.status import (
    GateView,
    HaltView,
    Health,
    JobView,
    PartitionView,
    Snapshot,
    State,
    Status,
    readiness,
)
from connector.ops.watch import Heartbeat, RecentErrors
from connector.pulse import Pulse
from connector.running.consuming import Consuming
from connector.settings import Settings


class View:
    """Answers `/livez`, `/readyz`, `/status.json` and the gauges of `/metrics`."""

    def __init__(
        self,
        settings: Settings,
        pulse: Pulse,
        consuming: Consuming,
        metrics: Metrics,
        heartbeat: Heartbeat,
        errors: RecentErrors,
    ) -> None:
        self._settings = settings
        self._pulse = pulse
        self._engine = pulse.engine
        self._consuming = consuming
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._errors = errors
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
            joined=self._consuming.source.joined,
            halts=self._halts(),
            troubles=self._blocking_troubles(),
            stopping=self._engine.stopping,
        )

    def sample(self) -> None:
        """Take a point of the rates; call it about every second."""
        self.rates.sample(self._pulse.clock(), *self._metrics.totals())

    def snapshot(self) -> Snapshot:
        """Return the figures of all gauges."""
        shown = Snapshot()
        self._fill(shown)
        return shown

    def status(self) -> Status:
        """Return what `/status` and `/status.json` show."""
        self.sample()
        now = self._pulse.clock()
        jobs = sorted(self._engine.jobs.values(), key=lambda job: job.accepted_at)
        shown = Status(
            version=__version__,
            generated_at=now,
            uptime=now - self._started,
            group=self._settings.kafka.group_id,
            member=self._host,
            out_of_sight=not self._consuming.source.joined or self._consuming.incidents.cut_off,
            jobs=[_job(job, now) for job in jobs],
            rates=self.rates.rates(),
            max_buffered_events=self._settings.buffer.max_events,
            max_buffered_bytes=self._settings.buffer.max_bytes,
            errors=self._errors.newest_first(),
            settled=self._metrics.settled(),
            dead_letters=self._metrics.dead_letters_by_reason(),
            dead_letters_owed=dict(self._engine.ledger.owed.by_reason()),
            configuration=self._configuration,
        )
        self._fill(shown)
        return shown

    def _fill(self, shown: Snapshot) -> None:
        """Set what the gauges show, and the page, too."""
        homes = self._engine.assignments.values()
        shown.state = self._state()
        shown.applications = [*self._settings.accounts]
        shown.halts = self._halts()
        shown.gate = self._gate()
        shown.troubles = [self._trouble(kind, each) for kind, each in self._consuming.incidents.open.items()]
        shown.partitions = self._partitions()
        shown.jobs_in_flight = dict(
            Counter(job.endpoint.value for job in self._engine.jobs.values())
            + Counter(batch.endpoint.value for batch in self._engine.posting.values())
        )
        shown.jobs_limit = self._engine.concurrency.limit
        shown.held_back = self._engine.held_back(self._pulse.clock())
        shown.waiting_for_checkpoint = sum(len(home.waiting_for_room) for home in homes)
        shown.buffered_events = sum(home.events_held for home in homes)
        shown.buffered_bytes = sum(home.bytes_held for home in homes)

    def _state(self) -> State:
        if self._engine.stopping:
            return State.STOPPING
        if not self._consuming.source.joined:
            return State.STARTING
        if any(halt.cause != Cause.PAUSED for halt in self._engine.halts.all()) or self._blocking_troubles():
            return State.HALTED
        if Cause.PAUSED in self._engine.halts.whole:
            return State.PAUSED
        if self._engine.outage is not None:
            return State.GATE_CLOSED
        return State.RUNNING

    def _halts(self) -> list[HaltView]:
        whole = self._engine.halts.whole.values()
        named = [
            (self._settings.code_of(name), halt) for name, halt in self._engine.halts.applications.items()
        ]
        return [
            *(HaltView(halt.cause, halt.message, halt.mend, halt.since) for halt in whole),
            *(HaltView(halt.cause, halt.message, halt.mend, halt.since, name) for name, halt in named),
        ]

    def _blocking_troubles(self) -> list[HaltView]:
        troubles = self._consuming.incidents.open
        return [self._trouble(kind, each) for kind, each in troubles.items() if each.blocking]

    def _trouble(self, kind: tuple[str, str], trouble: Trouble) -> HaltView:
        since = self._consuming.incidents.since[kind]
        return HaltView(trouble.code, trouble.message, trouble.mend, since, trouble.subject)

    def _gate(self) -> GateView | None:
        gate = self._engine.gate
        if gate.closed_until is None:
            return None
        cause, message, since = gate.closing
        return GateView(cause, message, max(0.0, gate.closed_until - self._pulse.clock()), since)

    def _partitions(self) -> list[PartitionView]:
        ends = self._consuming.source.known_ends()
        now = self._pulse.clock()
        homes = sorted(self._engine.assignments.items())
        under_way = self._engine.ledger.under_way
        written: defaultdict[Assignment, list[Owed]] = defaultdict(list)
        for owed in under_way.owed if under_way else ():
            written[owed.home].append(owed)
        return [
            _partition(partition, home, ends.get(partition), written[home], now) for partition, home in homes
        ]


def _partition(
    partition: TopicPartition, home: Assignment, end: int | None, written: Sequence[Owed], now: float
) -> PartitionView:
    """Show a partition.

    `written` are its letters in the commit under way. For the commit their offsets are settled; for whoever
    looks they are not before it is acknowledged.
    """
    offsets = home.offsets
    backlog = None if end is None else max(0, end - offsets.safe() - offsets.settled_beyond()) + len(written)
    timestamps = (offsets.oldest_timestamp() or 0, *(owed.timestamp for owed in written))
    oldest = min((each for each in timestamps if each > 0), default=0)
    return PartitionView(
        partition.topic,
        partition.partition,
        position=home.committed.offset,
        end=end,
        backlog=backlog,
        oldest_unsettled_seconds=max(0.0, now - oldest / 1000) if oldest else 0.0,
        buffered=home.events_held,
        paused=home.paused,
    )


def _job(job: Job, now: float) -> JobView:
    return JobView(
        job.request_id,
        job.endpoint,
        age=max(0.0, now - job.accepted_at),
        devices=len(job.events),
        progress=job.progress,
        polls=job.polls,
        adopted=job.adopted,
    )
