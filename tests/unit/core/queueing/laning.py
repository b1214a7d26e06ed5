"""Lanes for tests, and the order in which events leave them."""

from __future__ import annotations

from typing import Any

from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import Event
from tests.unit.core.builders import tags

ROOM = 1 << 20


def lanes() -> Lanes:
    return Lanes(ROOM)


def append(offset: int, device: str | None = "A", **identifiers: Any) -> Event:
    """An update that merges with nothing before it."""
    return tags(offset, device, ("append", "remove")[offset % 2], values={"l": [offset]}, **identifiers)


def sent(*events: Event) -> None:
    for event in events:
        event.bound_to = 99


def order(some: Lanes, first: list[Event]) -> list[int]:
    """The offsets in the order in which they go when each is released in its turn."""
    gone: list[int] = []
    free = list(first)
    while free:
        event = free.pop(0)
        gone.append(event.offset)
        free += some.release([event])
    assert some.busy == 0
    assert some.waiters() == []
    return gone
