"""The brake: are too many of the recent events refused? Then the fault is hardly theirs.

Given: how many events were judged, how many of them were refused, and when they were sent. Gives: whether to
halt. What is judged together need not have been sent together: a refusal is final only after retries, or a
hunt, and the last ones of a backlog come in a clump, which says nothing. So the share must be too large among
those, too, that were sent when the recently refused ones were; where these were refused at once, and others
have to wait for their jobs, among all that were sent then.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

HISTORY = 900
"""Seconds for which it is remembered what became of the events that were sent at a time."""
QUARTER = 0.25
"""Share of the refused that are left out at each end of the time in which they were sent: one that waited for
an hour tells nothing."""


class Counted(NamedTuple):
    """What the brake watches: events that were judged for good, some at a time."""

    events: int = 0
    refused: int = 0
    """How many of the events were refused."""
    since: float = math.inf
    """When the first of the refused was sent first."""
    sent_at: float = math.inf
    """When the others were sent; not known, and taken for now, if infinite."""
    at_once: bool = False
    """Whether requests were refused: the jobs of those that were sent beside them may take long to end."""


class Sent(NamedTuple):
    """What became of the events that were sent in one tenth of a second."""

    good: int = 0
    refused: int = 0


class Brake:
    """`share` of the last `window` events; 0 is off.

    `waiting`: how many events were sent between two times, both included, and are not judged yet.
    """

    def __init__(
        self, share: float, window: int, waiting: Callable[[float, float], int] = lambda _first, _last: 0
    ) -> None:
        self._share = share
        self._window = window
        self._waiting = waiting
        self._recent: deque[Counted] = deque()
        """Oldest first."""
        self._events = 0
        self._refused = 0
        self._sent: dict[int, Sent] = {}
        """By the tenth of a second, since the epoch, in which they were sent."""

    def saw(self, counted: Counted, now: float, before: Brake | None = None) -> bool:
        """Count judged events; True when the share is too large and there are enough to tell.

        `before`: what watches those that are refused before they can be judged. These count together, if the
        recent ones of both are of one time.
        """
        if not self._share or not counted.events:
            return False
        self._remember(counted, now)
        self._recent.append(counted)
        self._events += counted.events
        self._refused += counted.refused
        while self._events - self._recent[0].events >= self._window:
            oldest = self._recent.popleft()
            self._events -= oldest.events
            self._refused -= oldest.refused
        share = self._share if before is None or not self._refused else self._left_by(before)
        if self._events < self._window or self._refused <= share * self._events:
            return False
        return self._too_many_of_those_sent_together(share, now)

    def _left_by(self, before: Brake) -> float:
        """Return which share of these may be refused, since `before` saw some that were refused already."""
        refused = before.refused_share
        if not refused:
            return self._share
        first, last = self._usually_sent()
        if first > before.until or last < before.since:
            return self._share
        return (self._share - refused) / (1 - refused) if refused < self._share else 0.0

    def _remember(self, counted: Counted, now: float) -> None:
        if counted.refused < counted.events:
            tenth = int(min(counted.sent_at, now) * 10)
            good, refused = self._sent.get(tenth, Sent())
            self._sent[tenth] = Sent(good + counted.events - counted.refused, refused)
        if counted.refused and counted.since < math.inf:
            tenth = int(counted.since * 10)
            good, refused = self._sent.get(tenth, Sent())
            self._sent[tenth] = Sent(good, refused + counted.refused)
        if len(self._sent) > 2 * HISTORY * 10:
            self._forget(now)

    def _forget(self, now: float) -> None:
        oldest = int((now - HISTORY) * 10)
        self._sent = {tenth: sent for tenth, sent in self._sent.items() if tenth >= oldest}

    def _too_many_of_those_sent_together(self, share: float, now: float) -> bool:
        """Whether more than this share was refused of what was sent when those were that are of late."""
        first, last = self._usually_sent()
        if first == math.inf:  # no request made them: they were only read
            return True
        self._forget(now)
        if last < now - HISTORY:  # what else was sent then is forgotten: the latest must do
            good, refused = sum(sent.good for sent in self._sent.values()), self._refused
        else:
            within = [
                sent for tenth, sent in self._sent.items() if int(first * 10) <= tenth <= int(last * 10)
            ]
            good, refused = sum(sent.good for sent in within), sum(sent.refused for sent in within)
        at_once = sum(each.refused for each in self._recent if each.at_once)
        waiting = self._waiting(first, last) if 2 * at_once > self._refused else 0
        return refused > share * (refused + good + waiting)

    def _usually_sent(self) -> tuple[float, float]:
        """Return between which times the refused of late were sent, but for a quarter of them at each end."""
        refused = sorted((each.since, each.refused) for each in self._recent if each.refused)
        passed = [*accumulate(count for _, count in refused)]
        skip = self._refused * QUARTER
        first, last = bisect_right(passed, skip), bisect_left(passed, self._refused - skip)
        return refused[first][0], refused[last][0]

    def reset(self) -> None:
        """Forget what was seen."""
        self._recent.clear()
        self._sent.clear()
        self._events = self._refused = 0

    @property
    def refused_share(self) -> float:
        """The share of the recent events that was refused; 0 while there are too few to tell."""
        return self._refused / self._events if self._events >= self._window else 0.0

    @property
    def since(self) -> float:
        """When the first of the recent events was read, infinite if there are none."""
        return self._recent[0].sent_at if self._recent else math.inf

    @property
    def until(self) -> float:
        """When the last of the recent events was read."""
        return self._recent[-1].sent_at if self._recent else -math.inf

    @property
    def counts(self) -> str:
        """The counts of events that this brake saw."""
        return f"{self._refused} of the last {self._events}"
