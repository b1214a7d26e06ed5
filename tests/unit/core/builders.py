"""Records, events, reports and limits for tests of the core. Each call makes new ones; nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from connector.answers import JobReport, JobState, Row
from connector.core.limits import Limits
from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.model import Content, Reason, Record, Rejection, Start, TopicPartition
from tests.records import ARecord, Headers

NOW = 1_700_000_000.0
"""When tests begin, seconds since the epoch."""
P0 = TopicPartition("events", 0)
P1 = TopicPartition("events", 1)
UNDECODABLE = Rejection(Reason.UNDECODABLE, "Not JSON")


def written(
    offset: int, value: bytes | None, partition: TopicPartition = P0, headers: Headers | None = None
) -> ARecord:
    """A record of a log in which each is a millisecond older than the next."""
    time = (1, int(NOW * 1000) + offset)
    return ARecord(value, headers=headers, place=partition, offset=offset, timestamp=time)


def record(offset: int, content: Any = None, partition: TopicPartition = P0) -> ARecord:
    """A record; `content` is written as JSON, None makes a tombstone."""
    return written(offset, None if content is None else msgspec.json.encode(content), partition)


_READ = Interpreter(Content.MIXED)


def events_of(made: Sequence[Record]) -> list[Event]:
    """What decoding makes of records that are sound."""
    found = _READ.read(made)
    assert all(isinstance(each, Event) for each in found), found
    return [each for each in found if isinstance(each, Event)]


def event_of(made: Record) -> Event:
    """What decoding makes of a record that is sound."""
    (found,) = events_of([made])
    return found


def tags(
    offset: int,
    device: str | None = "A",
    operator: str = "set",
    partition: TopicPartition = P0,
    values: dict[str, Any] | None = None,
    **identifiers: str,
) -> Event:
    """A tags event of a device (its hwid) or of other identifiers."""
    content = {
        "type": "tags",
        "tags": {"t": offset} if values is None else values,
        "list_operator": operator,
        **identifiers,
    }
    if device is not None:
        content["hwid"] = device
    return event_of(record(offset, content, partition))


def registration(
    offset: int,
    device: str = "A",
    partition: TopicPartition = P0,
    **more: Any,
) -> Event:
    content = {"type": "registration", "hwid": device, "push_token": "T", "platform": 3, **more}
    return event_of(record(offset, content, partition))


def devices(offsets: Iterable[int], partition: TopicPartition = P0) -> list[Event]:
    """Tags events, each of a device of its own, named after its offset."""
    text = '{"type":"tags","tags":{"t":%d},"list_operator":"set","hwid":"d%d"}'
    return events_of([written(each, (text % (each, each)).encode(), partition) for each in offsets])


def start(offset: int = 0, metadata: str = "", partition: TopicPartition = P0) -> Start:
    return Start(partition, offset, metadata)


def row(event: Event, status: str = "done", answers: dict[str, str] | None = None) -> Row:
    """The report's row of a device as it was sent."""
    return Row(event.hwid, event.user_id, event.push_token, status, answers)


def completed(*rows: Row) -> JobReport:
    return JobReport(JobState.COMPLETED, "Completed", 100, list(rows))


def all_done(events: Iterable[Event]) -> JobReport:
    return completed(*map(row, events))


def unfinished(progress: int = -1) -> JobReport:
    return JobReport(JobState.UNFINISHED, "Pending", progress)


FAILED = JobReport(JobState.FAILED, "Failed", 100, None, "internal error")


def limits(**changed: Any) -> Limits:
    """Limits for tests: small batches, no brake unless asked for."""
    small: dict[str, Any] = {"max_devices": 10, "linger": 0.5, "brake_share": 0.0}
    return Limits(**(small | changed))


def tags_of(row_bytes: bytes) -> dict[str, Any]:
    """The tags in a row as it is sent."""
    found: dict[str, Any] = json.loads(row_bytes)["tags"]
    return found
