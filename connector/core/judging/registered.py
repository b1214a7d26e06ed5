"""Devices whose registration was confirmed lately: the API may not find them everywhere yet.

Given: registrations that were confirmed, and what became of updates that were not found after them. Gives:
whether "not found" is a matter of time. The API contract promises no order between what a job did and what
another one sees; but a device may be registered and never found, and then to wait helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.core.reading.event import Event

LATELY = 20.0
"""Seconds after the confirmation in which "not found" uses up no attempt ..."""
REMEMBERED = 3 * LATELY
"""Seconds for which it is known: by then what was not found has used up its attempts, too."""
OFTEN, USELESS_FOR = 3, 600.0
"""... unless waiting was in vain before for this device, or for `OFTEN` devices in a row, the last of them no
more than `USELESS_FOR` seconds ago."""
MOST = 50_000
"""Identifiers that are remembered, the latest ones: some 5 MB."""


class Registered:
    """When each identifier was registered last, in the order of that."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._never: dict[str, None] = {}
        """Identifiers that were waited for in vain, in the order of that."""
        self._in_vain = 0
        self._useless_until = 0.0
        self._waits_until = 0.0
        """Before then an update may be found that was waited for."""

    def confirmed(self, events: Iterable[Event], now: float) -> None:
        """Remember the identifiers of these registrations."""
        for event in events:
            for key in event.keys:
                self._at.pop(key, None)
                if key not in self._never:
                    self._at[key] = now
        while self._at and (len(self._at) > MOST or next(iter(self._at.values())) < now - REMEMBERED):
            del self._at[next(iter(self._at))]

    def lately(self, event: Event, now: float) -> bool:
        """Whether the device of this event was registered lately, so that it may be found before long."""
        since = now - LATELY
        useful = now >= self._useless_until
        lately = useful and any(self._at.get(key, since - 1) >= since for key in event.keys)
        if lately:
            self._waits_until = now + 2 * LATELY
        return lately

    def found(self, updates: Iterable[Event], now: float) -> None:
        """Updates were confirmed: waiting helped if one has an attempt that was no bad verdict on it."""
        if now < self._waits_until and any(event.attempts > event.bad_verdicts for event in updates):
            self._in_vain, self._useless_until = 0, 0.0

    def given_up(self, event: Event, now: float) -> None:
        """The device of this update was not found in the end. If it was registered, waiting was in vain."""
        if not any(key in self._at for key in event.keys):
            return
        self._in_vain += 1
        if self._in_vain >= OFTEN:
            self._useless_until = now + USELESS_FOR
        self._never.update(dict.fromkeys(event.keys))
        while len(self._never) > MOST:
            del self._never[next(iter(self._never))]
