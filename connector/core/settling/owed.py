"""Letters that are owed to the dead-letter topic: which are to be written now, later, or not yet.

Given: refused records, and what became of attempts to write their letters. Gives: the letters for
the next commit, in the order in which they were owed; those that the topic refused, and as large ones, singly
and after a delay of their own; those too far ahead to be remembered once their partition has moved on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from connector.core.assigned.assignment import Assignment
from connector.core.backoff import Backoff
from connector.core.settling.far_letters import FarLetters
from connector.core.settling.holds import HOLD_LIMIT, Hold, no_longer_held
from connector.model import Letter, timestamp_of

MOST_LETTERS = 4000
MOST_LETTER_BYTES = 16 << 20
"""The most of one commit. Fewer would be as many more transactions, and long checkpoints: where every second
device is refused, 1,000 cost 31 us an event and let letters wait for 3.5 s, 4,000 cost 22 us and 0.7 s."""
REST_TIMES, LONGEST_REST = 2.0, 20.0
"""The rest after a failed attempt: this many times its duration, at most this many seconds."""
MOST_FAILURES_AWAITED = 4
"""Failures in a row, which take a few seconds, after which a stop no longer waits for the next attempt."""
LONGEST_REST_AWAITED = 5.0
"""Seconds of rest after a failure beyond which a stop no longer waits for the next attempt either."""


@dataclass(slots=True, eq=False)
class Owed:
    """A letter to be written, and what is settled with it."""

    letter: Letter
    assignment: Assignment
    endpoint: str
    size: int
    since: float
    """When it was refused."""
    hold: Hold | None = None
    failures: int = 0

    @property
    def offset(self) -> int:
        """The offset of its record."""
        return self.letter.record.offset()

    @property
    def timestamp(self) -> int:
        """The time of its record, in milliseconds since the epoch; 0 where it has none."""
        return timestamp_of(self.letter.record)

    def overdue_at(self) -> float:
        """Return when it is to be written even if no checkpoint remembers it: infinite if nothing waits."""
        return math.inf if self.hold is None else self.since + HOLD_LIMIT


class OwedLetters:
    """The letters owed by all partitions, except those of a commit under way."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0
        self._not_before = 0.0
        self._rest = 0.0
        """Seconds after the last failure, because of how long it took."""
        self._portion = MOST_LETTERS
        self._waiting: deque[Owed] = deque()
        self._refused: deque[Owed] = deque()
        """Letters that the topic refused for what they are. Each goes singly: it would fail the others of
        its transaction, and the positions of all partitions with them."""
        self._as_large: deque[Owed] = deque()
        """Letters as large as a refused one. Each goes singly, too, and first: size may not be the reason."""
        self._refusals = 0
        """Refusals in a row. Letters that go singly share one delay and take turns."""
        self._single_not_before = 0.0
        self._went_singly = False
        """Whether the letter of the latest commit went singly."""
        self._too_large = math.inf
        """Bytes of the smallest letter that was refused, unless one as large was written since."""
        self._far = FarLetters[Owed]()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._as_large) + len(self._refused) + len(self._far)

    def __iter__(self) -> Iterator[Owed]:
        return chain(self._waiting, self._as_large, self._refused, self._far)

    def add(self, owed: Owed) -> None:
        """Owe one more letter."""
        self._place_of(owed).append(owed)

    def _place_of(self, owed: Owed) -> deque[Owed]:
        if owed.failures:
            return self._refused
        return self._as_large if owed.size >= self._too_large else self._waiting

    def take(self, now: float, sure: int, *, at_once: bool) -> list[Owed]:
        """Take the letters that one commit may write now. `at_once`: without regard to delays.

        `sure`: how many offsets from the lowest unsettled one any checkpoint remembers.
        """
        if now < self._not_before and not at_once:
            return []
        for owed in self._far.take(now, sure):
            self.add(owed)
        self._went_singly = self._one_may_go_singly(now, at_once=at_once)
        if self._went_singly:
            return [(self._as_large or self._refused).popleft()]
        chosen: list[Owed] = []
        room = MOST_LETTER_BYTES * self._portion // MOST_LETTERS
        waiting = self._waiting
        while waiting and len(chosen) < self._portion and (not chosen or waiting[0].size <= room):
            owed = waiting.popleft()
            room -= owed.size
            chosen.append(owed)
        return chosen

    def _one_may_go_singly(self, now: float, *, at_once: bool) -> bool:
        """Whether it is the turn of a letter that goes singly: in turns with the others, if any wait."""
        others_first = bool(self._waiting) and (self._went_singly or at_once)
        due = at_once or now >= self._single_not_before
        return bool(self._as_large or self._refused) and due and not others_first

    def put_far(self, owed: Owed) -> None:
        """Keep a letter until it is within reach of a checkpoint, or overdue."""
        self._far.add(owed)

    def put_back(self, letters: Iterable[Owed]) -> None:
        """These letters were not written, through no fault of theirs: put them first again."""
        for owed in reversed([*letters]):
            self._place_of(owed).appendleft(owed)

    def all_failed(self, now: float, jitter: float, took: float = 0.0) -> None:
        """No letter could be written, and no single one is to blame: all wait, and fewer go at once.

        They may have been more than a slow topic takes within a transaction's time. While an attempt lasts,
        `took` seconds, nothing else is committed: the rest after it is longer.
        """
        self._portion = max(1, self._portion // 2)
        self._failures += 1
        self._rest = min(REST_TIMES * took, LONGEST_REST)
        self._not_before = now + max(self._backoff.delay(self._failures, jitter), self._rest)

    def refused(self, owed: Owed, now: float, jitter: float) -> None:
        """The topic won't take this letter: from now on it goes singly, and so do others as large."""
        owed.failures += 1
        self._refusals += 1
        self._single_not_before = now + self._backoff.delay(self._refusals, jitter)
        self._too_large = min(self._too_large, owed.size)
        self._refused.append(owed)
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            self.add(each)

    def written(self, letters: Sequence[Owed]) -> list[Hold]:
        """These letters are in the topic. Return the holds that are over."""
        if letters:
            self._failures, self._rest = 0, 0.0
            self._portion = min(MOST_LETTERS, 2 * self._portion)
        if letters and self._went_singly:
            self._refusals, self._single_not_before = 0, 0.0
        if any(owed.size >= self._too_large for owed in letters):
            self._too_large = math.inf  # its size was not why: the others as large go together again
            self._waiting.extendleft(reversed(self._as_large))
            self._as_large.clear()
        return no_longer_held(owed.hold for owed in letters)

    def drop(self, assignments: Collection[Assignment]) -> list[Hold]:
        """Forget the letters of partitions that are no longer ours. Return the holds that are over."""
        gone = set(assignments)
        freed = no_longer_held(owed.hold for owed in self if owed.assignment in gone)
        for place in (self._waiting, self._as_large, self._refused):
            kept = [owed for owed in place if owed.assignment not in gone]
            place.clear()
            place.extend(kept)
        for assignment in assignments:
            self._far.drop(assignment)
        return freed

    def may_soon_be_written(self, sure: int) -> bool:
        """Whether a letter may be written before long: one neither refused again and again nor too far ahead.

        `sure` as for `take`.
        """
        if self._failures >= MOST_FAILURES_AWAITED or self._rest > LONGEST_REST_AWAITED:
            return False
        singly = bool(self._as_large or self._refused) and self._refusals < MOST_FAILURES_AWAITED
        return bool(self._waiting) or singly or self._far.due_at(sure) <= 0

    def due_at(self, sure: int) -> float | None:
        """Return when there will be something to take by itself; `sure` as for `take`."""
        if self._waiting:
            return self._not_before
        due_at = self._far.due_at(sure)
        if self._as_large or self._refused:
            due_at = min(due_at, self._single_not_before)
        return None if due_at == math.inf else max(due_at, self._not_before)
