"""One engine between a log and an API, and what must hold of it at every moment."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from connector.answers import Accepted
from connector.core.actions import Commit, Pause, Poll, Resume, Submit
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.limits import Limits
from connector.core.queueing.coalesce import contributors, row_of
from connector.core.reading.event import Event
from connector.core.remembering import checkpoint
from connector.model import Position, Start, TopicPartition
from tests.property.engine_api import Api
from tests.property.engine_log import Log, Place, fresh, place_of
from tests.unit.core.builders import NOW, written

HAND_OVER = "handing over"


@dataclass
class World:
    """The engine's surroundings."""

    engine: Engine
    now: float = NOW
    log: Log = field(default_factory=Log)
    api: Api = field(default_factory=Api)
    read_to: dict[TopicPartition, int] = field(default_factory=dict)
    """By partition that is assigned, the next offset to read."""
    committed: dict[TopicPartition, Position] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    submits: list[Submit] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    commit: Commit | None = None
    letters: Counter[Place] = field(default_factory=Counter)
    """Records in the dead-letter topic."""

    # -- what the engine is told ------------------------------------------------------------------

    def assign(self, partition: TopicPartition) -> None:
        position = self.committed.get(partition, Position(0, ""))
        self.read_to[partition] = position.offset
        self.engine.assigned(Start(partition, *position))

    def let_go(self, partition: TopicPartition, *, lost: bool) -> None:
        del self.read_to[partition]
        self.paused.discard(partition)
        if lost:
            self.engine.lost([partition], self.now)
            return
        for gone, position in self.engine.revoked([partition], self.now).items():
            self.check_position(gone, position, [])
            self.committed[gone] = position

    def read(self, partition: TopicPartition, most: int) -> None:
        """Deliver the next records of a partition."""
        log = self.log.of(partition)
        offsets = self.log.beyond(partition, self.read_to[partition])[:most]
        if offsets:
            self.read_to[partition] = offsets[-1] + 1
            outcomes = [fresh(log[offset]) for offset in offsets]
            records = [written(offset, b"{}", partition) for offset in offsets]
            self.engine.received(partition, records, outcomes, self.now)

    def at_end(self, partition: TopicPartition) -> None:
        """Tell that there is nothing between what was read and the end, where that is so."""
        if not self.log.beyond(partition, self.read_to[partition]):
            end = self.read_to[partition] = self.log.end[partition]
            self.engine.ended(partition, end, self.now)

    def acknowledge(self) -> None:
        """The commit under way is in the log, letters and positions at once."""
        assert self.commit is not None
        commit, self.commit = self.commit, None
        self.committed.update(commit.positions)
        for letter in commit.letters:
            self.letters[place_of(letter.record)] += 1
        assert all(times == 1 for times in self.letters.values()), "a record was dead-lettered twice"
        self.engine.committed(self.now)

    # -- what the engine asks for -----------------------------------------------------------------

    def plan(self) -> None:
        """Ask for actions until there are none; check each; check when the engine wants to be asked."""
        engine = self.engine
        for _ in range(10_000):
            actions = engine.plan(self.now)
            if not actions:
                break
            for action in actions:
                match action:
                    case Submit(batch):
                        self.check_batch(batch)
                        self.submits.append(action)
                    case Poll():
                        self.polls.append(action)
                    case Commit(positions, letters):
                        assert self.commit is None, "two commits at once"
                        self.commit = action
                        for partition, position in positions.items():
                            self.check_position(partition, position, [place_of(x.record) for x in letters])
                    case Pause(partitions):
                        self.paused.update(partitions)
                    case Resume(partitions):
                        self.paused.difference_update(partitions)
        wake_at = engine.wake_at(self.now)
        assert wake_at is None or wake_at > self.now, "a wake-up call for nothing"

    def pass_time(self, seconds: float) -> None:
        """Let time pass; up to the wake-up call there must be nothing to do."""
        self.plan()
        wake_at = self.engine.wake_at(self.now)
        self.now += seconds
        if wake_at is None or self.now < wake_at:
            assert self.engine.plan(self.now) == [], "it slept through work"

    # -- what must hold ---------------------------------------------------------------------------

    def check_batch(self, batch: Batch) -> None:
        engine = self.engine
        limits = engine.components.dispatch._limits
        assert batch.events
        assert not engine.components.orders.submissions_held
        assert not engine.stopping
        assert not engine.components.adoption.recalling(self.now)
        assert len(batch.events) <= limits.max_devices
        rows = [row_of(event) for event in batch.events]
        assert len(rows) == 1 or sum(len(row) + 1 for row in rows) <= limits.max_bytes
        unfinished = [job for job in engine.components.tracking.jobs.values() if not job.kept_from_ending]
        assert len(unfinished) + len(engine.components.dispatch.posting) <= limits.max_in_flight
        for event in batch.events:
            assert (event.endpoint, event.application) == (batch.endpoint, batch.application)
            assert not event.blocked
            for key in event.keys:
                assert engine.components.lanes.holder(key) is event
            self.check_order(event)

    def check_order(self, event: Event) -> None:
        """Everything older of the same device and partition is settled or refused, or part of this."""
        mine = {(each.assignment.partition, each.offset) for each in contributors(event)}
        owed = self.owed()
        for each in contributors(event):
            assert each.assignment.live, "sent for a partition that is not ours"
            log = self.log.of(each.assignment.partition)
            for offset, older in log.items():
                if offset >= each.offset or not isinstance(older, Event):
                    continue
                place = (each.assignment.partition, offset)
                if set(older.keys).isdisjoint(event.keys) or place in self.api.good or place in owed:
                    continue
                assert self.letters[place] or place in mine, "order broken"

    def owed(self) -> set[Place]:
        state = self.engine.components
        under_way = state.ledger.under_way.owed if state.ledger.under_way else []
        return {(each.assignment.partition, each.offset) for each in (*state.owed, *under_way)}

    def check_position(self, partition: TopicPartition, position: Position, letters: list[Place]) -> None:
        """Nothing below a committed position, or settled in its metadata, is unsettled in truth."""
        known = checkpoint.decode(position.metadata, position.offset)
        settled = known.settled if known else b""
        for offset, outcome in self.log.of(partition).items():
            at = offset - position.offset
            if at >= 0 and not (at < len(settled) and settled[at]):
                continue
            place = (partition, offset)
            fine = outcome is None or place in self.api.good or self.letters[place] or place in letters
            assert fine, f"{place} counts as settled and is not"

    def check(self) -> None:
        """What holds between any two steps."""
        engine = self.engine
        under_way: Counter[str] = Counter()
        for job in engine.components.tracking.jobs.values():
            held = [event for event in job.events if event.bound_to == job.serial and not event.blocked]
            under_way.update({key for event in held for key in event.keys})
        for batch in engine.components.dispatch.posting.values():
            under_way.update(key for event in batch.events for key in event.keys)
        assert not [key for key, times in under_way.items() if times > 1], "one device in two jobs"
        for partition, assignment in engine.assignments.items():
            assert assignment.events_held == self.in_memory(partition)
            assert (assignment.events_held == 0) == (assignment.bytes_held == 0)

    def in_memory(self, partition: TopicPartition) -> int:
        """How many records of a partition the engine must be holding, by its own offsets."""
        assignment = self.engine.assignments[partition]
        under_way = self.engine.components.ledger.under_way
        writing = [each for each in (under_way.owed if under_way else []) if each.assignment is assignment]
        return assignment.offsets.unsettled() + len(writing)

    def end_well(self) -> None:
        """Answer everything as one would wish: all must be settled, and nothing be left."""
        engine = self.engine
        engine.allow_submissions(HAND_OVER)
        engine.release(self.now)
        for _ in range(20_000):
            for partition in self.read_to:
                if partition not in self.paused:
                    self.read(partition, 1000)
            self.plan()
            self._answer_well()
            if self.submits or self.polls or self.commit or engine.plan(self.now):
                self._nothing_lost()
                continue
            wake_at = engine.wake_at(self.now)
            if wake_at is None and not engine.components.halts.of_instance:
                break
            engine.release(self.now)  # the brake: a person has looked
            wake_at = self.now if wake_at is None else wake_at
            self.now = max(self.now, wake_at)
        self.check_end()

    def _nothing_lost(self) -> None:
        """Actions that the look-ahead asked for are answered too."""
        engine = self.engine
        known = {submit.batch.serial for submit in self.submits}
        self.submits += [
            Submit(batch)
            for batch in engine.components.dispatch.posting.values()
            if batch.serial not in known
        ]
        polled = {poll.job.serial for poll in self.polls}
        self.polls += [
            Poll(job, detailed=True)
            for job in engine.components.tracking.jobs.values()
            if job.polls.under_way and job.serial not in polled
        ]
        if self.commit is None and engine.components.ledger.under_way is not None:
            operation = engine.components.ledger.under_way
            self.commit = Commit(operation.positions, [owed.letter for owed in operation.owed])
        for partition, assignment in engine.assignments.items():
            (self.paused.add if assignment.paused else self.paused.discard)(partition)

    def _answer_well(self) -> None:
        submits, self.submits = self.submits, []
        for submit in submits:
            self.engine.posted(submit.batch, Accepted(self.api.accept(submit.batch)), self.now)
        polls, self.polls = self.polls, []
        for poll in polls:
            report = self.api.finish(poll.job.request_id, [])
            self.engine.polled(poll.job, report, self.now, self.now)
        if self.commit is not None:
            self.acknowledge()

    def check_end(self) -> None:
        engine = self.engine
        assert engine.idle
        assert engine.components.lanes.busy == 0
        assert not engine.components.lanes.waiters()
        assert not engine.components.ledger.letters_owed
        assert not self.paused
        for partition, assignment in engine.assignments.items():
            assert assignment.events_held == assignment.bytes_held == 0
            end = max(self.log.of(partition), default=-1) + 1
            assert self.committed.get(partition, Position(0, "")).offset >= end


def world(bounds: Limits, seed: int) -> World:
    return World(Engine(bounds, random.Random(seed).random))
