"""The gate that closes while the API is down.

Given: what was sent when, and whether it got through. Gives: how many requests may go now. Times are seconds
on any clock that only goes forward.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from connector.answers import GateCause
from connector.core.backoff import Backoff

OPEN = 1 << 30
"""What `Gate.permits` answers when the gate is open: as many as you like."""
TURN_EVERY = 3
"""Every third trial of a closed gate takes what has not failed yet: perhaps only the others fail."""
LONGEST_RETRY_AFTER = 900.0
"""Most seconds that a `Retry-After` can close the gate for. It may be a date by a clock that is far ahead:
that must not stop the flow until somebody restarts it, and one trial each quarter of an hour burdens
nobody."""


class Closing(NamedTuple):
    """Why the gate closed."""

    cause: GateCause
    message: str
    """What the API or the network said."""
    closed_at: float
    """When the failure came in that closed it. When its request was sent is `Gate.down_since`."""


NEVER_CLOSED = Closing(GateCause.NO_REPLY, "", 0.0)
"""Stands for the last time that a gate closed which never has."""


class Gate:
    """Shared by all requests: closes when one finds the API down, opens when one gets through.

    While it is closed nothing is sent; when the time has come, one request at a time goes as a
    trial. Any answer of the API but `Unavailable` is a success here: the API is up.
    A trial without an answer is the caller's time-out, to be told as a failure.
    """

    __slots__ = (
        *("_attempts", "_backoff", "_closed_at", "_trial"),
        *("closed_until", "closing", "down_since"),
    )

    closed_until: float | None
    """When a trial may go; None while the gate is open."""
    down_since: float
    """From when the API counts as down: when the request was sent whose failure closed the gate last."""

    def __init__(self, backoff: Backoff) -> None:
        self.closed_until = None
        self.closing = NEVER_CLOSED
        """The last time that it closed, told by whoever knows why."""
        self._backoff = backoff
        self._closed_at = self.down_since = -math.inf
        self._attempts = 0
        self._trial = False

    def failed(self, now: float, sent_at: float, retry_after: float | None, jitter: float) -> bool:
        """Note that a request sent at `sent_at` found the API down.

        Returns whether the gate closed or stays closed for longer. Requests that were under way
        when it last closed are part of the same failure: only their `Retry-After` counts.
        """
        wait = min(LONGEST_RETRY_AFTER, retry_after) if retry_after is not None and retry_after > 0 else 0.0
        if sent_at > self._closed_at:
            self._attempts += 1
            self._closed_at = now
            self._trial = False
            wait = max(wait, self._backoff.delay(self._attempts, jitter))
        elif not wait:
            return False
        if self.closed_until is not None and now + wait <= self.closed_until:
            return False
        if self.closed_until is None:
            self.down_since = sent_at
        self.closed_until = now + wait
        return True

    def succeeded(self, sent_at: float) -> float:
        """Note that a request sent at `sent_at` was answered: opens if it was sent after the closing.

        Returns for how many seconds it had been closed.
        """
        if sent_at <= self._closed_at:
            return 0.0
        closed_for = 0.0 if self.closed_until is None else sent_at - self.down_since
        self.closed_until = None
        self._attempts = 0
        self._trial = False
        return closed_for

    def permits(self, now: float) -> int:
        """Return how many requests may go now: `OPEN`, one trial, or none."""
        if self.closed_until is None:
            return OPEN
        return int(now >= self.closed_until and not self._trial)

    @property
    def failures(self) -> int:
        """How many trials have failed in a row, the closing included; 0 while it is open."""
        return self._attempts if self.closed_until is not None else 0

    @property
    def turn_of_others(self) -> bool:
        """Whether the next trial should be something that has not failed yet, a POST before a GET."""
        return self.closed_until is not None and self._attempts % TURN_EVERY == 0

    def trial_started(self, now: float) -> None:
        """Note that a request was sent: while the gate is closed it is the trial."""
        if self.closed_until is not None and now >= self.closed_until:
            self._trial = True

    def withdrawn(self) -> None:
        """Note that a request never left: if it was the trial, another may go."""
        self._trial = False

    def wake_at(self) -> float | None:
        """Return when `permits` will next change by itself; None if only an answer can change it."""
        return None if self._trial else self.closed_until
