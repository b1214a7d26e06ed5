"""A log and an API for one engine, and what must hold of it at every moment."""

from __future__ import annotations

import copy
import random
from collections import Counter
from dataclasses import dataclass, field

from connector.answers import Accepted, JobReport, JobState, Row
from connector.core.actions import Commit, Pause, Poll, Resume, Submit
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.limits import Limits
from connector.core.queueing.coalesce import contributors, row_of
from connector.core.reading.event import NOWHERE, Event
from connector.core.remembering import checkpoint
from connector.model import Position, Record, Rejection, Start, TopicPartition
from tests.unit.core.builders import NOW, UNDECODABLE, registration, tags, written

HAND_OVER = "handing over"
KINDS = (
    *("set", "set", "set", "append", "append", "remove"),
    *("registration", "by token", "by both", "tombstone", "rubbish", "gap"),
)
Place = tuple[TopicPartition, int]


@dataclass
class ApiJob:
    """What the API knows of a job: a row and the records behind it for each device."""

    rows: list[tuple[Row, list[Place]]]
    report: JobReport | None = None


@dataclass
class World:
    """The engine's surroundings."""

    engine: Engine
    now: float = NOW
    log: dict[TopicPartition, dict[int, Event | Rejection | None]] = field(default_factory=dict)
    """By partition, what decoding made of the record at each offset."""
    end: Counter[TopicPartition] = field(default_factory=Counter)
    """By partition, the offset of the next record."""
    read_to: dict[TopicPartition, int] = field(default_factory=dict)
    """By partition that is assigned, the next offset to read."""
    committed: dict[TopicPartition, Position] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    submits: list[Submit] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    commit: Commit | None = None
    jobs: dict[str, ApiJob] = field(default_factory=dict)
    good: set[Place] = field(default_factory=set)
    """Records that the API confirmed."""
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

    def produce(self, partition: TopicPartition, count: int, seed: int) -> None:
        """Append records about a few devices, tombstones, rubbish and gaps to a partition."""
        dice = random.Random(seed)
        log = self.log.setdefault(partition, {})
        for _ in range(count):
            offset = self.end[partition]
            self.end[partition] += 1
            kind = dice.choice(KINDS)
            if kind != "gap":
                log[offset] = outcome_of(kind, offset, partition, dice)

    def read(self, partition: TopicPartition, most: int) -> None:
        """Deliver the next records of a partition."""
        log = self.log.setdefault(partition, {})
        offsets = sorted(offset for offset in log if offset >= self.read_to[partition])[:most]
        if offsets:
            self.read_to[partition] = offsets[-1] + 1
            outcomes = [fresh(log[offset]) for offset in offsets]
            records = [written(offset, b"{}", partition) for offset in offsets]
            self.engine.received(partition, records, outcomes, self.now)

    def at_end(self, partition: TopicPartition) -> None:
        """Tell that there is nothing between what was read and the end, where that is so."""
        if not [offset for offset in self.log.get(partition, {}) if offset >= self.read_to[partition]]:
            self.read_to[partition] = self.end[partition]
            self.engine.ended(partition, self.end[partition], self.now)

    def accept(self, batch: Batch) -> str:
        """The API makes a job of a batch; the engine is not told yet."""
        name = f"job-{len(self.jobs)}"
        rows = [
            (
                Row(event.hwid, event.user_id, event.push_token),
                [(each.home.partition, each.offset) for each in contributors(event)],
            )
            for event in batch.events
        ]
        self.jobs[name] = ApiJob(rows)
        return name

    def finish(self, name: str, statuses: list[str]) -> JobReport:
        """The API's report of a job: made once, from a status for each device in turn."""
        job = self.jobs[name]
        if job.report is None:
            rows = []
            for at, (row, places) in enumerate(job.rows):
                status = statuses[at % len(statuses)] if statuses else "done"
                if status == "missing":
                    continue
                refused = {"t": "tag not found"} if status == "refused" else None
                word = "done" if status == "refused" else status
                rows.append(Row(row.hwid, row.user_id, row.push_token, word, refused))
                if status == "done":
                    self.good.update(places)
            job.report = JobReport(JobState.COMPLETED, "Completed", 100, rows)
        return job.report

    def fail(self, name: str) -> JobReport:
        job = self.jobs[name]
        job.report = job.report or JobReport(JobState.FAILED, "Failed", 100, None)
        return job.report

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
        limits = engine.rooms.dispatch._limits
        assert batch.events
        assert not engine.frozen
        assert not engine.stopping
        assert not engine.rooms.adoption.recalling(self.now)
        assert len(batch.events) <= limits.max_devices
        rows = [row_of(event) for event in batch.events]
        assert len(rows) == 1 or sum(len(row) + 1 for row in rows) <= limits.max_bytes
        unfinished = [job for job in engine.rooms.tracking.jobs.values() if not job.held_up]
        assert len(unfinished) + len(engine.rooms.dispatch.posting) <= limits.max_in_flight
        for event in batch.events:
            assert (event.endpoint, event.application) == (batch.endpoint, batch.application)
            assert not event.blocked
            for key in event.keys:
                assert engine.rooms.lanes.holder(key) is event
            self.check_order(event)

    def check_order(self, event: Event) -> None:
        """Everything older of the same device and partition is settled or refused, or part of this."""
        mine = {(each.home.partition, each.offset) for each in contributors(event)}
        owed = self.owed()
        for each in contributors(event):
            assert each.home.live, "sent for a partition that is not ours"
            log = self.log[each.home.partition]
            for offset, older in log.items():
                if offset >= each.offset or not isinstance(older, Event):
                    continue
                place = (each.home.partition, offset)
                if set(older.keys).isdisjoint(event.keys) or place in self.good or place in owed:
                    continue
                assert self.letters[place] or place in mine, "order broken"

    def owed(self) -> set[Place]:
        state = self.engine.rooms
        under_way = state.ledger.under_way.owed if state.ledger.under_way else []
        return {(each.home.partition, each.offset) for each in (*state.owed, *under_way)}

    def check_position(self, partition: TopicPartition, position: Position, letters: list[Place]) -> None:
        """Nothing below a committed position, or settled in its metadata, is unsettled in truth."""
        known = checkpoint.decode(position.metadata, position.offset)
        settled = known.settled if known else b""
        for offset, outcome in self.log.get(partition, {}).items():
            at = offset - position.offset
            if at >= 0 and not (at < len(settled) and settled[at]):
                continue
            place = (partition, offset)
            fine = outcome is None or place in self.good or self.letters[place] or place in letters
            assert fine, f"{place} counts as settled and is not"

    def check(self) -> None:
        """What holds between any two steps."""
        engine = self.engine
        under_way: Counter[str] = Counter()
        for job in engine.rooms.tracking.jobs.values():
            held = [event for event in job.events if event.bound_to == job.serial and not event.blocked]
            under_way.update({key for event in held for key in event.keys})
        for batch in engine.rooms.dispatch.posting.values():
            under_way.update(key for event in batch.events for key in event.keys)
        assert not [key for key, times in under_way.items() if times > 1], "one device in two jobs"
        for partition, home in engine.assignments.items():
            assert home.events_held == self.in_memory(partition)
            assert (home.events_held == 0) == (home.bytes_held == 0)

    def in_memory(self, partition: TopicPartition) -> int:
        """How many records of a partition the engine must be holding, by its own offsets."""
        home = self.engine.assignments[partition]
        under_way = self.engine.rooms.ledger.under_way
        writing = [each for each in (under_way.owed if under_way else []) if each.home is home]
        return home.offsets.unsettled() + len(writing)

    def end_well(self) -> None:
        """Answer everything as one would wish: all must be settled, and nothing be left."""
        engine = self.engine
        engine.thaw(HAND_OVER)
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
            if wake_at is None and not engine.rooms.halts.whole:
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
            Submit(batch) for batch in engine.rooms.dispatch.posting.values() if batch.serial not in known
        ]
        polled = {poll.job.serial for poll in self.polls}
        self.polls += [
            Poll(job, detailed=True)
            for job in engine.rooms.tracking.jobs.values()
            if job.polls.under_way and job.serial not in polled
        ]
        if self.commit is None and engine.rooms.ledger.under_way is not None:
            operation = engine.rooms.ledger.under_way
            self.commit = Commit(operation.positions, [owed.letter for owed in operation.owed])
        for partition, home in engine.assignments.items():
            (self.paused.add if home.paused else self.paused.discard)(partition)

    def _answer_well(self) -> None:
        submits, self.submits = self.submits, []
        for submit in submits:
            self.engine.posted(submit.batch, Accepted(self.accept(submit.batch)), self.now)
        polls, self.polls = self.polls, []
        for poll in polls:
            report = self.finish(poll.job.request_id, [])
            self.engine.polled(poll.job, report, self.now, self.now)
        if self.commit is not None:
            self.acknowledge()

    def check_end(self) -> None:
        engine = self.engine
        assert engine.idle
        assert engine.rooms.lanes.busy == 0
        assert not engine.rooms.lanes.waiters()
        assert not engine.rooms.ledger.letters_owed
        assert not self.paused
        for partition, home in engine.assignments.items():
            assert home.events_held == home.bytes_held == 0
            end = max(self.log.get(partition, {}), default=-1) + 1
            assert self.committed.get(partition, Position(0, "")).offset >= end


def outcome_of(
    kind: str, offset: int, partition: TopicPartition, dice: random.Random
) -> Event | Rejection | None:
    """What decoding makes of a record of this kind."""
    device, token = f"d{dice.randrange(5)}", f"p{dice.randrange(2)}"
    match kind:
        case "tombstone":
            return None
        case "rubbish":
            return UNDECODABLE
        case "registration":
            return registration(offset, device, push_token=token, partition=partition)
        case "by token":
            return tags(offset, None, partition=partition, push_token=token)
        case "by both":
            return tags(offset, device, partition=partition, push_token=token)
        case operator:
            return tags(offset, device, operator, partition, {"t": [offset], f"n{offset % 3}": 1})


def fresh(outcome: Event | Rejection | None) -> Event | Rejection | None:
    """What decoding makes of the record this time."""
    if not isinstance(outcome, Event):
        return outcome
    again = copy.copy(outcome)
    again.home = NOWHERE
    return again


def place_of(record: Record) -> Place:
    return TopicPartition(record.topic(), record.partition()), record.offset()


def world(bounds: Limits, seed: int) -> World:
    return World(Engine(bounds, random.Random(seed).random))
