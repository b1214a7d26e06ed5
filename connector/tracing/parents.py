"""Whose traces the records of a batch come from: their W3C `traceparent` headers, as links.

https://www.w3.org/TR/trace-context/#traceparent-header. Headers are unpacked where somebody
asks for them, and not before: while nothing is traced, the built-in decoder and a batch never do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from opentelemetry.trace import Link, SpanContext, TraceFlags

from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.model import Record, headers_of

Parent = tuple[bytes, bytes, bytes]
"""Trace, span and flags, in hexadecimal digits."""

_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
_MOST_CHARACTERS = 512


def links(events: Iterable[Event], most: int) -> list[Link]:
    """Return links to the spans that events came from, at most `most`: sampled traces before others."""
    sampled: list[Link] = []
    others: list[Link] = []
    for trace_id, span_id, flags in _parents(events):
        chosen = sampled if int(flags, 16) & TraceFlags.SAMPLED else others
        if len(chosen) < most:
            context = SpanContext(
                int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
            )
            chosen.append(Link(context))
        if len(sampled) >= most:
            break
    return [*sampled, *others][:most]


def _parents(events: Iterable[Event]) -> Iterator[Parent]:
    """Yield each parent once: a producer may send many records in one span."""
    seen: set[tuple[bytes, bytes]] = set()
    for event in events:
        for each in contributors(event):
            parent = None if each.record is None else parent_of(each.record)
            if parent is not None and parent[:2] not in seen:
                seen.add(parent[:2])
                yield parent


def parent_of(record: Record) -> Parent | None:
    """Return the span that the record was produced in; None where its headers name none.

    Of several `traceparent` headers none can be trusted: the standard allows one.
    """
    headers = headers_of(record)
    if not headers:
        return None
    found = [value for name, value in headers if name.lower() == "traceparent"]
    if len(found) != 1 or found[0] is None or len(found[0]) > _MOST_CHARACTERS:
        return None
    match = _TRACEPARENT.fullmatch(found[0].strip(b" \t"))
    if match is None or (match[5] is not None and match[1] == b"00"):
        return None
    return match[2], match[3], match[4]
