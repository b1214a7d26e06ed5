"""How many unfinished jobs the API gets at once: as many as help, at most `max_in_flight`.

Given: how many jobs are unfinished, which ended and how long they took; and when the API said that it
is overloaded. Gives: the limit.

Two signs make it lower. 429 and 5xx, where they are not rare, take three tenths off at once; where one job
at a time meets as many, jobs aren't why, and as many as may be go again. And where jobs take twice as long as
usual while the limit is reached, they may be queueing: three tenths less is tried, and kept only if no fewer
devices a second come through (by Little's law queueing costs time, not throughput). Where fewer do, the API
has become slower by itself: the limit goes back, and that is what is usual from then on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from connector.core.limits import Limits

CUT_TO = 0.7
"""Share of the limit that a sign of overload leaves."""
GROWTH = 1.25
"""What a window without a sign of overload multiplies the limit by."""
INFLATED = 2.0
"""Times the usual duration from which jobs may be queueing, if they are `NOTICEABLE` seconds longer, too."""
NOTICEABLE = 0.25
"""Seconds by which jobs must take longer than usual to be noticed. Less is this machine's own noise."""
EASY = 1.5
"""Times the usual duration up to which jobs leave room for more at once."""
LOSS = 0.75
"""If a cut leaves less than this share of the devices a second, jobs were not queueing: it is undone."""
CONVINCING = 0.5
"""Weight of a window that spoke against a cut."""
HELD_AT_MOST = 10
"""Windows between `EASY` and `INFLATED`, after which more is tried all the same: perhaps jobs only take
longer now."""
JUDGED_WITHIN = 10
"""Windows after which a cut is judged in any case."""
REACHED = 0.75
"""Share of the limit that counts as all of it: of several places that become free together the last ones wait
for a commit (`core/settling/exposure.py`)."""
WATCHED = 0.25
"""Share of jobs that polls find unfinished at least once, where they come in time."""
LEARNING = 0.1
"""Weight of the latest window in what is usual; that of the first ones is larger, they count alike."""
YOUNG = 4
"""Windows before which what is usual isn't known well enough to say that jobs take longer than that."""
NOT_OURS_FOR = 900.0
"""Seconds for which 429 and 5xx lower nothing, once they were as frequent with one job at a time: it is
something else that the API has too much of."""
WINDOW = 12
"""Jobs that a window has at least."""


@dataclass(slots=True)
class _Window:
    """The jobs since the last decision. Those that were sent before it say nothing about it."""

    since: float
    jobs: int = 0
    reached: int = 0
    """How many of them ended while about as many were unfinished as may be."""
    unfinished: int = 0
    watched: int = 0
    """How many of them a poll had found unfinished: others may have ended long before they were asked for."""
    devices: int = 0
    seconds: float = 0.0
    ratios: float = 0.0
    excess: float = 0.0
    took: dict[int, list[float]] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """Devices a second, by Little's law; a count of what ended would lag behind a change of the limit."""
        return self.unfinished / self.jobs * self.devices / max(self.seconds, 1e-6)

    @property
    def late(self) -> bool:
        """Whether polls don't come in time yet for jobs that have become shorter, and so hold places."""
        return self.watched < WATCHED * self.jobs


@dataclass(slots=True)
class _Cut:
    """A cut that has to prove itself."""

    limit: float
    speed: float
    """What there was before it: the limit, and devices a second."""
    windows: int = 0
    """How many windows have passed since."""


class Concurrency:
    """The limit of one instance. Larger jobs take longer: sizes are told apart by powers of two."""

    __slots__ = (
        *("_adaptive", "_cut", "_held", "_learned", "_limit", "_most"),
        *("_not_ours_until", "_overloaded_at", "_suspected", "_unfinished", "_usual", "_window"),
    )

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_in_flight
        self._adaptive = limits.adaptive
        self._limit = float(self._most)
        self._usual: dict[int, float] = {}
        self._learned = 0
        """How many windows `_usual` was learned from."""
        self._unfinished = 0
        self._overloaded_at = self._not_ours_until = -math.inf
        self._suspected = False
        self._held = 0
        self._cut: _Cut | None = None
        self._window = _Window(0.0)

    @property
    def limit(self) -> int:
        """Return how many jobs may be unfinished at once, requests that may become one included."""
        return max(1, int(self._limit))

    def overloaded(self, now: float) -> None:
        """The API is overloaded: fewer jobs from now on; as many as may be if it is so with one, too."""
        if not self._adaptive or now < self._not_ours_until:
            return
        if self.limit > 1:
            self._limit = max(1.0, self._limit * CUT_TO)
        elif self._unfinished <= 1:  # not while those of before are still there
            self._limit = float(self._most)
            self._not_ours_until = now + NOT_OURS_FOR
        self._cut = None
        self._window = _Window(now)

    def overloaded_for_job(self, accepted_at: float, now: float) -> None:
        """A job Failed because the API is overloaded: as `overloaded`, once for those of one time."""
        if accepted_at > self._overloaded_at:
            self._overloaded_at = now
            self.overloaded(now)

    def planned(self, unfinished: int) -> None:
        """`unfinished` jobs are unfinished now that everything that may be sent has been sent.

        Not counted when one ends: of several that end together all but the first would find fewer.
        """
        self._unfinished = unfinished

    def ended(self, devices: int, accepted_at: float, ended_at: float, *, watched: bool = True) -> None:
        """A job of `devices` ended; `watched`: a poll before had found it unfinished."""
        window = self._window
        if not self._adaptive or accepted_at < window.since:
            return
        size, seconds = devices.bit_length(), ended_at - accepted_at
        usual = self._usual.get(size, seconds)
        window.jobs += 1
        window.unfinished += self._unfinished
        window.devices += devices
        window.watched += watched
        window.seconds += seconds
        window.reached += self._unfinished >= REACHED * self.limit
        window.ratios += seconds / max(usual, 1e-3)
        window.excess += seconds - usual
        window.took.setdefault(size, []).append(seconds)
        if window.jobs >= max(WINDOW, self.limit):
            self._decide(window)
            self._window = _Window(ended_at)

    def _decide(self, window: _Window) -> None:
        ratio, excess = window.ratios / window.jobs, window.excess / window.jobs
        cut = self._cut
        if cut is not None:
            cut.windows += 1
            slower = window.speed < LOSS * cut.speed
            if cut.windows == 1 or (slower and window.late and cut.windows < JUDGED_WITHIN):
                return
            self._cut = None
        suspected, held = False, 0
        if cut is not None and slower:
            self._limit = cut.limit
            self._learn(window, CONVINCING)
        elif self._learned < YOUNG:
            self._learn(window, LEARNING)
            self._grow()
        elif ratio > INFLATED and excess > NOTICEABLE:
            if window.reached < window.jobs / 2 or self._limit <= 1:
                self._learn(window, 1.0)  # they don't queue behind ours
            elif not self._suspected:
                suspected = True  # while a queue grows, its length says nothing about the speed
            else:
                self._cut = _Cut(self._limit, window.speed)
                self._limit = max(1.0, self._limit * CUT_TO)
        elif ratio <= EASY or excess <= NOTICEABLE:
            self._learn(window, LEARNING)
            self._grow()
        else:
            held = self._held + 1
            if held >= HELD_AT_MOST:
                self._grow()
                held = 0
        self._held = held
        self._suspected = suspected

    def _grow(self) -> None:
        self._limit = min(self._most, max(self._limit + 1, self._limit * GROWTH))

    def _learn(self, window: _Window, weight: float) -> None:
        self._learned += 1
        weight = max(weight, 1 / self._learned)
        for size, took in window.took.items():
            mean = sum(took) / len(took)
            self._usual[size] = mean + (1 - weight) * (self._usual.get(size, mean) - mean)
