"""What is settled, what is owed to the dead-letter topic, and what may be committed.

Given: records taken in, events that were confirmed, refused or skipped. Gives: one `Commit` at a
time. A position never passes a record that is not settled, and a letter counts as settled only
in the commit that writes it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from connector.core import checkpoint
from connector.core.actions import Commit
from connector.core.assignment import Assignment
from connector.core.backoff import Backoff
from connector.core.coalesce import contributors, superseded
from connector.core.exposure import Exposure
from connector.core.limits import Limits
from connector.core.tally import Outcome, Stage, Tally
from connector.model import Event, Letter, Position, TopicPartition

QUIET = 0.025
"""Seconds between two commits that only move positions; a new job is recorded at once."""
QUIET_PER_PARTITION = 0.0002
"""Seconds more for each partition committed, so that many partitions take the same share of time."""
MOST_LETTERS = 1000
MOST_LETTER_BYTES = 16 << 20
NEARLY_FULL = 0.85
"""Share of the metadata's limit at which nothing beyond what it remembers is submitted."""


@dataclass(slots=True, eq=False)
class Hold:
    """An event that holds its lanes until its letter is written, or several for all that it stands for.

    Were later events of the device sent before, whoever owned the partition after a crash would
    send the refused one once more, after them.
    """

    event: Event
    letters: int = 1
    last_chance: bool = False
    """What `Fates.release` is told then."""


@dataclass(slots=True, eq=False)
class Owed:
    """A letter to be written, and what is settled with it."""

    letter: Letter
    home: Assignment
    offset: int
    timestamp: int
    endpoint: str
    size: int
    since: float
    """When it was refused."""
    hold: Hold | None = None
    failures: int = 0


@dataclass(slots=True)
class Operation:
    """The commit that is under way."""

    positions: dict[TopicPartition, Position]
    versions: dict[Assignment, int]
    owed: list[Owed]
    recorded: list[float]
    """When the jobs were sent that its checkpoints remember for the first time."""
    started: float


class Ledger:
    """The books of all partitions that are ours."""

    def __init__(self, limits: Limits, tally: Tally) -> None:
        self._limits = limits
        self._tally = tally
        self._max_metadata = limits.max_metadata
        self._backoff = Backoff(0.5, 30.0)
        self._commit_failures = 0
        self._commit_not_before = 0.0
        self._letter_failures = 0
        self._letters_not_before = 0.0
        self._quiet_until = 0.0
        self._owed: deque[Owed] = deque()
        self._later: list[tuple[float, int, Owed]] = []
        """(due, tie-breaker, letter): those that the topic refused for a reason of their own."""
        self._beyond: list[tuple[int, Owed]] = []
        """(partition's version, letter): those too far ahead to be remembered as written for sure."""
        self.freed: list[Hold] = []
        """Events whose letters are written, or no longer ours to write: their lanes may be released."""
        self._ties = count()
        self._unrecorded: list[float] = []
        self.exposure = Exposure(limits)
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.operation: Operation | None = None

    @property
    def unrecorded(self) -> int:
        """Accepted jobs that no acknowledged commit remembers."""
        return len(self._unrecorded) + (len(self.operation.recorded) if self.operation else 0)

    @property
    def letters(self) -> int:
        """Letters that are owed, those of a commit under way included."""
        waiting = len(self._owed) + len(self._later) + len(self._beyond)
        return waiting + (len(self.operation.owed) if self.operation else 0)

    # -- settling ------------------------------------------------------------------------------

    def accepted(self, homes: Iterable[Assignment], sent_at: float) -> None:
        """A job was accepted with records of these partitions: the next commit records it."""
        self._unrecorded.append(sent_at)
        for home in homes:
            home.version += 1

    def confirm(self, events: Iterable[Event]) -> None:
        """Every device's own verdict is good: settle the events and all that they stand for."""
        by_home: defaultdict[Assignment, list[Event]] = defaultdict(list)
        replaced = 0
        for event in events:
            if event.merged is None:
                by_home[event.home].append(event)
            else:
                replaced += len([each for each in superseded(event) if each.home.live])
                for each in contributors(event):
                    by_home[each.home].append(each)
        confirmed = 0
        endpoint = ""
        for home, mine in by_home.items():
            if not home.live:
                continue
            home.offsets.settle([event.offset for event in mine])
            home.dropped(len(mine), sum([event.size for event in mine]))
            home.version += 1
            confirmed += len(mine)
            endpoint = mine[0].endpoint
            self._tally.latencies.append((endpoint, [each.timestamp for each in mine if each.timestamp > 0]))
        if confirmed:
            self._tally.settled[endpoint, Outcome.CONFIRMED] += confirmed - replaced
        if replaced:
            self._tally.settled[endpoint, Outcome.SUPERSEDED] += replaced

    def skip(self, home: Assignment, offsets: Sequence[int], endpoint: str) -> None:
        """Settle records that carry nothing for us."""
        home.offsets.settle(offsets)
        home.version += 1
        self._tally.settled[endpoint, Outcome.SKIPPED] += len(offsets)

    def owe(
        self, letter: Letter, home: Assignment, size: int, endpoint: str, now: float, hold: Hold | None = None
    ) -> None:
        """A record is refused for good: it is settled once its letter is written."""
        record = letter.record
        self._owed.append(
            Owed(letter, home, record.offset(), record.timestamp()[1], endpoint, size, now, hold)
        )

    # -- committing ----------------------------------------------------------------------------

    def plan(self, now: float, *, hold_letters: bool, at_once: bool = False) -> Commit | None:
        """Return the commit to make now, if any. `at_once`: don't wait for more to gather."""
        if self.operation is not None or (now < self._commit_not_before and not at_once):
            return None
        letters = [] if hold_letters else self._due_letters(now, at_once=at_once)
        if not (letters or self._unrecorded or at_once or now >= self._quiet_until):
            return None
        letters = self._memorable(letters)
        dirty = [home for home in self.assignments.values() if home.dirty]
        if not dirty:
            return None
        self.operation = Operation(
            positions={home.partition: self.position(home) for home in dirty},
            versions={home: home.version for home in dirty},
            owed=letters,
            recorded=self._unrecorded,
            started=now,
        )
        self._unrecorded = []
        self._quiet_until = now + QUIET + QUIET_PER_PARTITION * len(dirty)
        return Commit(self.operation.positions, [owed.letter for owed in letters])

    def _due_letters(self, now: float, *, at_once: bool) -> list[Owed]:
        if now < self._letters_not_before and not at_once:
            return []
        if self._beyond:
            self._owed.extend(owed for version, owed in self._beyond if owed.home.version != version)
            self._beyond = [item for item in self._beyond if item[1].home.version == item[0]]
        while self._later and (at_once or self._later[0][0] <= now):
            self._owed.append(heappop(self._later)[2])
        chosen: list[Owed] = []
        room = MOST_LETTER_BYTES
        while self._owed and len(chosen) < MOST_LETTERS and (not chosen or self._owed[0].size <= room):
            owed = self._owed.popleft()
            room -= owed.size
            chosen.append(owed)
        return chosen

    def _memorable(self, letters: list[Owed]) -> list[Owed]:
        """Settle letters for the commit that writes them; put those aside that are too far ahead.

        What a checkpoint forgets, the next owner writes again. So none is written farther from the lowest
        unsettled offset than any checkpoint reaches, however scattered the settled offsets will be.
        """
        for owed in letters:
            owed.home.offsets.settle([owed.offset])
        sure = checkpoint.surely_covers(self._max_metadata)
        kept: list[Owed] = []
        for owed in letters:
            if owed.offset < owed.home.offsets.safe() + sure:
                kept.append(owed)
                owed.home.version += 1
                owed.home.letters_until = max(owed.home.letters_until, owed.offset + 1)
            else:
                owed.home.offsets.unsettle([owed.offset])
                self._beyond.append((owed.home.version, owed))
        return kept

    def position(self, home: Assignment) -> Position:
        """Return what may be committed for a partition now.

        Also bounds what may be submitted by what the checkpoint remembers. Rather than a letter that was
        written it forgets jobs: what is submitted again does less harm.
        """
        offsets = home.offsets
        safe = offsets.safe()
        window = offsets.window()
        encoded = checkpoint.encode(safe, window, list(home.slices.values()), self._max_metadata)
        if not encoded.complete and encoded.covers < home.letters_until:
            encoded = checkpoint.encode(safe, window, (), self._max_metadata)._replace(complete=False)
        full = not encoded.complete or len(encoded.text) > NEARLY_FULL * self._max_metadata
        home.reach = max(encoded.covers, safe + self._limits.max_devices) if full else None
        return Position(safe, encoded.text)

    def committed(self, now: float) -> None:
        """Take in that the commit was acknowledged."""
        operation = self._end()
        self._commit_failures = 0
        for sent_at in operation.recorded:
            self.exposure.recorded(now - sent_at)
        if operation.owed:
            self._letter_failures = 0
        for home, version in operation.versions.items():
            home.committed_version = version
            home.committed = operation.positions[home.partition]
            if home.live:
                home.offsets.committed(home.committed.offset)
        self._forget_jobs_that_went()
        self._written(operation.owed)
        self._tally.stages.append((Stage.COMMIT, now - operation.started, 1))
        if operation.owed:
            oldest = min(owed.since for owed in operation.owed)
            self._tally.stages.append((Stage.DEAD_LETTER, now - oldest, len(operation.owed)))

    def _written(self, letters: Sequence[Owed]) -> None:
        """Take in that these letters are in the topic."""
        for owed in letters:
            self._tally.dead_letters[owed.letter.rejection.reason] += 1
            self._tally.settled[owed.endpoint, Outcome.DEAD_LETTER] += 1
            if owed.timestamp > 0:
                self._tally.latencies.append((owed.endpoint, [owed.timestamp]))
            owed.home.dropped(1, owed.size)
            self._free(owed)

    def _free(self, owed: Owed) -> None:
        if owed.hold is not None:
            owed.hold.letters -= 1
            if not owed.hold.letters:
                self.freed.append(owed.hold)

    def failed(self, now: float, refused: Iterable[int], jitter: float, *, written: bool = False) -> None:
        """Take in that the commit came to nothing: its letters are owed as before.

        `refused` are the letters, by index, whose own fault it was: they wait, the others go again
        at once. Where there are none, letters wait if there were any, else all commits do.
        `written`: letters aren't owed any more, only positions are to be committed again.
        """
        operation = self._undone(written=written)
        guilty = set(refused)
        if not guilty and operation.owed:
            self._letter_failures += 1
            self._letters_not_before = now + self._backoff.delay(self._letter_failures, jitter)
        elif not guilty:
            self._commit_failures += 1
            self._commit_not_before = now + self._backoff.delay(self._commit_failures, jitter)
        again: list[Owed] = []
        for index, owed in enumerate(operation.owed):
            if not owed.home.live:
                self._free(owed)
                continue
            owed.home.offsets.unsettle([owed.offset])
            if index in guilty:
                owed.failures += 1
                due = now + self._backoff.delay(owed.failures, jitter)
                heappush(self._later, (due, next(self._ties), owed))
            else:
                again.append(owed)
        self._owed.extendleft(reversed(again))

    def withdrawn(self, *, written: bool) -> None:
        """Take in that the commit was not even tried: all is as before it."""
        operation = self._undone(written=written)
        ours: list[Owed] = []
        for owed in operation.owed:
            if owed.home.live:
                owed.home.offsets.unsettle([owed.offset])
                ours.append(owed)
            else:
                self._free(owed)
        self._owed.extendleft(reversed(ours))

    def _undone(self, *, written: bool) -> Operation:
        """Return the commit that is no more: its positions and jobs are still to be recorded."""
        operation = self._end()
        self._unrecorded = operation.recorded + self._unrecorded
        for home in operation.versions:
            home.version += 1
        self._forget_jobs_that_went()
        if written:
            self._written(operation.owed)
            operation.owed = []
        return operation

    def in_doubt(self, home: Assignment) -> bool:
        """Whether letters are being written with this partition's position: it may be committed or not.

        Nothing else may be committed then, or the next owner would write the letters again.
        """
        return self.operation is not None and bool(self.operation.owed) and home in self.operation.versions

    def _forget_jobs_that_went(self) -> None:
        """Jobs whose partitions are all another owner's will never be in a commit of ours."""
        if not any(home.dirty for home in self.assignments.values()):
            self._unrecorded = []

    def _end(self) -> Operation:
        operation, self.operation = self.operation, None
        if operation is None:
            raise RuntimeError("no commit is under way")
        return operation

    def take_back(self, homes: Collection[Assignment]) -> None:
        """Count letters of a commit that isn't acknowledged as unwritten: these partitions go now."""
        if self.operation is not None:
            for owed in self.operation.owed:
                if owed.home in homes:
                    owed.home.offsets.unsettle([owed.offset])

    def shorten_metadata(self) -> None:
        """Write shorter checkpoints from now on: the broker found one too long."""
        self._max_metadata = max(0, self._max_metadata // 2)
        for home in self.assignments.values():
            home.version += 1

    def drop(self, home: Assignment) -> None:
        """Forget a partition that is no longer ours, and what it owes."""
        self.assignments.pop(home.partition, None)
        for owed in (*self._owed, *(item[2] for item in self._later), *(item[1] for item in self._beyond)):
            if owed.home is home:
                self._free(owed)
        self._owed = deque(owed for owed in self._owed if owed.home is not home)
        self._beyond = [item for item in self._beyond if item[1].home is not home]
        self._later = sorted(item for item in self._later if item[2].home is not home)
        home.let_go()
        self._forget_jobs_that_went()

    def wake_at(self, *, hold_letters: bool) -> float | None:
        """Return when `plan` may next have something to do by itself."""
        if self.operation is not None:
            return None
        times: list[float] = []
        moved = any(owed.home.version != version for version, owed in self._beyond)
        if (self._owed or moved) and not hold_letters:
            times.append(self._letters_not_before)
        if self._later and not hold_letters:
            times.append(max(self._later[0][0], self._letters_not_before))
        if any(home.dirty for home in self.assignments.values()):
            times.append(0.0 if self._unrecorded else self._quiet_until)
        return max(min(times), self._commit_not_before) if times else None
