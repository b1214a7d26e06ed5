"""The books: what is settled, what is owed to the dead-letter topic, and what may be committed.

Given: events that were confirmed, refused or skipped. Gives: one `Commit` at a time. A position never passes
a record that is not settled, and a letter counts as settled only in the commit that writes it. Methods after
which letters are written, or another owner's, return the holds that end with them, for their lanes to be
released.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from connector.core.actions import Commit
from connector.core.assigned.assignment import Assignment
from connector.core.backoff import Backoff
from connector.core.queueing.coalesce import by_partition
from connector.core.reading.event import Event
from connector.core.settling.exposure import Exposure
from connector.core.settling.holds import Hold, no_longer_held
from connector.core.settling.owed import Owed, OwedLetters
from connector.core.settling.reach import Reach
from connector.core.settling.under_way import CommitUnderWay
from connector.core.tally import RecordOutcome, Stage, Tally
from connector.model import TopicPartition

COMMIT_GAP = 0.025
"""Seconds between two commits that only move positions; a new job is recorded at once."""
GAP_PER_PARTITION = 0.0002
"""Seconds more for each partition committed, so that many partitions take the same share of time."""
WRITE_AGAIN = Backoff(0.5, 30.0)
"""Delays, in seconds, before a failed commit or letter is tried again. A coordinator that moves is back in a
moment. While nothing is committed a crash costs more and more: the longest delay is half of that of an event
which the API alone stumbles over (`core/holding_back/outages.py`)."""


class Ledger:
    """The books of all partitions that are ours. Commits go by `reach`, and `exposure` learns from them.

    `random`: numbers in [0, 1), for jitter.
    """

    def __init__(
        self, random: Callable[[], float], tally: Tally, owed: OwedLetters, exposure: Exposure, reach: Reach
    ) -> None:
        self._random = random
        self._tally = tally
        self._owed = owed
        self._exposure = exposure
        self._reach = reach
        self._commit_failures = 0
        self._commit_not_before = 0.0
        self._quiet_until = 0.0
        self._unrecorded: list[float] = []
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.under_way: CommitUnderWay | None = None

    @property
    def unrecorded(self) -> int:
        """How many accepted jobs no acknowledged commit remembers."""
        return len(self._unrecorded) + (len(self.under_way.recorded) if self.under_way else 0)

    @property
    def letters_owed(self) -> int:
        """How many letters are owed, including those of a commit under way."""
        return len(self._owed) + (len(self.under_way.owed) if self.under_way else 0)

    @property
    def all_owed(self) -> list[Owed]:
        """The letters that are owed, those of a commit under way first."""
        return [*(self.under_way.owed if self.under_way else ()), *self._owed]

    # -- settling ------------------------------------------------------------------------------

    def accepted(self, assignments: Iterable[Assignment], sent_at: float) -> None:
        """A job was accepted with records of these partitions: the next commit records it."""
        self._unrecorded.append(sent_at)
        for assignment in assignments:
            assignment.changed()

    def confirm(self, events: Iterable[Event]) -> int:
        """Settle events whose devices were confirmed, and all that was merged into them.

        Return how many events of partitions that are ours these are.
        """
        by_assignment, replaced = by_partition(events)
        confirmed = 0
        endpoint = ""
        for assignment, mine in by_assignment.items():
            if not assignment.live:
                continue
            assignment.offsets.settle([event.offset for event in mine])
            assignment.release_memory(len(mine), sum([event.size for event in mine]))
            assignment.changed()
            confirmed += len(mine)
            endpoint = mine[0].endpoint
            self._tally.latencies.append((endpoint, [each.timestamp for each in mine if each.timestamp > 0]))
        if confirmed:
            self._tally.settled[endpoint, RecordOutcome.CONFIRMED] += confirmed - replaced
        if replaced:
            self._tally.settled[endpoint, RecordOutcome.SUPERSEDED] += replaced
        return confirmed

    def skip(self, assignment: Assignment, offsets: Sequence[int], endpoint: str) -> None:
        """Settle records that ask for nothing."""
        assignment.offsets.settle(offsets, skipped=True)
        assignment.changed()
        self._tally.settled[endpoint, RecordOutcome.SKIPPED] += len(offsets)

    def owe(self, owed: Owed) -> None:
        """A record is refused for good: it is settled once its letter is written."""
        self._owed.add(owed)

    # -- committing ----------------------------------------------------------------------------

    def plan(self, now: float, *, letters_wait: bool, at_once: bool = False) -> Commit | None:
        """Return the commit to make now, if any. `at_once`: don't wait for more to gather."""
        if self.under_way is not None or (now < self._commit_not_before and not at_once):
            return None
        letters = [] if letters_wait else self._due_letters(now, at_once=at_once)
        if not (letters or self._unrecorded or at_once or now >= self._quiet_until):
            return None
        dirty = [each for each in self.assignments.values() if each.dirty]
        if not dirty:
            return None
        self.under_way = CommitUnderWay(
            positions={each.partition: self._reach.position_and_bounds(each) for each in dirty},
            versions={each: each.version for each in dirty},
            owed=letters,
            recorded=self._unrecorded,
            started=now,
        )
        self._unrecorded = []
        self._quiet_until = now + COMMIT_GAP + GAP_PER_PARTITION * len(dirty)
        return Commit(self.under_way.positions, [owed.letter for owed in letters])

    def _due_letters(self, now: float, *, at_once: bool) -> list[Owed]:
        letters: list[Owed] = []
        while not letters and (taken := self._owed.take(now, self._reach.sure, at_once=at_once)):
            letters = self._memorable(taken, now)
        return letters

    def _memorable(self, letters: list[Owed], now: float) -> list[Owed]:
        """Settle the letters for the commit that writes them; put aside those that are too far ahead.

        The next owner writes again what the checkpoint forgets. So none is written farther from the lowest
        unsettled offset than any checkpoint reaches.
        """
        for owed in letters:
            owed.assignment.offsets.settle([owed.offset])
        kept: list[Owed] = []
        for owed in letters:
            if owed.offset < owed.assignment.offsets.safe() + self._reach.sure or owed.overdue_at() <= now:
                kept.append(owed)
                owed.assignment.changed()
                owed.assignment.letters_until = max(owed.assignment.letters_until, owed.offset + 1)
            else:
                owed.assignment.offsets.unsettle([owed.offset])
                self._owed.put_far(owed)
        return kept

    def committed(self, now: float) -> list[Hold]:
        """Note that the commit was acknowledged."""
        commit = self._end()
        self._commit_failures = 0
        if commit.recorded:
            self._exposure.recorded([now - sent_at for sent_at in commit.recorded])
        for assignment, version in commit.versions.items():
            assignment.was_committed(commit.positions[assignment.partition], version)
            if assignment.live:
                assignment.offsets.committed(assignment.committed.offset)
        self._forget_jobs_that_went()
        freed = self._written(commit.owed)
        self._tally.stages.append((Stage.COMMIT, now - commit.started, 1))
        if commit.owed:
            oldest = min(owed.since for owed in commit.owed)
            self._tally.stages.append((Stage.DEAD_LETTER, now - oldest, len(commit.owed)))
        return freed

    def _written(self, letters: Sequence[Owed]) -> list[Hold]:
        """Note that these letters are in the topic."""
        timestamps: defaultdict[str, list[int]] = defaultdict(list)
        for owed in letters:
            self._tally.dead_letters[owed.letter.rejection.reason] += 1
            self._tally.settled[owed.endpoint, RecordOutcome.DEAD_LETTER] += 1
            if (timestamp := owed.timestamp) > 0:
                timestamps[owed.endpoint].append(timestamp)
            owed.assignment.release_memory(1, owed.size)
        self._tally.latencies += timestamps.items()
        return self._owed.written(letters)

    def failed(self, now: float, refused: Iterable[int], *, written: bool) -> list[Hold]:
        """Note that the commit came to nothing: its letters are owed as before.

        `refused` are the letters, by index, whose own fault it was: they wait, the others go again
        at once. Where there are none, letters wait if there were any, else all commits do.
        `written`: letters aren't owed any more, only positions are to be committed again.
        """
        commit, freed = self._undone(written=written)
        jitter, guilty = self._random(), set(refused)
        if not guilty and commit.owed:
            self._owed.all_failed(now, jitter, now - commit.started)
        elif not guilty:
            self._commit_failures += 1
            self._commit_not_before = now + WRITE_AGAIN.delay(self._commit_failures, jitter)
        again: list[Owed] = []
        for index, owed in enumerate(commit.owed):
            if not owed.assignment.live:
                freed += no_longer_held([owed.hold])
                continue
            owed.assignment.offsets.unsettle([owed.offset])
            if index in guilty:
                self._owed.refused(owed, now, jitter)
            else:
                again.append(owed)
        self._owed.put_back(again)
        return freed

    def withdrawn(self, *, written: bool) -> list[Hold]:
        """Note that the commit was not even tried: everything is as it was before."""
        commit, freed = self._undone(written=written)
        ours: list[Owed] = []
        for owed in commit.owed:
            if owed.assignment.live:
                owed.assignment.offsets.unsettle([owed.offset])
                ours.append(owed)
            else:
                freed += no_longer_held([owed.hold])
        self._owed.put_back(ours)
        return freed

    def _undone(self, *, written: bool) -> tuple[CommitUnderWay, list[Hold]]:
        """Return the commit under way, which failed: its positions and jobs are still to be recorded."""
        commit = self._end()
        self._unrecorded = commit.recorded + self._unrecorded
        self._forget_jobs_that_went()
        freed: list[Hold] = []
        if written:
            freed = self._written(commit.owed)
            commit.owed = []
        return commit, freed

    def in_doubt(self, assignment: Assignment) -> bool:
        """Whether this partition's position is being committed together with letters, so its outcome is open.

        Nothing else may be committed for it then, or the next owner might write the letters again.
        """
        commit = self.under_way
        return commit is not None and bool(commit.owed) and assignment in commit.versions

    def _forget_jobs_that_went(self) -> None:
        """Forget unrecorded jobs if all partitions are recorded: theirs are other owners' by now."""
        if not any(each.dirty for each in self.assignments.values()):
            self._unrecorded = []

    def _end(self) -> CommitUnderWay:
        commit, self.under_way = self.under_way, None
        if commit is None:
            raise RuntimeError("no commit is under way")
        return commit

    def take_back(self, assignments: Collection[Assignment]) -> None:
        """Count the letters of an unacknowledged commit as unwritten, because these partitions go now."""
        for owed in self.under_way.owed if self.under_way else ():
            if owed.assignment in assignments:
                owed.assignment.offsets.unsettle([owed.offset])

    def shorten_metadata(self) -> None:
        """Write shorter checkpoints from now on: the broker found one too long."""
        self._reach.shorten()
        for assignment in self.assignments.values():
            assignment.changed()

    def drop(self, assignments: Collection[Assignment]) -> list[Hold]:
        """Forget partitions that are no longer ours, and what they owe."""
        freed = self._owed.drop(assignments)
        for assignment in assignments:
            self.assignments.pop(assignment.partition, None)
            assignment.let_go()
        self._forget_jobs_that_went()
        return freed

    def wake_at(self, *, letters_wait: bool) -> float | None:
        """Return when `plan` may next have something to do by itself."""
        if self.under_way is not None:
            return None
        times: list[float] = []
        letters = None if letters_wait else self._owed.due_at(self._reach.sure)
        if letters is not None:
            times.append(letters)
        if any(each.dirty for each in self.assignments.values()):
            times.append(0.0 if self._unrecorded else self._quiet_until)
        return max(min(times), self._commit_not_before) if times else None
