"""What Protobuf's types become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from connector.formats.framing import FormatError
from connector.formats.protobuf import ProtobufReader
from connector.formats.reading import SchemaText
from connector.model import Content, Registration, TagsUpdate
from tests.protos import classes, enum, file, message, text

IMPORTS = [
    "google/protobuf/any.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/wrappers.proto",
    "google/type/date.proto",
    "google/type/decimal.proto",
    "google/type/money.proto",
    "confluent/type/decimal.proto",
]
COLOUR = enum("Colour", "COLOUR_RED", "COLOUR_GREEN")
LIST = message("Words", "repeated string words = 1")
VALUE = message(
    "Value",
    *("string text = 1 @kind", "int64 number = 2 @kind", "bool flag = 3 @kind", "shop.Words list = 4 @kind"),
    *("google.protobuf.Timestamp at = 5 @kind", "enum.google.protobuf.NullValue nothing = 6 @kind"),
)
MIXED = message("Contact", "string name = 1", "string mail = 2 @way", "string phone = 3 @way")


def a_reader(*types: Any, imports: list[str] = IMPORTS) -> tuple[ProtobufReader, dict[str, Any]]:
    made = file(*types, imports=imports)
    return ProtobufReader(SchemaText("PROTOBUF", text(made), {})), classes(made)


def as_tag(field: str, **given: Any) -> Any:
    """What the tag `t` of this type becomes; `given` is how the message of the tags is made."""
    types = [
        COLOUR,
        LIST,
        VALUE,
        MIXED,
        message("Tags", f"{field} = 1"),
        message("Event", "shop.Tags tags = 2"),
    ]
    read, made = a_reader(*types)
    event = made["Event"](tags=made["Tags"](**given))
    return read.plain(b"\x02\x08", event.SerializeToString())["tags"].get("t", "left out")


def stamp(seconds: int, nanos: int = 0) -> dict[str, int]:
    return {"seconds": seconds, "nanos": nanos}


@pytest.mark.parametrize(
    ("field", "given", "becomes"),
    [
        ("string t", "grün", "grün"),
        ("int32 t", -3, -3),
        ("int64 t", 1 << 40, 1 << 40),
        ("uint64 t", 1 << 63, 1 << 63),
        ("double t", 0.1, 0.1),
        ("float t", 9.99, 9.99),
        ("bool t", True, True),
        ("bytes t", b"\x00\xff", "AP8="),
        ("enum.Colour t", 1, "COLOUR_GREEN"),
        ("enum.Colour t", 7, 7),
        ("repeated string t", ["a", "b"], ["a", "b"]),
        ("repeated bytes t", [b"\x00"], ["AA=="]),
        ("repeated enum.Colour t", [0, 1], ["COLOUR_RED", "COLOUR_GREEN"]),
        ("map<string, int32> t", {"a": 1}, {"a": 1}),
        ("map<int32, bytes> t", {5: b"\x00"}, {"5": "AA=="}),
        ("map<bool, string> t", {True: "x"}, {"true": "x"}),
        ("int32 t", 0, "left out"),
        ("optional int32 t", 0, 0),
        ("optional bool t", False, False),
        ("optional string t", "", ""),
        ("google.protobuf.Timestamp t", stamp(1_795_492_798, 999), "2026-11-24 03:59"),
        ("google.protobuf.Timestamp t", stamp(-1), "1969-12-31 23:59"),
        ("google.protobuf.Duration t", {"seconds": 3}, 3),
        ("google.protobuf.Duration t", {"seconds": 3, "nanos": 500_000_000}, 3.5),
        ("google.protobuf.StringValue t", {"value": ""}, ""),
        ("google.protobuf.Int64Value t", {"value": 0}, 0),
        ("google.protobuf.BoolValue t", {"value": False}, False),
        ("google.protobuf.FloatValue t", {"value": 9.99}, 9.99),
        ("google.protobuf.BytesValue t", {"value": b"\x00"}, "AA=="),
        ("google.protobuf.FieldMask t", {"paths": ["a.b"]}, ["a.b"]),
        ("google.type.Date t", {"year": 2026, "month": 11, "day": 24}, "2026-11-24 00:00"),
        ("google.type.Decimal t", {"value": "12.50"}, Decimal("12.50")),
        ("google.type.Money t", {"currency_code": "EUR", "units": 3}, {"currency_code": "EUR", "units": 3}),
        ("confluent.type.Decimal t", {"value": b"\xfb\x1e", "scale": 2}, Decimal("-12.50")),
        ("shop.Words t", {"words": ["a"]}, {"words": ["a"]}),
        ("shop.Value t", {"text": "x"}, "x"),
        ("shop.Value t", {"number": 0}, 0),
        ("shop.Value t", {"flag": False}, False),
        ("shop.Value t", {"list": {"words": ["a", "b"]}}, ["a", "b"]),
        ("shop.Value t", {"at": stamp(1_795_492_798)}, "2026-11-24 03:59"),
        ("shop.Value t", {"nothing": 0}, "left out"),
        ("shop.Value t", {}, "left out"),
        ("map<string, shop.Value> t", {"a": {"text": "x"}, "b": {"nothing": 0}}, {"a": "x", "b": None}),
        ("shop.Contact t", {"name": "A", "mail": "a@b"}, {"name": "A", "mail": "a@b"}),
    ],
)
def test_a_value_becomes_a_tags_value(field: str, given: Any, becomes: Any) -> None:
    if field.startswith("map<string, shop."):
        types = [LIST, VALUE, message("Tags", f"{field} = 1"), message("Event", "shop.Tags tags = 2")]
        read, made = a_reader(*types)
        tags = made["Tags"]()
        for key, value in given.items():
            tags.t[key].CopyFrom(made["Value"](**value))
        payload = made["Event"](tags=tags).SerializeToString()
        found = read.plain(b"\x02\x06", payload)["tags"]["t"]
    else:
        found = as_tag(field, t=given)
    assert found == becomes
    assert type(found) is type(becomes)


def test_a_struct_becomes_what_it_says_and_its_whole_numbers_lose_their_point() -> None:
    tags: Any = {
        "plan": "pro",
        "age": 3,
        "price": 1.5,
        "vip": False,
        "gone": None,
        "list": ["a", 2],
        "in": {"x": 1},
    }
    given = Struct()
    given.update(tags)
    read, made = a_reader(message("Event", "google.protobuf.Struct tags = 1"))
    event = made["Event"]()
    event.tags.MergeFromString(given.SerializeToString())
    found = read.plain(b"\0", event.SerializeToString())
    assert found["tags"] == tags
    assert type(found["tags"]["age"]) is int


def test_a_message_that_contains_itself_is_read_all_the_way() -> None:
    read, made = a_reader(message("Node", "string name = 1", "shop.Node next = 2"))
    node = made["Node"](name="a", next=made["Node"](name="b"))
    assert read.plain(b"\0", node.SerializeToString()) == {"name": "a", "next": {"name": "b"}}


OPERATOR = enum("ListOperator", "LIST_OPERATOR_UNSPECIFIED", "LIST_OPERATOR_APPEND")
PLATFORM = enum("Platform", "PLATFORM_UNSPECIFIED", "PLATFORM_IOS")


def test_enums_say_the_api_words_where_the_event_has_words() -> None:
    kind = enum("Type", "TAGS", "REGISTRATION")
    fields = ["optional enum.Type type = 1", "string hwid = 2", "string push_token = 3"]
    event = message("Event", *fields, "enum.Platform platform = 4", "enum.ListOperator list_operator = 5")
    read, made = a_reader(OPERATOR, PLATFORM, kind, event)
    one = made["Event"](type=1, hwid="A", push_token="t", platform=1, list_operator=1)
    assert read.event(Content.MIXED, b"\0", one.SerializeToString()) == Registration(
        "A", "t", "ios", "append"
    )
    one.platform = 0
    one.list_operator = 0
    assert read.event(Content.MIXED, b"\0", one.SerializeToString()) == Registration("A", "t")


def test_a_oneof_of_events_is_the_one_that_is_set_and_its_name_is_the_type() -> None:
    of_tags = message("TagsUpdate", "string hwid = 1", "map<string, string> tags = 2")
    registration = message("Registration", "string hwid = 1", "string push_token = 2", "int32 platform = 3")
    both = message("Event", "shop.TagsUpdate tags = 1 @event", "shop.Registration registration = 2 @event")
    read, made = a_reader(of_tags, registration, both)
    one = made["Event"](tags={"hwid": "A", "tags": {"a": "b"}}).SerializeToString()
    two = made["Event"](registration={"hwid": "A", "push_token": "t", "platform": 3}).SerializeToString()
    assert read.event(Content.MIXED, b"\x02\x04", one) == TagsUpdate(hwid="A", tags={"a": "b"})
    assert read.event(Content.MIXED, b"\x02\x04", two) == Registration("A", "t", 3)
    assert read.plain(b"\x02\x04", b"") == {}


def test_identifiers_of_bytes_are_not_made_text_of() -> None:
    read, made = a_reader(message("Event", "bytes hwid = 1"))
    assert read.plain(b"\0", made["Event"](hwid=b"u").SerializeToString()) == {"hwid": b"u"}


def test_any_message_type_of_the_file_can_be_a_record_nested_ones_too() -> None:
    inner = message("Inner", "string hwid = 1")
    read, made = a_reader(message("First", "int32 x = 1"), message("Outer", "int32 y = 1", nested=[inner]))
    payload = made["Outer.Inner"](hwid="A").SerializeToString()
    assert read.plain(None, b"\x04\x02\x00" + payload) == {"hwid": "A"}
    assert read.plain(None, b"\x00" + made["First"](x=1).SerializeToString()) == {"x": 1}
    assert read.plain(None, b"\x02\x00" + made["First"](x=1).SerializeToString()) == {"x": 1}
    for wrong in (b"\x02\x08", b"\x02\x01", b"\x04\x02\x02"):
        with pytest.raises(FormatError, match="no message type"):
            read.plain(None, wrong)


def test_a_file_may_import_others_that_are_registered() -> None:
    base = file(message("Money", "int64 cents = 1"), name="money.proto")
    uses = file(message("Event", "map<string, shop.Money> tags = 1"), imports=["money.proto"])
    made = classes(base, uses)
    event = made["Event"]()
    event.tags["x"].CopyFrom(made["Money"](cents=5))
    read = ProtobufReader(SchemaText("PROTOBUF", text(uses), {"money.proto": text(base)}))
    assert read.plain(b"\0", event.SerializeToString()) == {"tags": {"x": {"cents": 5}}}
    with pytest.raises(FormatError, match=r"imports money\.proto, which is no reference"):
        ProtobufReader(SchemaText("PROTOBUF", text(uses), {}))


@pytest.mark.parametrize(
    "imported", ["../etc/passwd.proto", "google/protobuf/../x.proto", "google/type/no.proto", "os/path.proto"]
)
def test_nothing_but_known_files_is_loaded_for_an_import(imported: str) -> None:
    made = file(message("Event", "string hwid = 1"))
    made.dependency.append(imported)
    with pytest.raises(FormatError, match="which is no reference"):
        ProtobufReader(SchemaText("PROTOBUF", text(made), {}))


def test_bytes_of_something_else_are_no_message() -> None:
    read, _ = a_reader(message("Event", "string hwid = 1"))
    with pytest.raises(FormatError, match="not a message of its schema"):
        read.plain(b"\0", b"\x0a\xff")


def test_what_is_in_an_any_cannot_be_known() -> None:
    with pytest.raises(FormatError, match=r"google\.protobuf\.Any \(x/y\)"):
        as_tag("google.protobuf.Any t", t={"type_url": "x/y"})


@pytest.mark.parametrize("wrong", ["not base64", "QUJD", ""])
def test_a_schema_that_is_none_is_said_to_be_so(wrong: str) -> None:
    if wrong:
        with pytest.raises(FormatError, match="can't be used"):
            ProtobufReader(SchemaText("PROTOBUF", wrong, {}))
    else:
        with pytest.raises(FormatError, match="no message type"):
            ProtobufReader(SchemaText("PROTOBUF", wrong, {})).plain(b"\0", b"")
