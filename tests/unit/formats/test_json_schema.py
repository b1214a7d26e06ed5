"""JSON behind a schema's id."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from connector.formats.framing import FormatError
from connector.formats.json_schema import JsonSchemaReader
from connector.formats.reading import SchemaText
from connector.model import Content, Registration, TagsUpdate

SCHEMA = {
    "type": "object",
    "properties": {
        "hwid": {"type": "string"},
        "tags": {"type": "object", "properties": {"age": {"type": "integer"}}},
    },
    "required": ["hwid"],
}


def reader(schema: Any, **references: Any) -> JsonSchemaReader:
    texts = {name: json.dumps(each) for name, each in references.items()}
    return JsonSchemaReader(SchemaText("JSON", json.dumps(schema), texts))


def test_a_record_is_read_as_json_is_with_its_tags_as_they_were_written() -> None:
    payload = b'{"hwid": "A", "tags": {"age":  3, "price": 12.50}, "type": "tags"}'
    found = reader(SCHEMA).event(Content.MIXED, None, payload)
    assert found == TagsUpdate(hwid="A", tags=msgspec.Raw(b'{"age":  3, "price": 12.50}'))
    registration = b'{"hwid": "A", "push_token": "t", "platform": "ios", "type": "registration"}'
    assert reader(SCHEMA).event(Content.MIXED, None, registration) == Registration("A", "t", "ios")
    assert reader(SCHEMA).plain(None, payload)["tags"] == {"age": 3, "price": 12.5}


def test_a_record_against_its_schema_is_refused_without_its_values() -> None:
    with pytest.raises(
        FormatError, match=r'the value is not of type "integer" - at `\$\.tags\.age`'
    ) as caught:
        reader(SCHEMA).plain(None, b'{"hwid": "A", "tags": {"age": "secret"}}')
    assert "secret" not in str(caught.value)
    with pytest.raises(FormatError, match='"hwid" is a required property - at `\\$`'):
        reader(SCHEMA).plain(None, b"{}")


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"hwid": "\xff"}'])
def test_what_is_no_json_is_said_to_be_so(payload: bytes) -> None:
    with pytest.raises((FormatError, UnicodeDecodeError)):
        reader(SCHEMA).event(Content.TAGS, None, payload)


def test_any_draft_will_do_and_without_one_it_is_draft_7() -> None:
    tuple_of_7 = {"properties": {"t": {"items": [{"type": "string"}]}}}
    with pytest.raises(FormatError, match="against its schema"):
        reader(tuple_of_7).plain(None, b'{"t": [1]}')
    new = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"t": {"prefixItems": [{"type": "string"}]}},
    }
    with pytest.raises(FormatError, match="against its schema"):
        reader(new).plain(None, b'{"t": [1]}')


def test_a_schema_may_name_others_and_nothing_else_is_fetched() -> None:
    schema = {"properties": {"tags": {"$ref": "tags.json"}}}
    read = reader(schema, **{"tags.json": {"type": "object"}})
    assert read.plain(None, b'{"tags": {}}') == {"tags": {}}
    with pytest.raises(FormatError, match="against its schema"):
        read.plain(None, b'{"tags": 1}')
    with pytest.raises(FormatError, match="no reference of the schema"):
        reader({"$ref": "http://localhost:1/x.json"})


@pytest.mark.parametrize("text", ["", "{", '{"type": "nonsense"}', '"text"'])
def test_a_schema_that_is_none_is_said_to_be_so(text: str) -> None:
    with pytest.raises(FormatError, match="can't be used"):
        JsonSchemaReader(SchemaText("JSON", text, {}))
