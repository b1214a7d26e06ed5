"""What Avro's types become."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.formats.avro import AvroReader
from connector.formats.framing import FormatError
from connector.formats.reading import SchemaText
from connector.model import Content, Registration, TagsUpdate
from tests.unit.formats.framing_of import avro


def record(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": key, "type": kind} for key, kind in fields.items()],
    }


def reader(schema: Any, **references: str) -> AvroReader:

    return AvroReader(SchemaText("AVRO", json.dumps(schema), references))


def tags(kind: Any, value: Any) -> Any:
    """What the tag `t` of this type becomes."""
    schema = record("Event", hwid="string", tags=record("Tags", t=kind))
    found = reader(schema).plain(None, avro(schema, {"hwid": "A", "tags": {"t": value}}))
    assert found["hwid"] == "A"
    return found["tags"].get("t", "left out")


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


EAST = timezone(timedelta(hours=5))
MOMENT = datetime(2026, 11, 24, 3, 59, 58, 123000, tzinfo=UTC)
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}
EITHER = [{"type": "array", "items": "bytes"}, {"type": "map", "values": "bytes"}]
MONEY = record("Money", amount=logical("bytes", "decimal", precision=9, scale=2), note=["null", "string"])


@pytest.mark.parametrize(
    ("kind", "given", "becomes"),
    [
        ("string", "grün", "grün"),
        ("int", -3, -3),
        ("long", 1 << 40, 1 << 40),
        ("boolean", False, False),
        ("double", 0.1, 0.1),
        ("float", 9.99, 9.99),
        ("float", 16777216.0, 16777216.0),
        ("bytes", b"\x00\xff", "AP8="),
        ({"type": "fixed", "name": "Two", "size": 2}, b"\x00\xff", "AP8="),
        (COLOUR, "GREEN", "GREEN"),
        ({"type": "array", "items": "string"}, ["a", "b"], ["a", "b"]),
        ({"type": "array", "items": "bytes"}, [b"\x00"], ["AA=="]),
        ({"type": "map", "values": "float"}, {"x": 9.99}, {"x": 9.99}),
        (logical("long", "timestamp-millis"), MOMENT, "2026-11-24 03:59"),
        (logical("long", "timestamp-micros"), MOMENT, "2026-11-24 03:59"),
        (logical("long", "timestamp-millis"), MOMENT.astimezone(EAST), "2026-11-24 03:59"),
        (logical("long", "local-timestamp-millis"), MOMENT.replace(tzinfo=None), "2026-11-24 03:59"),
        (logical("int", "date"), date(2026, 11, 24), "2026-11-24 00:00"),
        (logical("int", "time-millis"), time(3, 4, 5), "03:04:05"),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("12.50"), Decimal("12.50")),
        (logical("string", "uuid"), UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (["null", "string"], "x", "x"),
        (["null", "string"], None, "left out"),
        ("null", None, "left out"),
        (["null", logical("long", "timestamp-millis")], MOMENT, "2026-11-24 03:59"),
        (["null", "int", "bytes"], b"\x00", "AA=="),
        (["float", "string"], 9.99, 9.99),
        (["float", "double"], 0.1, 0.1),
        ({"type": "map", "values": ["null", "string"]}, {"a": None, "b": "x"}, {"a": None, "b": "x"}),
        ({"type": "array", "items": ["null", "bytes"]}, [None, b"\x00"], [None, "AA=="]),
        (MONEY, {"amount": Decimal("1.10"), "note": None}, {"amount": Decimal("1.10")}),
        ([COLOUR, MONEY], {"amount": Decimal("1.10"), "note": "x"}, {"amount": Decimal("1.10"), "note": "x"}),
        (["null", MONEY, record("Other", b="bytes")], {"b": b"\x00"}, {"b": "AA=="}),
        (EITHER, [b"\x00"], ["AA=="]),
        (EITHER, {"k": b"\x00"}, {"k": "AA=="}),
    ],
)  # fmt: skip
def test_a_value_becomes_a_tags_value(kind: Any, given: Any, becomes: Any) -> None:
    found = tags(kind, given)
    assert found == becomes
    assert type(found) is type(becomes)


def test_a_record_that_contains_itself_is_translated_all_the_way() -> None:
    node = record("Node", b="bytes", next=["null", "Node"])
    value = {"b": b"\x00", "next": {"b": b"\xff", "next": {"b": b"\x01", "next": None}}}
    assert tags(node, value) == {"b": "AA==", "next": {"b": "/w==", "next": {"b": "AQ=="}}}


def test_a_schema_that_needs_no_translation_has_none() -> None:
    schema = record("Event", hwid="string", tags={"type": "map", "values": ["string", "long", "boolean"]})
    assert reader(schema)._translate is None


def test_enums_say_the_api_words_where_the_event_has_words() -> None:
    operator = {
        "type": "enum",
        "name": "ListOperator",
        "symbols": ["LIST_OPERATOR_UNSPECIFIED", "LIST_OPERATOR_APPEND"],
    }
    platform = {"type": "enum", "name": "Platform", "symbols": ["IOS", "ANDROID"]}
    kind = {"type": "enum", "name": "Type", "symbols": ["TAGS", "REGISTRATION"]}
    schema = record(
        "Event",
        type=kind,
        hwid="string",
        push_token="string",
        platform=["null", platform],
        list_operator=operator,
    )
    event = {
        "type": "REGISTRATION",
        "hwid": "A",
        "push_token": "t",
        "platform": "IOS",
        "list_operator": "LIST_OPERATOR_APPEND",
    }
    found = reader(schema).event(Content.MIXED, None, avro(schema, event))
    assert found == Registration("A", "t", "ios", "append")
    unsaid = {**event, "list_operator": "LIST_OPERATOR_UNSPECIFIED"}
    assert reader(schema).event(Content.MIXED, None, avro(schema, unsaid)) == Registration("A", "t", "ios")


def test_identifiers_of_bytes_are_not_made_text_of_but_a_uuid_is() -> None:
    schema = record(
        "Event",
        hwid=logical("string", "uuid"),
        user_id=["null", "bytes"],
        tags={"type": "map", "values": "int"},
    )
    found = reader(schema).event(
        Content.TAGS, None, avro(schema, {"hwid": UUID(int=1), "user_id": b"u", "tags": {"a": 1}})
    )
    user_id: Any = getattr(found, "user_id")  # noqa: B009 - not of the type that it says
    assert found.hwid == "00000000-0000-0000-0000-000000000001"
    assert user_id == b"u", "for the rules to refuse"


def test_a_union_of_events_is_read_as_the_one_that_was_written() -> None:
    of_tags = record("TagsUpdate", type="string", hwid="string", tags={"type": "map", "values": "string"})
    registration = record("Registration", type="string", hwid="string", push_token="string", platform="int")
    schema = [of_tags, registration]
    one = ("TagsUpdate", {"type": "tags", "hwid": "A", "tags": {"a": "b"}})
    two = ("Registration", {"type": "registration", "hwid": "A", "push_token": "t", "platform": 3})
    read = reader(schema)
    assert read.event(Content.MIXED, None, avro(schema, one)) == TagsUpdate(hwid="A", tags={"a": "b"})
    assert read.event(Content.MIXED, None, avro(schema, two)) == Registration("A", "t", 3)


def test_a_schema_may_name_types_of_another() -> None:
    money = (
        '{"type": "record", "namespace": "shop", "name": "Money", "fields": [{"name": "b", "type": "bytes"}]}'
    )
    schema = record("Event", tags={"type": "map", "values": "shop.Money"})
    whole = record("Event", tags={"type": "map", "values": record("shop.Money", b="bytes")})
    found = reader(schema, **{"shop.Money": money}).plain(None, avro(whole, {"tags": {"x": {"b": b"\x00"}}}))
    assert found == {"tags": {"x": {"b": "AA=="}}}


def test_bytes_of_another_schema_are_no_record() -> None:
    schema = record("Event", hwid="string")
    good = avro(schema, {"hwid": "A1"})
    with pytest.raises(FormatError, match="1 bytes are left over"):
        reader(schema).plain(None, good + b"\0")
    with pytest.raises(FormatError, match="not a record of its schema: EOFError"):
        reader(schema).plain(None, good[:-1])
    with pytest.raises(FormatError, match="not a record of its schema: UnicodeDecodeError"):
        reader(schema).plain(None, b"\x02\xff")
    with pytest.raises(FormatError, match="2 bytes follow"):
        reader(schema).plain(b"ab", good)


@pytest.mark.parametrize("schema", [{"type": "record"}, {"type": "nonsense"}, "Unknown"])
def test_a_schema_that_is_none_is_said_to_be_so(schema: Any) -> None:
    with pytest.raises(FormatError, match="can't be parsed"):
        reader(schema)
