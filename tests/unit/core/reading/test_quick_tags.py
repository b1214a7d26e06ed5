"""The quick way for tags events in our JSON: what it takes, and what it leaves to the careful way."""

from __future__ import annotations

import pytest

from connector.core.reading.event import Decoded, Event
from connector.core.reading.quick_tags import TopicRules, read_quickly
from connector.model import Reason, Record, Rejection
from tests.records import Headers
from tests.unit.core.builders import written

CAREFULLY = Rejection(Reason.INVALID_EVENT, "carefully")


def careful(_record: Record) -> Decoded:
    return CAREFULLY


def read(*records: Record, limit: int = 1000, mixed: bool = False) -> list[Decoded]:
    return read_quickly(records, TopicRules(limit, "", {"B": "B", "DEFAULT": ""}, mixed=mixed), careful)


@pytest.mark.parametrize(
    ("value", "row"),
    [
        (b'{"hwid":"d","tags":{"a":1}}', b'{"tags":{"a":1},"hwid":"d","list_operator":"set"}'),
        (b'{"hwid":"d","tags":{"a":1},"list_operator":"append"}', b'"list_operator":"append"}'),
        (
            b'{"user_id":"u","tags":{"a":1},"application":"B","more":2}',
            b'"user_id":"u","list_operator":"set"}',
        ),
        ('{"hwid":"d","tags":{"a":"Zürich"}}'.encode(), "Zürich".encode()),
    ],
)
def test_a_plain_event_is_made_at_once(value: bytes, row: bytes) -> None:
    (event,) = read(written(0, value))
    assert isinstance(event, Event)
    assert row in event.row
    assert b"application" not in event.row


@pytest.mark.parametrize(
    "value",
    [
        b'{"hwid":"d","tags":{}}',
        b'{"hwid":"d","tags":{ }}',
        b'{"hwid":"d","tags":[1]}',
        b'{"hwid":"d"}',
        b'{"hwid":" ","tags":{"a":1}}',
        b'{"hwid":"a\\u0000","tags":{"a":1}}',
        b'{"tags":{"a":1}}',
        b'{"hwid":"d","tags":{"a":1},"list_operator":"add"}',
        b'{"hwid":"d","tags":{"a":1},"application":"unknown"}',
        b'{"hwid":"d","tags":{"a":"' + b"x" * 1000 + b'"}}',
        b'{"hwid":"d","tags":{"a":"\xff"}}',
        b"[" * 2000,
        b"{",
    ],
)
def test_what_it_is_not_sure_of_goes_the_careful_way(value: bytes) -> None:
    good = b'{"hwid":"d","tags":{"a":1}}'
    first, it, last = read(written(0, good), written(1, value), written(2, good))
    assert it is CAREFULLY
    assert isinstance(first, Event)
    assert isinstance(last, Event)


def test_where_each_record_says_what_it_is_others_than_tags_go_the_careful_way() -> None:
    tags, other = b'{"type":"tags","hwid":"d","tags":{"a":1}}', b'{"type":"registration","hwid":"d"}'
    event, it, tombstone = read(written(0, tags), written(1, other), written(2, None), mixed=True)
    assert isinstance(event, Event)
    assert (it, tombstone) == (CAREFULLY, None)


def test_keys_and_headers_count_as_memory_with_the_size_of_the_largest_of_three_records() -> None:
    value = b'{"hwid":"d","tags":{"a":1}}'
    headers: Headers = [("trace", b"x" * 100), ("none", None)]
    plain = read(*(written(at, value) for at in range(5)))
    heavy = read(*(written(at, value, headers=headers if at == 2 else None) for at in range(5)))
    beside = {
        h.size - p.size
        for h, p in zip(heavy, plain, strict=True)
        if isinstance(h, Event) and isinstance(p, Event)
    }
    assert beside == {109}
