"""Devices whose registration was confirmed lately: the API may not find them everywhere yet.

Given: registrations that were confirmed, one after the other. Gives: whether "not found" contradicts one of
them, so that it is a matter of time. The API contract promises no order between what a job did and what
another one sees.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.core.reading.event import Event

LATELY = 60.0
"""Seconds after the confirmation in which "not found" uses up no attempt."""
MOST = 50_000
"""Identifiers that are remembered, the latest ones: some 5 MB."""


class Registered:
    """When each identifier was registered last, in the order of that."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def confirmed(self, events: Iterable[Event], now: float) -> None:
        """Remember the identifiers of these registrations."""
        for event in events:
            for key in event.keys:
                self._at.pop(key, None)
                self._at[key] = now
        while self._at and (len(self._at) > MOST or next(iter(self._at.values())) < now - LATELY):
            del self._at[next(iter(self._at))]

    def lately(self, event: Event, now: float) -> bool:
        """Whether the device of this event was registered lately."""
        return any(self._at.get(key, now - 2 * LATELY) >= now - LATELY for key in event.keys)
