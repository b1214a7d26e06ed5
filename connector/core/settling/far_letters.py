"""Letters that have to wait, because no checkpoint would remember that they are written.

Given: letters too far ahead of the lowest unsettled offset of their partition. Gives: those that have come
within reach, and those that have waited too long. However many wait, only the nearest and the oldest are
looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar

from connector.core.assigned.assignment import Assignment


class Far(Protocol):
    """What has to be known of an owed letter here."""

    @property
    def assignment(self) -> Assignment: ...
    @property
    def offset(self) -> int: ...
    def overdue_at(self) -> float: ...


_Owed = TypeVar("_Owed", bound=Far)


class _Shelf(Generic[_Owed]):
    """The letters of one partition. Either heap may still hold letters that were taken from the other."""

    def __init__(self) -> None:
        self.letters: dict[int, _Owed] = {}
        """The letters that are kept, by offset."""
        self._nearest: list[int] = []
        self._oldest: list[tuple[float, int]] = []

    def add(self, owed: _Owed) -> None:
        self.letters[owed.offset] = owed
        heappush(self._nearest, owed.offset)
        if owed.overdue_at() < math.inf:
            heappush(self._oldest, (owed.overdue_at(), owed.offset))

    def nearest(self) -> int:
        """Return the lowest offset of these letters; there is at least one letter."""
        while self._nearest[0] not in self.letters:
            heappop(self._nearest)
        return self._nearest[0]

    def overdue_at(self) -> float:
        """Return when the first of them is to be written wherever it is; infinite if none ever is."""
        while self._oldest and self._oldest[0][1] not in self.letters:
            heappop(self._oldest)
        return self._oldest[0][0] if self._oldest else math.inf

    def take(self, reach: int, now: float) -> list[_Owed]:
        """Take the letters below `reach`, and those that are overdue."""
        taken: list[_Owed] = []
        while self.letters and self.nearest() < reach:
            taken.append(self.letters.pop(heappop(self._nearest)))
        while self.letters and self.overdue_at() <= now:
            taken.append(self.letters.pop(heappop(self._oldest)[1]))
        return taken


class FarLetters(Generic[_Owed]):
    """The letters of all partitions.

    `sure`, to its methods: how many offsets from the lowest unsettled one any checkpoint remembers.
    """

    def __init__(self) -> None:
        self._shelves: dict[Assignment, _Shelf[_Owed]] = {}

    def __len__(self) -> int:
        return sum(len(shelf.letters) for shelf in self._shelves.values())

    def __iter__(self) -> Iterator[_Owed]:
        for shelf in self._shelves.values():
            yield from shelf.letters.values()

    def add(self, owed: _Owed) -> None:
        """Keep one more letter."""
        self._shelves.setdefault(owed.assignment, _Shelf[_Owed]()).add(owed)

    def take(self, now: float, sure: int) -> list[_Owed]:
        """Take the letters that may be written now."""
        taken: list[_Owed] = []
        for assignment, shelf in list(self._shelves.items()):
            taken += shelf.take(_remembered_below(assignment, sure), now)
            if not shelf.letters:
                del self._shelves[assignment]
        return taken

    def due_at(self, sure: int) -> float:
        """Return when there will be letters to take: 0.0 for now, infinite if time alone brings none."""
        times = [
            0.0 if shelf.nearest() < _remembered_below(assignment, sure) else shelf.overdue_at()
            for assignment, shelf in self._shelves.items()
        ]
        return min(times, default=math.inf)

    def drop(self, assignment: Assignment) -> None:
        """Forget the letters of a partition."""
        self._shelves.pop(assignment, None)


def _remembered_below(assignment: Assignment, sure: int) -> int:
    """Return the first offset out of reach. The lowest unsettled one is never: its letter settles it."""
    return assignment.offsets.safe() + max(1, sure)
