"""Records with headers, and events made of them."""

from __future__ import annotations

import json

from connector.core.reading.event import Event
from tests.records import ARecord, Headers
from tests.unit.core.builders import event_of, written

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The trace of the standard's own examples; its spans here are numbered."""


def traceparent(span: int, flags: str = "01", trace: str = TRACE) -> bytes:
    return f"00-{trace}-{span:016x}-{flags}".encode()


class Sealed(ARecord):
    """A record whose headers nobody may read once it is decoded."""

    closed = False

    def headers(self) -> None:
        if self.closed:
            raise AssertionError("its headers were read")


def content(device: str, **tags: object) -> bytes:
    return json.dumps({"type": "tags", "hwid": device, "tags": tags or {"a": 1}}).encode()


def carrying(offset: int, *values: bytes | None, name: str = "traceparent", device: str = "") -> Event:
    """An event whose record has these values of one header."""
    headers: Headers = [(name, value) for value in values]
    return event_of(written(offset, content(device or f"d{offset}"), headers=headers))


def sealed(offset: int) -> Event:
    record = Sealed(content(f"d{offset}"), offset=offset)
    event = event_of(record)
    record.closed = True
    return event
