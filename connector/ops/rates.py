"""Events a second, now and over the last minutes: from totals that are sampled at an interval."""

from __future__ import annotations

import itertools
from collections import deque

import msgspec

POINT_EVERY = 5.0
"""Seconds between two points of the history."""
POINTS = 180
"""Points of the history: a quarter of an hour."""
_MINUTE = 60.0


class Rates(msgspec.Struct, frozen=True):
    """Records a second over the last minute, and what they were in each step of the history, oldest first."""

    consumed: float = 0.0
    confirmed: float = 0.0
    dead_letters: float = 0.0
    step: float = POINT_EVERY
    consumed_history: list[float] = []
    confirmed_history: list[float] = []
    dead_letters_history: list[float] = []


class _Sample:
    """Totals at a time."""

    __slots__ = ("at", "totals")

    def __init__(self, at: float, totals: tuple[int, int, int]) -> None:
        self.at = at
        self.totals = totals


class RateMeter:
    """Turns totals that only grow into rates.

    `sample` may be called at any interval, best each second; a point is kept each `POINT_EVERY` seconds.
    Times are seconds of a clock that only goes forward.
    """

    def __init__(self) -> None:
        self._kept: deque[_Sample] = deque(maxlen=POINTS + 1)
        self._last: _Sample | None = None

    def sample(self, now: float, consumed: int, confirmed: int, dead_letters: int) -> None:
        """Take the totals since the start."""
        self._last = _Sample(now, (consumed, confirmed, dead_letters))
        if not self._kept or now - self._kept[-1].at >= POINT_EVERY:
            self._kept.append(self._last)

    def rates(self) -> Rates:
        """Return rates as of the last sample; a connector younger than a minute counts from its start."""
        if self._last is None:
            return Rates()
        last = self._last
        start = next((one for one in self._kept if last.at - one.at <= _MINUTE), self._kept[-1])
        points = list(self._kept)
        history = [_between(one, other) for one, other in itertools.pairwise(points)]
        consumed, confirmed, dead_letters = _between(start, last)
        return Rates(
            consumed,
            confirmed,
            dead_letters,
            POINT_EVERY,
            [point[0] for point in history],
            [point[1] for point in history],
            [point[2] for point in history],
        )


def _between(start: _Sample, end: _Sample) -> tuple[float, float, float]:
    seconds = end.at - start.at
    if seconds <= 0:
        return 0.0, 0.0, 0.0
    one, two, three = (
        round((late - early) / seconds, 2) for late, early in zip(end.totals, start.totals, strict=True)
    )
    return one, two, three
