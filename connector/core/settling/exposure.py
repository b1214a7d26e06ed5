"""How many batches may be at risk at once: sent, but not yet in a committed checkpoint.

Given: how long batches took until a commit recorded them, and until their jobs had ended. Gives: how many may
be unrecorded at once. A crash submits that many twice, so they are as few as the speed allows.

By Little's law, with all jobs in flight, `max_in_flight * recording / job` batches are in between on
average; twice as many never make a job wait for long. Where jobs take seconds it is the average
alone, rounded, even if that costs some speed: one batch, unless recording it takes longer than
`1.5 * job / max_in_flight`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil
from statistics import fmean, median

from connector.core.limits import Limits

HEADROOM = 2.0
"""Times the average that may be unrecorded: at 1 and one batch at a time, waiting for it costs at most 2 % of
the speed."""
LONG_JOBS_FROM = 2.0
"""Seconds from which jobs are long: then only the average is allowed, and a batch beyond it waits."""
_HANGS_FROM = 5.0
_HANGS_TIMES = 5.0
"""A request hangs once it takes longer than these seconds and these times the usual duration."""
_WEIGHT = 0.2
"""Weight of the latest duration in the moving average of jobs."""
_MOST_COMMITS = 5
"""Commits whose median counts: one hiccup of a machine or broker does not raise the number."""
_MIN_COMMITS = 3
"""Commits that it takes to know the median: a hiccup may be the first thing that happens."""


class Exposure:
    """Derives from two durations, in seconds, how many batches may be unrecorded; at first it is one.

    Jobs count as long at first: those that end first are the shortest, and say nothing about the others.
    """

    __slots__ = ("_ending", "_limits", "_most", "_recording", "_recordings")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = max(limits.max_in_flight, limits.max_unrecorded)
        self._recordings: deque[float] = deque(maxlen=_MOST_COMMITS)
        self._recording: float | None = None
        self._ending: float | None = None

    @property
    def allowed(self) -> int:
        """Return how many batches may be on their way or accepted without being in a committed checkpoint."""
        if self._recording is None or self._ending is None:
            return 1
        average = self._limits.max_in_flight * self._recording / max(self._ending, 1e-6)
        wanted = round(average) if self._ending >= LONG_JOBS_FROM else ceil(HEADROOM * average)
        return min(self._most, max(1, wanted))

    @property
    def patience(self) -> float:
        """Return the seconds after which a request without an answer no longer holds up others.

        It may hang until its time-out: that many more are then at risk, up to `Limits.max_unrecorded` in all.
        """
        return max(_HANGS_FROM, _HANGS_TIMES * (self._recording or 0.0))

    def recorded(self, seconds: Sequence[float]) -> None:
        """A committed checkpoint records batches, each this many seconds after it was sent."""
        self._recordings.append(fmean(seconds))
        if len(self._recordings) >= _MIN_COMMITS:
            self._recording = median(self._recordings)

    def ended(self, seconds: float) -> None:
        """A job has ended, this many seconds after it was sent."""
        before = max(seconds, LONG_JOBS_FROM) if self._ending is None else self._ending
        self._ending = before + _WEIGHT * (seconds - before)
