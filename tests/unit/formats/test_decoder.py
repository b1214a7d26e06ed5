"""Records of a topic with a schema registry, over a real socket: from bytes to events."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator

import pytest

from connector.formats.decoder import _FORMATS, kind_of
from connector.model import Content
from connector.settings.fields import REGISTRY_FORMATS
from tests.protos import classes, file, message, text
from tests.records import ARecord
from tests.registry import FakeRegistry
from tests.unit.formats.framing_of import avro, decoder, read, rows

EVENT = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "hwid", "type": "string"},
        {"name": "tags", "type": {"type": "map", "values": ["null", "string", "double"]}},
    ],
}
PAYLOAD = avro(EVENT, {"hwid": "A", "tags": {"plan": "pro", "price": 1.5}})
ROW = '{"tags":{"plan":"pro","price":1.5},"hwid":"A","list_operator":"set"}'


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


def test_each_format_that_can_be_configured_has_a_reader_and_a_kind() -> None:
    assert {*_FORMATS} == {*REGISTRY_FORMATS}
    assert {kind_of(word) for word in _FORMATS} == {"AVRO", "PROTOBUF", "JSON"}
    assert all(hasattr(importlib.import_module(module), reader) for module, reader in _FORMATS.values())


def test_avro_by_id_and_by_guid_in_the_value_and_in_the_header(registry: FakeRegistry) -> None:
    schema = registry.register(json.dumps(EVENT))
    guid = b"\1" + schema.guid.bytes
    found = read(
        decoder(registry, "avro"),
        ARecord(schema.prefix + PAYLOAD),
        ARecord(guid + PAYLOAD),
        ARecord(PAYLOAD, headers=schema.header),
        ARecord(None),
        ARecord(None, headers=schema.header),
    )
    assert rows(found) == [ROW, ROW, ROW, "skipped", "skipped"]
    assert len(registry.asked) == 2, "once by id, once by GUID"


def test_protobuf_is_read_by_id_and_by_guid(registry: FakeRegistry) -> None:
    made = file(message("Other"), message("Event", "string hwid = 1", "map<string, double> tags = 2"))
    schema = registry.register(text(made), "PROTOBUF")
    payload = classes(made)["Event"](hwid="A", tags={"price": 1.5}).SerializeToString()
    header = [(name, value and value + b"\2\2") for name, value in schema.header]
    found = read(
        decoder(registry, "protobuf"),
        ARecord(schema.prefix + b"\2\2" + payload),
        ARecord(payload, headers=header),
    )
    assert rows(found) == ['{"tags":{"price":1.5},"hwid":"A","list_operator":"set"}'] * 2
    assert all(path.endswith("?format=serialized") for path in registry.asked)


def test_json_of_a_schema_is_read_by_id_and_by_guid(registry: FakeRegistry) -> None:
    schema = registry.register('{"type": "object"}', "JSON")
    payload = b'{"hwid": "A", "tags": {"price":1.50}}'
    found = read(
        decoder(registry, "json_schema"),
        ARecord(schema.prefix + payload),
        ARecord(payload, headers=schema.header),
    )
    assert rows(found) == ['{"tags":{"price":1.50},"hwid":"A","list_operator":"set"}'] * 2


def test_registrations_are_read_in_a_topic_of_their_own_and_in_a_mixed_one(registry: FakeRegistry) -> None:
    names = ("hwid", "push_token", "platform")
    fields = [{"name": name, "type": "string"} for name in ("type", *names)]
    schema = registry.register(json.dumps({"type": "record", "name": "R", "fields": fields}))
    given = {"type": "registration", "hwid": "A", "push_token": "t", "platform": "ios"}
    one = ARecord(schema.prefix + avro({"type": "record", "name": "R", "fields": fields}, given))
    row = '{"hwid":"A","push_token":"t","platform":1}'
    for content in (Content.REGISTRATIONS, Content.MIXED):
        assert rows(read(decoder(registry, "avro", content), one)) == [row]


def test_references_are_fetched_with_the_schema(registry: FakeRegistry) -> None:
    inner = '{"type": "record", "name": "Tags", "fields": [{"name": "plan", "type": "string"}]}'
    fields = [{"name": "hwid", "type": "string"}, {"name": "tags", "type": "Tags"}]
    outer = json.dumps({"type": "record", "name": "Event", "fields": fields})
    registry.register(inner, subject="tags")
    schema = registry.register(outer, references=[("Tags", "tags", 1)])
    payload = b"\x02A\x06pro"
    assert rows(read(decoder(registry, "avro"), ARecord(schema.prefix + payload))) == [
        '{"tags":{"plan":"pro"},"hwid":"A","list_operator":"set"}'
    ]


def test_bad_data_is_said_to_be_so_with_its_schema(registry: FakeRegistry) -> None:
    schema = registry.register(json.dumps(EVENT))
    other = registry.register('{"type": "object"}', "JSON")
    broken = registry.register('{"type": "nonsense"}')
    missing = registry.register(json.dumps(EVENT), references=[("X", "nobody", 1)])
    nan = avro(EVENT, {"hwid": "A", "tags": {"price": float("nan")}})
    found = read(
        decoder(registry, "avro"),
        ARecord(b'{"hwid": "A"}'),
        ARecord(b"\0\0\0\0\x63" + PAYLOAD),
        ARecord(other.prefix + b"{}"),
        ARecord(broken.prefix + PAYLOAD),
        ARecord(missing.prefix + PAYLOAD),
        ARecord(schema.prefix + PAYLOAD[:-1]),
        ARecord(schema.prefix + nan),
        ARecord(schema.prefix + avro(EVENT, {"hwid": "", "tags": {"a": "b"}})),
        ARecord(schema.prefix + PAYLOAD),
    )
    words = rows(found)
    assert "undecodable: FormatError: the value doesn't begin with a schema's id" in words[0]
    assert words[1] == "undecodable: FormatError: schema 99: the registry, asked twice, doesn't know it"
    assert words[2] == "undecodable: FormatError: schema 2: it is JSON, but kafka.decoder is avro"
    assert "schema 3: the schema can't be parsed" in words[3]
    assert "schema 4: the registry, asked twice, doesn't know it" in words[4]
    assert "schema 1: not a record of its schema: EOFError" in words[5]
    assert words[6] == "invalid_event: `nan` is not a JSON number - at `$.tags.price`"
    assert words[7] == "invalid_event: Empty - at `$.hwid`"
    assert words[8] == ROW


def test_fields_that_rules_of_the_schema_would_work_on_are_not_sent_as_they_are(
    registry: FakeRegistry,
) -> None:
    rule = {"name": "encrypt", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT"}
    schema = registry.register(json.dumps(EVENT), ruleSet={"domainRules": [rule]})
    written = registry.register(json.dumps(EVENT), ruleSet={"domainRules": [{**rule, "mode": "WRITE"}]})
    words = rows(
        read(decoder(registry, "avro"), ARecord(schema.prefix + PAYLOAD), ARecord(written.prefix + PAYLOAD))
    )
    assert "has the rule encrypt (ENCRYPT) for readers: not supported" in words[0]
    assert words[1] == ROW


def test_a_record_of_any_shape_is_a_plain_object_for_who_maps_it(registry: FakeRegistry) -> None:
    schema = registry.register(json.dumps(EVENT))
    made = decoder(registry, "avro")
    record = ARecord(schema.prefix + PAYLOAD)
    read(made, record)
    assert made.plain(record) == {
        "hwid": "A",
        "tags": {"plan": "pro", "price": 1.5},
    }
    assert made.plain(ARecord(None)) is None
    with pytest.raises(ValueError, match="schema 1: not a record"):
        made.plain(ARecord(schema.prefix + PAYLOAD[:-1]))


def test_all_schemas_of_a_list_are_asked_for_at_once(registry: FakeRegistry) -> None:
    schema = registry.register(json.dumps(EVENT))
    unknown = [ARecord(b"\0\0\1\0" + bytes([number]) + PAYLOAD) for number in range(50)]
    made = decoder(registry, "avro")
    made._schemas._ask_again = 0.2
    found = read(
        made, *unknown, ARecord(b"no frame"), ARecord(None), ARecord(schema.prefix + PAYLOAD), seconds=3
    )
    assert len(rows(found)) == 53, "one by one it would have taken 10 s"
    assert rows(found)[-1] == ROW
