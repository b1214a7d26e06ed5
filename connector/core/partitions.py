"""A partition while we own it: it is assigned, its records are read, it goes to another owner.

Given: the facts of `Engine`. Gives: events in their lanes, adopted jobs with their records,
rejections owed to the dead-letter topic; on revocation the positions that are still to be committed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from connector.core.components import Components
from connector.core.following.job import Job
from connector.core.reading.event import Decoded, Event, bytes_of
from connector.core.remembering import checkpoint
from connector.core.remembering.assignment import Assignment
from connector.core.tally import NO_ENDPOINT
from connector.model import Letter, Position, Record, Rejection, Start, TopicPartition, timestamp_of


class Partitions:
    """Takes records in, and lets go of what is no longer ours."""

    def __init__(self, components: Components) -> None:
        self._tally = components.tally
        self._notices = components.notices
        self._lanes = components.lanes
        self._ledger = components.ledger
        self._reach = components.reach
        self._dispatch = components.dispatch
        self._tracking = components.tracking
        self._halts = components.halts
        self._brakes = components.brakes
        self._adoption = components.adoption
        self._leaving = components.leaving
        self._fates = components.fates

    def assigned(self, start: Start, until: int | None = None) -> None:
        """A partition is ours from now on. `until`: ignore its records from this offset on."""
        known = checkpoint.decode(start.metadata, start.offset)
        if known is None and start.metadata:
            self._tally.unreadable_checkpoints += 1
            self._notices.tell(
                "warning",
                "checkpoint unreadable: its jobs will be submitted again",
                topic=start.partition.topic,
                partition=start.partition.partition,
            )
        home = Assignment(start.partition, start.offset, known.settled if known else b"")
        home.until = until
        home.committed = Position(start.offset, start.metadata)
        self._ledger.assignments[start.partition] = home
        adopted = self._adoption.expect(home, known.jobs) if known else 0
        if adopted:
            self._notices.tell(
                "info",
                "adopting unfinished jobs",
                topic=start.partition.topic,
                partition=start.partition.partition,
                jobs=adopted,
            )

    def received(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Decoded],
        now: float,
    ) -> None:
        """Records of one partition were read, in offset order, each with what decoding made of it."""
        home = self._ledger.assignments.get(partition)
        if home is None:
            return
        if home.until is not None and records and records[-1].offset() >= home.until:
            keep = bisect_left(records, home.until, key=lambda record: record.offset())
            self._take_in(home, records[:keep], outcomes[:keep], now)
            self.ended(partition, home.until, now)
        else:
            self._take_in(home, records, outcomes, now)

    def _take_in(
        self, home: Assignment, records: Sequence[Record], outcomes: Sequence[Decoded], now: float
    ) -> None:
        events = [outcome for outcome in outcomes if outcome.__class__ is Event]  # isinstance costs more
        only_events = len(events) == len(records)
        if only_events:  # decoding has read offsets and timestamps already
            offsets = [event.offset for event in events]
            timestamps = [event.timestamp for event in events]
        else:
            offsets = [record.offset() for record in records]
            timestamps = [timestamp_of(record) for record in records]
        next_before = home.offsets.next
        partly_known = next_before < max(home.known_until, home.recall_until)
        home.offsets.received(offsets, timestamps)
        self._tally.consumed[home.partition.topic] += len(records)
        others = unreadable = 0
        if partly_known or not only_events or (offsets and offsets[0] < next_before):
            events, others, unreadable = self._sort_out(home, records, outcomes, next_before, now)
        self._brakes.read(len(events) + unreadable, unreadable, now)
        for event in events:
            event.home = home
        home.hold_memory(len(events), sum([event.size for event in events]))
        if home.offsets.next - next_before > len(events) + others:
            home.changed()  # gaps, and what was settled before, move the position by themselves
        if partly_known and home.adopted:
            self._admit_recalled(events, home, now)
        else:
            self._admit(events, now)
        self._adoption.read_on(home, now)

    def _sort_out(
        self,
        home: Assignment,
        records: Sequence[Record],
        outcomes: Sequence[Decoded],
        next_before: int,
        now: float,
    ) -> tuple[list[Event], int, int]:
        """Return the new events, the number of other new records, and how many of those are owed a letter."""
        events: list[Event] = []
        skipped: list[int] = []
        unreadable = 0
        for record, outcome in zip(records, outcomes, strict=True):
            offset = record.offset()
            if offset < next_before or home.offsets.is_settled(offset):
                continue
            if isinstance(outcome, Event):
                events.append(outcome)
            elif outcome is None:
                skipped.append(offset)
            else:
                unreadable += 1
                self._unreadable(record, home, outcome, now)
        if skipped:
            self._ledger.skip(home, skipped, NO_ENDPOINT)
        return events, len(skipped) + unreadable, unreadable

    def _unreadable(self, record: Record, home: Assignment, rejection: Rejection, now: float) -> None:
        size = bytes_of(record)
        home.hold_memory(1, size)
        self._ledger.owe(Letter(record, rejection), home, size, NO_ENDPOINT, now)

    def _admit(self, events: Sequence[Event], now: float) -> None:
        coalesced = self._lanes.coalesced
        self._dispatch.queue_ready(self._lanes.admit(events), now)
        self._tally.coalesced += self._lanes.coalesced - coalesced

    def _admit_recalled(self, events: Sequence[Event], home: Assignment, now: float) -> None:
        """Admit records of which some are in adopted jobs: one by one, so that they keep their order."""
        for event in events:
            serial = home.adopted.pop(event.offset, None)
            if serial is None:
                self._admit([event], now)
            else:
                self._adoption.attach(event, serial)

    def ended(self, partition: TopicPartition, end: int, now: float) -> None:
        """The end of the partition was reached: offsets below `end` that were not delivered don't exist."""
        home = self._ledger.assignments.get(partition)
        if home is None:
            return
        before = home.offsets.next
        home.offsets.ended(end if home.until is None else min(end, home.until))
        if home.offsets.next != before:
            home.changed()
            self._adoption.read_on(home, now)

    def revoked(self, partitions: Iterable[TopicPartition], now: float) -> dict[TopicPartition, Position]:
        """Partitions go to another owner: return what is still to be committed for them, and let go."""
        homes = self._ours(partitions)
        self._ledger.take_back(homes)
        positions: dict[TopicPartition, Position] = {}
        for home in homes:
            position = self._reach.position(home)
            if position != home.committed and not self._ledger.in_doubt(home):
                positions[home.partition] = position
        self._let_go(homes, now)
        return positions

    def lost(self, partitions: Iterable[TopicPartition], now: float) -> None:
        """Partitions are another owner's already: write nothing."""
        self._let_go(self._ours(partitions), now)

    def _ours(self, partitions: Iterable[TopicPartition]) -> list[Assignment]:
        ours = self._ledger.assignments
        return [ours[each] for each in partitions if each in ours]

    def _let_go(self, homes: Sequence[Assignment], now: float) -> None:
        if not homes:
            return
        self._adoption.make_way()
        # Looked up before `Ledger.drop`, which clears what an assignment knows of all this.
        jobs = {job.serial: job for home in homes for job in self._tracking.jobs_of(home)}
        remaining = [job for home in homes for job in self._adoption.forget(home)]
        freed = self._ledger.drop(homes)
        self._leaving.forget_revoked(now)
        self._fates.release_held(freed)
        for job in self._tracking.homeless(jobs.values()):
            self._abandon(job, now)
        self._adoption.follow(remaining, now)

    def _abandon(self, job: Job, now: float) -> None:
        """Forget a job none of whose records is ours any more."""
        self._halts.came_to_nothing(job.batch, now)
        self._tracking.remove(job)
        self._leaving.drop(job.events, now)
