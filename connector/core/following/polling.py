"""When to ask for a job's status, learned from how long jobs take. One schedule an endpoint.

Given: between which ages earlier jobs ended, and what this job has answered so far. Gives: the
delay until the next GET. Ages and delays are seconds; an age counts from the POST's answer.

A GET is due when it is likely enough that the job has ended since the last one (`_CHANCE`), by
the durations of recent jobs. So jobs that take a constant time are polled once or twice,
right at their end, and widely spread ones some four times, whatever their distribution.
Where a job's `progress` grows in proportion to its age, the end is extrapolated instead: believed
after some figures in a row that agree, until one doesn't, or a job ends before it promised.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque

_CHANCE = 0.28
"""How likely it is that a job has ended since its last GET when the next is due. The average number of GETs
is 1 / chance. This one is for durations that differ by no more than `_WIDE`."""

_WIDE_CHANCE = 0.25
"""The chance at which a GET is due where durations differ by more than `_WIDE`."""

_TOLD_CHANCE = 0.15
"""The chance at which a GET is due where progress tells the end: one that is in vain saves others then."""

_WIDE = 0.03
"""Share of an age by which durations may differ and still count as about the same."""

_MOST_DURATIONS = 128
"""Jobs whose durations are remembered: the latest ones."""

_FIRST = 0.03
"""Seconds until the first GET while nothing is known; then half the age between GETs."""

_SHORTEST = 0.001
"""Seconds: the shortest delay before a first GET; it is what a job that ends at once waits."""

_STEP_SHARE = 0.01
"""Shortest step between two GETs, as a share of the job's age; never below `_SHORTEST_STEP`."""

_SHORTEST_STEP = 0.002
"""Shortest step between two GETs in seconds, however young the job is."""

_GROWS_AFTER_POLLS = 6
"""GETs after which steps grow by half each: nothing else bounds them where no estimate fits."""

_MOST_GROWTH = 128
"""Times that a step grows: the ceiling has long been reached, and a float goes on to about 1,750."""

_SURPRISES = 8
"""Jobs in a row, all much faster or all much slower than remembered: the API has changed."""

_TRUSTED = 0.5
"""Share of recent progress figures that must have come true before they are believed."""

_WON, _LOST = 0.1, 0.5
"""A figure that came true adds the one share of what trust lacks, one that did not takes the other of what it
has: seven in a row win it."""

_FIRST_TESTS, _TESTED = 8, 4
"""The first 8 promises are tested, then every fourth: a GET half-way shows whether the job ends early."""

_TELLING = 5
"""Percent that progress must have promised to gain: less says nothing about its promises."""

_DONE = 100
"""The progress, in percent, of a job that has ended."""

_GOLDEN = 0.618
"""The golden ratio: what its multiples have after the point is spread evenly, however many there are."""


class PollSchedule:
    """Learns from finished jobs; answers for unfinished ones. Knows no job."""

    __slots__ = ("_ceiling", "_early", "_faster", "_promises", "_recent", "_slower", "_sorted", "_trust")

    def __init__(self, ceiling: float) -> None:
        """`ceiling`: the most seconds between two GETs of a job; the first one comes when it should."""
        self._ceiling = ceiling
        self._recent: deque[float] = deque(maxlen=_MOST_DURATIONS)  # durations, in the order of learning
        self._sorted: list[float] = []
        self._faster = 0  # jobs in a row that the first GET found ended, as early as it went
        self._slower = 0  # jobs in a row that took longer than most
        self._early = 0  # jobs of widely spread durations that the first GET found ended
        self._trust = 0.0  # in progress figures, 0 to 1
        self._promises = 0  # that were believed since a job ended before its own

    def learn(self, lower: float, upper: float, progress: int = -1, took: float = 0.0) -> None:
        """Learn that a job was unfinished at age `lower` (0: never seen so) and finished at `upper`.

        `progress` is what it had at `lower` (percent, -1 for nothing), `took` the seconds of the last GET.
        """
        if lower > 0:
            if progress > 0 and upper + 2 * took < _earliest_end(lower, progress):
                self._trust, self._promises = 0.0, 0
            self._faster = 0
            self._slower = self._slower + 1 if lower > self._quantile(1 - _CHANCE) else 0
            self._recent.append((lower + upper) / 2)
            if self._slower >= _SURPRISES:
                self._remember_only([*self._recent][-_SURPRISES:])
                self._slower = 0
        else:
            self._slower = 0
            self._learn_early(upper)
        self._sorted = sorted(self._recent)

    @property
    def usual(self) -> float:
        """Seconds that half of the recent jobs took at most; 0 while none is known."""
        return self._sorted[len(self._sorted) // 2] if self._sorted else 0.0

    def first_delay(self) -> float:
        """Return seconds from the POST's answer to the first GET."""
        return max(_SHORTEST, self._due(0)) if self._sorted else _FIRST

    def next_delay(
        self,
        age: float,
        polls: int,
        progress: int = -1,
        previous_age: float = 0.0,
        previous_progress: int = -1,
        took: float = 0.0,
    ) -> float:
        """Return seconds to the next GET of a job that was unfinished at `age`, after `polls` GETs.

        `progress` is what the API gave now (percent, -1 for nothing), the next two are the GET's
        before: 0 and -1 if there was none. `took`: the seconds that a GET takes, so that an age is
        uncertain by so much.
        """
        growth = 1.5 ** min(max(0, polls - _GROWS_AFTER_POLLS), _MOST_GROWTH)
        shortest = max(_SHORTEST_STEP, _STEP_SHARE * age) * growth
        self._compare(age, progress, previous_age, previous_progress, took)
        if self._trust >= _TRUSTED and max(0, previous_progress) < progress < _DONE:
            self._trust *= 0.98  # what is believed is seldom tested
            self._promises += 1
            tested = self._promises <= _FIRST_TESTS or self._promises % _TESTED == 0
            rest = _end(age, progress) - age
            return min(self._ceiling, max(shortest, rest / 2 if tested else rest))
        return min(self._ceiling, max(shortest, self._step(age)))

    def _step(self, age: float) -> float:
        """Return seconds until a job of this age has ended with the chance that is worth a GET."""
        if not self._sorted:
            return max(_FIRST, age / 2)
        shorter = bisect_right(self._sorted, age)
        if shorter == len(self._sorted):
            return age - self._sorted[-1]
        return min(age, self._due(shorter) - age)

    def _due(self, shorter: int) -> float:
        """Return the age at which to ask, of the remembered durations without the `shorter` shortest."""
        longer = len(self._sorted) - shorter
        age = self._sorted[shorter + int(longer * _CHANCE)]
        if self._sorted[shorter + longer // 2] <= age * (1 + _WIDE):
            return age
        chance = _TOLD_CHANCE if self._trust >= _TRUSTED else _WIDE_CHANCE
        return self._sorted[shorter + int(longer * chance)]

    def _learn_early(self, upper: float) -> None:
        """Learn from a job that its first GET found ended: how much earlier it was, nobody knows.

        A little less is remembered, so the first GET comes earlier until it's in vain sometimes. Where
        durations are widely spread, anything down to half of it is: in small steps it would take thousands.
        """
        first = self.first_delay()
        tested = upper <= first * (1 + _STEP_SHARE) + _SHORTEST_STEP  # or it went by an older schedule
        if tested:
            self._faster += 1
            upper = min(upper, first)  # however late the GET went
        if tested and self._faster > _SURPRISES:
            doublings = min(self._faster - _SURPRISES, _SURPRISES)
            self._remember_only([upper * max(0.5, 1 - _STEP_SHARE * 2**doublings)])
        elif self.usual > upper * (1 + _WIDE):
            self._early += 1
            self._recent.append(upper * (1 - self._early * _GOLDEN % 1 / 2))
        else:
            self._recent.append(upper * (1 - _STEP_SHARE))

    def _remember_only(self, durations: list[float]) -> None:
        self._recent.clear()
        self._recent.extend(durations)

    def _quantile(self, share: float) -> float:
        return self._sorted[int(share * len(self._sorted))] if self._sorted else math.inf

    def _compare(
        self, age: float, progress: int, previous_age: float, previous_progress: int, took: float
    ) -> None:
        """Compare a progress figure with what the one before had promised."""
        if previous_age <= 0 or previous_progress <= 0 or progress < 0:
            return
        growth = age / previous_age
        promised = previous_progress * growth
        unsure = promised * took / age
        if promised < previous_progress + max(_TELLING, unsure):
            return
        came_true = abs(promised + growth / 2 - progress) <= growth + 2 + unsure
        self._trust += (_WON if came_true else _LOST) * (came_true - self._trust)


def _earliest_end(age: float, progress: int) -> float:
    """Return the earliest age at which a job that has come so far can end, by a figure rounded down."""
    return age * _DONE / (progress + 1)


def _end(age: float, progress: int) -> float:
    """Return the age at which a job that has come so far will have ended.

    A figure is taken as rounded down. Where that leaves the end open by more than two percent,
    the earliest possible end is better: the figure that is seen then is a sharper one.
    """
    vague = progress < _DONE // 2
    return _earliest_end(age, progress) if vague else age * _DONE / (progress + 0.5)
