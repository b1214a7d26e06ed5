"""Devices whose registration was confirmed lately: the API may not find them everywhere yet.

Given: registrations that were confirmed, and what became of updates that were not found after them. Gives:
whether "not found" is a matter of time. The API contract promises no order between what a job did and what
another one sees; but a device may be registered and never found, and then waiting helps nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from connector.core.reading.event import Event

LATELY = 20.0
"""Seconds after a registration was confirmed in which "not found" uses up no attempt of the device."""
MOST_VAIN_WAITS, USELESS_FOR = 3, 600.0
"""It uses one up all the same where waiting was in vain for `MOST_VAIN_WAITS` devices in a row, the last of
them no more than `USELESS_FOR` seconds ago; or for this device before."""
REMEMBERED_FOR = 3 * LATELY
"""Seconds for which a registration is remembered at least: by then what was not found has used up its
attempts, too."""
MOST_REMEMBERED = 50_000
"""Identifiers that are remembered, about the latest ones: some 5 MB."""


class _Latest:
    """A time for each of the latest identifiers, at most `MOST_REMEMBERED`. The older half goes at once.

    One by one would be slow: of a dictionary the first entry is found in a time that grows with how many were
    taken out before it, up to 100 us.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        """Keep each for this many seconds at least, where there aren't too many."""
        self._seconds = seconds
        self._younger: dict[str, float] = {}
        self._older: dict[str, float] = {}
        self._began = 0.0

    def put(self, keys: Iterable[str], at: float) -> None:
        """Keep this time for these. Times never go back."""
        if len(self._younger) >= MOST_REMEMBERED // 2 or at >= self._began + self._seconds:
            self._older, self._younger, self._began = self._younger, {}, at
        for key in keys:
            self._younger[key] = at

    def get(self, key: str) -> float:
        """Return its time; minus infinity if it has none."""
        return self._younger.get(key, self._older.get(key, -math.inf))


class Registered:
    """When each identifier was registered last."""

    def __init__(self) -> None:
        self._at = _Latest(REMEMBERED_FOR)
        self._in_vain_at = _Latest()
        """When an identifier was waited for in vain."""
        self._in_vain = 0
        """How many devices in a row were waited for in vain."""
        self._useless_until = 0.0
        self._waits_until = 0.0
        """Until then an update that was waited for may still be found."""

    def confirmed(self, events: Iterable[Event], now: float) -> None:
        """Remember the identifiers of these registrations."""
        for event in events:
            self._at.put(event.keys, now)

    def decide_to_wait(self, event: Event, now: float) -> bool:
        """Decide whether this event waits: its device was registered lately, and may be found before long."""
        lately = now >= self._useless_until and self._registered_at(event) >= now - LATELY
        if lately:
            self._waits_until = now + 2 * LATELY
        return lately

    def _registered_at(self, event: Event) -> float:
        """Return when any of its identifiers was registered, but for those that were waited for in vain."""
        worth_it = [key for key in event.keys if self._in_vain_at.get(key) == -math.inf]
        return max(map(self._at.get, worth_it), default=-math.inf)

    def found(self, updates: Iterable[Event], now: float) -> None:
        """Updates were confirmed: waiting helped if one has an attempt that was no bad verdict on it."""
        if now < self._waits_until and any(event.attempts > event.bad_verdicts for event in updates):
            self._in_vain, self._useless_until = 0, 0.0

    def given_up(self, event: Event, now: float) -> None:
        """The device of this update was not found in the end. If it was registered, waiting was in vain."""
        if self._registered_at(event) == -math.inf:
            return
        self._in_vain += 1
        if self._in_vain >= MOST_VAIN_WAITS:
            self._useless_until = now + USELESS_FOR
        self._in_vain_at.put(event.keys, now)
