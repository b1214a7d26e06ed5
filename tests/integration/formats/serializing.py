"""Events as producers write them: by the serializers of confluent-kafka, registered in a real registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.protos import classes, enum, file, message

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
AVRO = {
    "type": "record",
    "name": "TagsUpdate",
    "namespace": "shop",
    "fields": [
        {"name": "type", "type": "string", "default": "tags"},
        {"name": "hwid", "type": "string"},
        {
            "name": "list_operator",
            "type": {"type": "enum", "name": "ListOperator", "symbols": ["SET", "APPEND", "REMOVE"]},
        },
        {
            "name": "tags",
            "type": {
                "type": "record",
                "name": "Tags",
                "fields": [
                    {"name": "plan", "type": ["null", "string"]},
                    {"name": "visits", "type": "long"},
                    {"name": "price", "type": DECIMAL},
                    {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                    {"name": "vip", "type": ["null", "boolean"]},
                    {"name": "interests", "type": {"type": "array", "items": "string"}},
                ],
            },
        },
    ],
}
JSON_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "TagsUpdate",
    "type": "object",
    "properties": {
        "type": {"const": "tags"},
        "hwid": {"type": "string"},
        "tags": {"type": "object", "properties": {"visits": {"type": "integer"}}},
    },
    "required": ["hwid", "tags"],
}
PROTO = file(
    enum("ListOperator", "LIST_OPERATOR_UNSPECIFIED", "LIST_OPERATOR_SET", "LIST_OPERATOR_APPEND"),
    message("Words", "repeated string words = 1"),
    message(
        "Value",
        *(
            "string text = 1 @kind",
            "int64 number = 2 @kind",
            "bool flag = 3 @kind",
            "double decimal = 4 @kind",
        ),
        *("google.protobuf.Timestamp at = 5 @kind", "shop.Words list = 6 @kind"),
    ),
    message(
        "TagsUpdate",
        *("string type = 1", "string hwid = 2", "enum.ListOperator list_operator = 3"),
        "map<string, shop.Value> tags = 4",
    ),
    imports=["google/protobuf/timestamp.proto"],
)
SEEN = datetime(2026, 11, 24, 3, 59, tzinfo=UTC)


def expected(number: int) -> dict[str, Any]:
    """The tags that the event of this number sets, in every format."""
    return {
        "plan": "pro",
        "visits": number,
        "price": 12.5,
        "seen": "2026-11-24 03:59",
        "vip": False,
        "interests": ["news", "sport"],
    }


def _avro(client: SchemaRegistryClient, topic: str) -> Callable[[str, int], bytes]:
    write = AvroSerializer(client, json.dumps(AVRO))
    context = SerializationContext(topic, MessageField.VALUE)

    def one(hwid: str, number: int) -> bytes:
        tags = {**expected(number), "price": Decimal("12.50"), "seen": SEEN}
        return bytes(write({"type": "tags", "hwid": hwid, "list_operator": "SET", "tags": tags}, context))

    return one


def _json_schema(client: SchemaRegistryClient, topic: str) -> Callable[[str, int], bytes]:
    write = JSONSerializer(json.dumps(JSON_SCHEMA), client)
    context = SerializationContext(topic, MessageField.VALUE)
    return lambda hwid, number: bytes(
        write({"type": "tags", "hwid": hwid, "tags": expected(number)}, context)
    )


def _protobuf(client: SchemaRegistryClient, topic: str) -> Callable[[str, int], bytes]:
    made = classes(PROTO)
    write = ProtobufSerializer(made["TagsUpdate"], client)
    context = SerializationContext(topic, MessageField.VALUE)

    def one(hwid: str, number: int) -> bytes:
        event = made["TagsUpdate"](type="tags", hwid=hwid, list_operator=1)
        event.tags["plan"].text = "pro"
        event.tags["visits"].number = number
        event.tags["price"].CopyFrom(made["Value"](decimal=12.5))
        event.tags["seen"].at.seconds = int(SEEN.timestamp())
        event.tags["vip"].flag = False
        event.tags["interests"].list.words.extend(["news", "sport"])
        return bytes(write(event, context))

    return one


SERIALIZERS = {"avro": _avro, "json_schema": _json_schema, "protobuf": _protobuf}
"""By the decoder's word."""


def serializer(word: str, url: str, topic: str) -> Callable[[str, int], bytes]:
    """Return what makes the value of an event; its schema is registered by the first."""
    with SchemaRegistryClient({"url": url}) as client:
        write = SERIALIZERS[word](client, topic)
        write("first", 1)  # registers; afterwards the client's cache answers
    return write
