"""The brake: are too many of the recent events refused? Then the fault is hardly theirs. Pure.

Given: how many events were judged, how many of them were refused, and when those were sent first. Gives:
whether to halt. A refusal is final only after retries, or a hunt: the good events that were sent beside it
are judged long before. So the last refusals of a backlog come in a clump, which says nothing: the share must
be too large among all that was judged since they were sent first, too.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

HISTORY = 900
"""Seconds for which it is remembered how many were good."""


class Counted(NamedTuple):
    """What the brake watches: events that were judged for good, some at a time."""

    events: int = 0
    refused: int = 0
    """How many of the events were refused."""
    since: float = math.inf
    """When the first of the refused was sent first."""


class Brake:
    """`share` of the last `window` events; 0 is off."""

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._window = window
        self._recent: deque[Counted] = deque()
        """What was judged lately, about `window` events; oldest first."""
        self._events = 0
        self._refused = 0
        self._good: deque[tuple[int, int]] = deque()
        """(tenth of a second, events that were not refused in it), oldest first."""

    def saw(self, counted: Counted, now: float) -> bool:
        """Count judged events; True when the share is too large and there are enough to tell."""
        if not self._share or not counted.events:
            return False
        self._remember(counted.events - counted.refused, int(now * 10))
        self._recent.append(counted)
        self._events += counted.events
        self._refused += counted.refused
        while self._events - self._recent[0].events >= self._window:
            oldest = self._recent.popleft()
            self._events -= oldest.events
            self._refused -= oldest.refused
        if self._events < self._window or self._refused <= self._share * self._events:
            return False
        return self._refused > self._share * (self._refused + self._good_since(self._usually_since()))

    def _remember(self, good: int, tenth: int) -> None:
        if self._good and self._good[-1][0] == tenth:
            good += self._good.pop()[1]
        self._good.append((tenth, good))
        while self._good[0][0] < tenth - HISTORY * 10:
            self._good.popleft()

    def _usually_since(self) -> float:
        """Return when half of the refused had been sent first: one that waited for an hour tells nothing."""
        left = self._refused / 2
        for since, refused in sorted((each.since, each.refused) for each in self._recent if each.refused):
            left -= refused
            if left <= 0:
                return since
        return 0.0

    def _good_since(self, when: float) -> int:
        if when == math.inf:
            return 0
        return sum(good for tenth, good in self._good if tenth >= int(when * 10))

    def reset(self) -> None:
        """Forget what was seen."""
        self._recent.clear()
        self._good.clear()
        self._events = self._refused = 0

    @property
    def words(self) -> str:
        """What it saw."""
        return f"{self._refused} of the last {self._events} events were refused"
