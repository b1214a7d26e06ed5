"""What deploy/FORMATS.md shows is true: its configuration is one, its schemas are read as it says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from connector.formats.avro import AvroReader
from connector.formats.json_schema import JsonSchemaReader
from connector.formats.protobuf import ProtobufReader
from connector.formats.reading import SchemaText
from connector.model import Content, TagsUpdate
from connector.settings.schema_registry import SchemaRegistry
from tests.protos import classes, enum, file, message, text
from tests.unit.formats.framing_of import avro

_TEXT = (Path(__file__).parents[2] / "deploy" / "FORMATS.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _TEXT, re.MULTILINE | re.DOTALL)


def test_its_configuration_names_settings_that_there_are() -> None:
    (shown,) = blocks("toml")
    table = tomllib.loads(shown)
    assert table["kafka"] == {"decoder": "avro"}
    given = {**table["schema_registry"]}
    commented = set(re.findall(r"(\w+)(?=[,:]| =)", " ".join(re.findall(r"^# (.*)$", shown, re.MULTILINE))))
    assert set(given) <= set(SchemaRegistry.model_fields)
    assert {"certificate_file", "key_file", "key_password", "timeout"} <= commented
    assert commented <= set(SchemaRegistry.model_fields)


def test_its_avro_schema_is_read_as_it_says() -> None:
    schema = blocks("json")[0]
    event = {
        "hwid": "A",
        "list_operator": "APPEND",
        "tags": {"plan": "pro", "last_seen": 0, "interests": None},
    }
    payload = avro(json.loads(schema), event)
    found = AvroReader(SchemaText("AVRO", schema, {})).event(Content.TAGS, None, payload)
    tags = {"plan": "pro", "last_seen": "1970-01-01 00:00"}
    assert found == TagsUpdate(hwid="A", list_operator="append", tags=tags)


def test_its_json_schema_is_read_as_one() -> None:
    reader = JsonSchemaReader(SchemaText("JSON", blocks("json")[1], {}))
    found = reader.event(Content.TAGS, None, b'{"hwid": "A", "tags": {"visits": 3}}')
    assert isinstance(found, TagsUpdate)
    assert found.hwid == "A"


def test_its_protobuf_messages_are_read_as_it_says() -> None:
    """There is no compiler here: the messages are made of the fields that the text declares."""
    (shown,) = blocks("proto")
    found = dict(re.findall(r"message (\w+) \{(.*?\}?)\s*\}\n", shown, re.DOTALL))

    def fields(name: str) -> list[str]:
        oneof = re.search(r"oneof (\w+)", found[name])
        suffix = f" @{oneof[1]}" if oneof else ""
        declared = re.findall(r"((?:repeated )?(?:map<[^>]+>|\w+) \w+ = \d+);", found[name])
        qualified = [re.sub(r"\b(Value|Words)\b", r"shop.\1", each) for each in declared]
        return [each.replace("ListOperator list", "enum.ListOperator list") + suffix for each in qualified]

    symbols = re.findall(r"(LIST_OPERATOR_\w+) = ", shown)
    made = file(
        enum("ListOperator", *symbols),
        *(message(name, *fields(name)) for name in ("TagsUpdate", "Value", "Words")),
    )
    event = classes(made)["TagsUpdate"](hwid="A", list_operator=2)
    event.tags["plan"].text = "pro"
    event.tags["vip"].flag = False
    event.tags["interests"].list.words.append("news")
    reader = ProtobufReader(SchemaText("PROTOBUF", text(made), {}))
    tags = {"plan": "pro", "vip": False, "interests": ["news"]}
    assert reader.event(Content.TAGS, b"\0", event.SerializeToString()) == TagsUpdate(
        hwid="A", list_operator="append", tags=tags
    )
