"""A partition while we own it: it is assigned, its records are read, it goes to another owner.

Given: the facts of `Engine`. Gives: events in their lanes, adopted jobs with their records,
rejections owed to the dead-letter topic; on revocation the positions that are still to be committed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from connector.core.assigned.assignment import Assignment
from connector.core.components import Components
from connector.core.following.job import Job
from connector.core.reading.event import Decoded, Event, bytes_of
from connector.core.remembering import checkpoint
from connector.core.settling.owed import Owed
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
            text = "checkpoint unreadable: its jobs will be submitted again"
            self._notices.tell_of(start.partition, "warning", text)
        assignment = Assignment(start.partition, start.offset, known.settled if known else b"")
        assignment.until = until
        assignment.committed = Position(start.offset, start.metadata)
        if not start.committed:
            assignment.start_committed = False
            assignment.changed()
        self._ledger.assignments[start.partition] = assignment
        adopted = self._adoption.expect(assignment, known.jobs) if known else 0
        if adopted:
            self._notices.tell_of(start.partition, "info", "adopting unfinished jobs", jobs=adopted)

    def received(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Decoded],
        now: float,
    ) -> None:
        """Records of one partition were read, in offset order, each with what decoding made of it."""
        assignment = self._ledger.assignments.get(partition)
        if assignment is None:
            return
        if assignment.until is not None and records and records[-1].offset() >= assignment.until:
            keep = bisect_left(records, assignment.until, key=lambda record: record.offset())
            self._take_in(assignment, records[:keep], outcomes[:keep], now)
            self.ended(partition, assignment.until, now)
        else:
            self._take_in(assignment, records, outcomes, now)

    def _take_in(
        self, assignment: Assignment, records: Sequence[Record], outcomes: Sequence[Decoded], now: float
    ) -> None:
        events = [outcome for outcome in outcomes if outcome.__class__ is Event]  # isinstance costs more
        only_events = len(events) == len(records)
        if only_events:  # decoding has read offsets and timestamps already
            offsets = [event.offset for event in events]
            timestamps = [event.timestamp for event in events]
        else:
            offsets = [record.offset() for record in records]
            timestamps = [timestamp_of(record) for record in records]
        next_before = assignment.offsets.next
        partly_known = next_before < max(assignment.known_until, assignment.recall_until)
        assignment.offsets.received(offsets, timestamps)
        self._tally.consumed[assignment.partition.topic] += len(records)
        others = unreadable = 0
        if partly_known or not only_events or (offsets and offsets[0] < next_before):
            events, others, unreadable = self._sort_out(assignment, records, outcomes, next_before, now)
        self._brakes.read(len(events) + unreadable, unreadable, now)
        for event in events:
            event.assignment = assignment
        assignment.hold_memory(len(events), sum([event.size for event in events]))
        if assignment.offsets.next - next_before > len(events) + others:
            assignment.changed()  # gaps, and what was settled before, move the position by themselves
        if partly_known and assignment.adopted:
            self._admit_recalled(events, assignment, now)
        else:
            self._admit(events, now)
        self._adoption.read_on(assignment, now)

    def _sort_out(
        self,
        assignment: Assignment,
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
            if offset < next_before or assignment.offsets.is_settled(offset):
                continue
            if isinstance(outcome, Event):
                events.append(outcome)
            elif outcome is None:
                skipped.append(offset)
            else:
                unreadable += 1
                self._unreadable(record, assignment, outcome, now)
        if skipped:
            self._ledger.skip(assignment, skipped, NO_ENDPOINT)
        return events, len(skipped) + unreadable, unreadable

    def _unreadable(self, record: Record, assignment: Assignment, rejection: Rejection, now: float) -> None:
        size = bytes_of(record)
        assignment.hold_memory(1, size)
        self._ledger.owe(Owed(Letter(record, rejection), assignment, NO_ENDPOINT, size, now))

    def _admit(self, events: Sequence[Event], now: float) -> None:
        coalesced = self._lanes.coalesced
        self._dispatch.queue_ready(self._lanes.admit(events), now)
        self._tally.coalesced += self._lanes.coalesced - coalesced

    def _admit_recalled(self, events: Sequence[Event], assignment: Assignment, now: float) -> None:
        """Admit records of which some are in adopted jobs: one by one, so that they keep their order."""
        for event in events:
            serial = assignment.adopted.pop(event.offset, None)
            if serial is None:
                self._admit([event], now)
            else:
                self._adoption.attach(event, serial)

    def ended(self, partition: TopicPartition, end: int, now: float) -> None:
        """The end of the partition was reached: offsets below `end` that were not delivered don't exist."""
        assignment = self._ledger.assignments.get(partition)
        if assignment is None:
            return
        before = assignment.offsets.next
        assignment.offsets.ended(end if assignment.until is None else min(end, assignment.until))
        if assignment.offsets.next != before:
            assignment.changed()
            self._adoption.read_on(assignment, now)

    def revoked(self, partitions: Iterable[TopicPartition], now: float) -> dict[TopicPartition, Position]:
        """Partitions go to another owner: return what is still to be committed for them, and let go."""
        assignments = self._ours(partitions)
        self._ledger.take_back(assignments)
        positions: dict[TopicPartition, Position] = {}
        for assignment in assignments:
            position = self._reach.position(assignment)
            known = position == assignment.committed and assignment.start_committed
            if not (known or self._ledger.in_doubt(assignment)):
                positions[assignment.partition] = position
        self._let_go(assignments, now)
        return positions

    def lost(self, partitions: Iterable[TopicPartition], now: float) -> None:
        """Partitions are another owner's already: write nothing."""
        self._let_go(self._ours(partitions), now)

    def _ours(self, partitions: Iterable[TopicPartition]) -> list[Assignment]:
        ours = self._ledger.assignments
        return [ours[each] for each in partitions if each in ours]

    def _let_go(self, assignments: Sequence[Assignment], now: float) -> None:
        if not assignments:
            return
        self._adoption.make_way()
        # Looked up before `Ledger.drop`, which clears what an assignment knows of all this.
        jobs = {job.serial: job for assignment in assignments for job in self._tracking.jobs_of(assignment)}
        remaining = [job for assignment in assignments for job in self._adoption.forget(assignment)]
        freed = self._ledger.drop(assignments)
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
