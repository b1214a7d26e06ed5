"""Letters that are owed to the dead-letter topic: which are to be written now, later, or not yet.

Given: refused records, and what became of attempts to write their letters. Gives: the letters for
the next commit, in the order in which they were owed; those that the topic refused, and as large ones, alone
and after a delay of their own; those too far ahead to be remembered once their partition has moved on.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.core.backoff import Backoff
from connector.core.reading.event import Event
from connector.core.remembering.assignment import Assignment
from connector.core.settling.far_letters import FarLetters
from connector.model import Letter, Reason

MOST_LETTERS = 4000
MOST_LETTER_BYTES = 16 << 20
"""Of one commit. Fewer would be as many more transactions, and long checkpoints: where every second device is
refused, 1,000 cost 31 us an event and let letters wait for 3.5 s, 4,000 cost 22 us and 0.7 s."""
HOLD_LIMIT = 60.0
"""Seconds that a device's later events wait for a letter which no checkpoint would remember as written.

What is before it in its partition may itself wait, behind another topic's events, for that device. Then
nothing would ever move: the letter is written all the same. After a crash just then it exists twice.
"""

SAFE_TO_SHOW: Mapping[Reason, bool] = {
    Reason.UNDECODABLE: False,
    Reason.INVALID_EVENT: False,
    Reason.TOO_LARGE: True,
    Reason.DEVICE_FAILED: True,
    Reason.DEVICE_NOT_FOUND: True,
    Reason.TAG_REFUSED: True,
    Reason.REFUSED_BY_API: False,
    Reason.NO_VERDICT: False,
    Reason.JOB_FAILED: False,
}
"""Whether its details are of tags and sizes alone. Others may repeat what somebody says of a device."""


@dataclass(slots=True, eq=False)
class Hold:
    """An event that holds its lanes until its letter is written, or several for all that it stands for.

    Were later events of the device sent before, whoever owned the partition after a crash would
    send the refused one once more, after them.
    """

    event: Event
    letters: int = 1
    last_chance: bool = False
    """What `Leaving.release` is told then."""


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

    def overdue_at(self) -> float:
        """Return when it is to be written though it may be forgotten; never, if nobody waits for it."""
        return math.inf if self.hold is None else self.since + HOLD_LIMIT


class OwedLetters:
    """The letters of all partitions that are ours, but for those of a commit under way."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0
        self._not_before = 0.0
        self._portion = MOST_LETTERS
        self._waiting: deque[Owed] = deque()
        self._refused: deque[Owed] = deque()
        """Those that the topic refused for a reason of their own. Each goes alone: in one transaction with
        others it would take these back, too, and the positions of all partitions."""
        self._suspects: deque[Owed] = deque()
        """Those that are as large. Each goes alone, too, and before those: perhaps that was not why."""
        self._refusals = 0
        """In a row: what goes alone has one delay, and each its turn."""
        self._alone_not_before = 0.0
        self._went_alone = False
        """Whether the latest was one of them."""
        self._too_large = math.inf
        """Bytes of the smallest that was refused, while none as large was written since."""
        self._far = FarLetters[Owed]()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._suspects) + len(self._refused) + len(self._far)

    def _all(self) -> list[Owed]:
        return [*self._waiting, *self._suspects, *self._refused, *self._far]

    def by_reason(self) -> Counter[str]:
        """Count what is owed."""
        return Counter(owed.letter.rejection.reason.value for owed in self._all())

    def described(self) -> str:
        """Say what is owed and where the first of it is: nobody can read a letter that waits."""
        everything = self._all()
        if not everything:
            return "none of their dead letters waits"
        counts = ", ".join(f"{count} {reason}" for reason, count in self.by_reason().most_common())
        first = min(everything, key=lambda owed: owed.since)
        rejection = first.letter.rejection
        detail = f": {rejection.detail}" if SAFE_TO_SHOW.get(rejection.reason) else ""
        topic, partition = first.home.partition
        return f"{counts}; the first is {topic}/{partition}/{first.offset}{detail}"

    def add(self, owed: Owed) -> None:
        """Owe one more."""
        self._place_of(owed).append(owed)

    def _place_of(self, owed: Owed) -> deque[Owed]:
        if owed.failures:
            return self._refused
        return self._suspects if owed.size >= self._too_large else self._waiting

    def take(self, now: float, sure: int, *, at_once: bool) -> list[Owed]:
        """Take what one commit may write now. `at_once`: whatever was to wait for a while, too.

        `sure`: so many offsets from the lowest unsettled one are remembered by any checkpoint.
        """
        if now < self._not_before and not at_once:
            return []
        for owed in self._far.take(now, sure):
            self.add(owed)
        self._went_alone = self._one_may_go_alone(now, at_once=at_once)
        if self._went_alone:
            return [(self._suspects or self._refused).popleft()]
        chosen: list[Owed] = []
        room = MOST_LETTER_BYTES * self._portion // MOST_LETTERS
        waiting = self._waiting
        while waiting and len(chosen) < self._portion and (not chosen or waiting[0].size <= room):
            owed = waiting.popleft()
            room -= owed.size
            chosen.append(owed)
        return chosen

    def _one_may_go_alone(self, now: float, *, at_once: bool) -> bool:
        """Whether it is the turn of one that goes alone. Where others wait, they and these take turns."""
        others_first = bool(self._waiting) and (self._went_alone or at_once)
        due = at_once or now >= self._alone_not_before
        return bool(self._suspects or self._refused) and due and not others_first

    def put_far(self, owed: Owed) -> None:
        """Don't write this one before it is within reach of a checkpoint, or overdue."""
        self._far.add(owed)

    def put_back(self, letters: Iterable[Owed]) -> None:
        """They were not written, through no fault of theirs: they come first again."""
        for owed in reversed([*letters]):
            self._place_of(owed).appendleft(owed)

    def all_failed(self, now: float, jitter: float) -> None:
        """None could be written, whichever it was: all wait, and fewer go at once.

        They may be more than a slow topic takes within one transaction's time.
        """
        self._portion = max(1, self._portion // 2)
        self._failures += 1
        self._not_before = now + self._backoff.delay(self._failures, jitter)

    def refused(self, owed: Owed, now: float, jitter: float) -> None:
        """The topic won't take this one: the others need not wait for it, nor for those that are as large."""
        owed.failures += 1
        self._refusals += 1
        self._alone_not_before = now + self._backoff.delay(self._refusals, jitter)
        self._too_large = min(self._too_large, owed.size)
        self._refused.append(owed)
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            self.add(each)

    def written(self, letters: Sequence[Owed]) -> list[Hold]:
        """They are in the topic. Return whose lanes may be released."""
        if letters:
            self._failures = 0
            self._portion = min(MOST_LETTERS, 2 * self._portion)
        if letters and self._went_alone:
            self._refusals, self._alone_not_before = 0, 0.0
        if any(owed.size >= self._too_large for owed in letters):
            self._too_large = math.inf  # its size was not why: the others as large go together again
            self._waiting.extendleft(reversed(self._suspects))
            self._suspects.clear()
        return no_longer_held(letters)

    def drop(self, home: Assignment) -> list[Hold]:
        """Forget the letters of a partition that is no longer ours. Return whose lanes may be released."""
        freed = no_longer_held(owed for owed in self._all() if owed.home is home)
        for place in (self._waiting, self._suspects, self._refused):
            kept = [owed for owed in place if owed.home is not home]
            place.clear()
            place.extend(kept)
        self._far.drop(home)
        return freed

    def due_at(self, sure: int) -> float | None:
        """Return when there will be something to take by itself; `sure` as for `take`."""
        if self._waiting:
            return self._not_before
        due_at = self._far.due_at(sure)
        if self._suspects or self._refused:
            due_at = min(due_at, self._alone_not_before)
        return None if due_at == math.inf else max(due_at, self._not_before)


def no_longer_held(letters: Iterable[Owed]) -> list[Hold]:
    """Take in that these letters are written, or no longer ours to write. Return what waits for no other."""
    freed: list[Hold] = []
    for owed in letters:
        if owed.hold is not None:
            owed.hold.letters -= 1
            if not owed.hold.letters:
                freed.append(owed.hold)
    return freed
