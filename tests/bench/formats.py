"""What each format costs for each event: decoding and the rules, in microseconds of CPU. No broker.

The same event in each: an hwid and six tags (text, numbers, a truth, a moment, a list). Beside it what the
deserializers of confluent-kafka take for the same bytes; those only make an object of it.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.core.reading.decode import Decoder, Interpreter
from connector.formats.decoder import RegistryDecoder, schemas_of
from connector.model import Content, DecoderUnavailable
from connector.settings.schema_registry import SchemaRegistry
from tests.bench.setting import Bench
from tests.protos import classes, file, message, text
from tests.records import ARecord
from tests.registry import FakeRegistry
from tests.unit.formats.framing_of import avro

_ROUNDS = 9
_TAGS = {"plan": "pro", "city": "Riga", "visits": 7, "vip": True, "interests": ["news", "sport"]}
_SEEN = datetime(2026, 11, 24, 3, 59, tzinfo=UTC)
_AVRO = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "hwid", "type": "string"},
        {
            "name": "tags",
            "type": {
                "type": "record",
                "name": "Tags",
                "fields": [
                    {"name": "plan", "type": "string"},
                    {"name": "city", "type": ["null", "string"]},
                    {"name": "visits", "type": "long"},
                    {"name": "vip", "type": "boolean"},
                    {"name": "interests", "type": {"type": "array", "items": "string"}},
                    {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                ],
            },
        },
    ],
}
_TAG_FIELDS = ("string plan = 1", "string city = 2", "int64 visits = 3", "bool vip = 4")
_PROTO = file(
    message("Event", "string hwid = 1", "shop.Tags tags = 2"),
    message("Tags", *_TAG_FIELDS, "repeated string interests = 5", "google.protobuf.Timestamp seen = 6"),
    imports=["google/protobuf/timestamp.proto"],
)
_JSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "hwid": {"type": "string"},
        "tags": {
            "type": "object",
            "properties": {
                "plan": {"type": "string"},
                "visits": {"type": "integer"},
                "vip": {"type": "boolean"},
                "interests": {"type": "array", "items": {"type": "string"}},
                "seen": {"type": "string"},
            },
            "required": ["plan"],
        },
    },
    "required": ["hwid", "tags"],
}
_PLAIN = {"hwid": f"{1:032x}", "tags": {**_TAGS, "seen": "2026-11-24 03:59"}}


def formats(bench: Bench) -> None:
    """Measure them all; the least of several rounds, because anything else only adds."""
    count = bench.scale(20_000, 1000)
    plain = json.dumps(_PLAIN, separators=(",", ":")).encode()
    built_in = _ours(None, plain, count)
    bench.add("formats", "JSON", built_in, "us/event")
    with FakeRegistry() as registry, SchemaRegistryClient({"url": registry.url}) as client:
        for name, word, value, theirs in _formats(registry, client, plain):
            own = _ours(_decoder(registry, word), value, count)
            bench.add("formats", name, own, "us/event")
            bench.add("formats", f"{name} to JSON", own / built_in, "times")
            spent = _best(partial(theirs, value), count // 10)
            bench.add("formats", f"confluent-kafka's deserializer of {name}", spent, "us/event")


def _formats(
    registry: FakeRegistry, client: SchemaRegistryClient, plain: bytes
) -> Sequence[tuple[str, str, bytes, Callable[[bytes], Any]]]:
    """Return name, word, a framed value and confluent-kafka's way to read it."""
    context = SerializationContext("events", MessageField.VALUE)
    by_avro = AvroDeserializer(client)
    made = classes(_PROTO)["Event"]
    by_protobuf = ProtobufDeserializer(made, {})
    by_json = JSONDeserializer(Schema(json.dumps(_JSON), "JSON"), schema_registry_client=client)
    tags = {**_TAGS, "seen": {"seconds": int(_SEEN.timestamp())}}
    proto = made(hwid=_PLAIN["hwid"], tags=tags).SerializeToString()
    datum = {"hwid": _PLAIN["hwid"], "tags": {**_TAGS, "seen": _SEEN}}
    return [
        (
            "Avro",
            "avro",
            registry.register(json.dumps(_AVRO)).prefix + avro(_AVRO, datum),
            lambda value: by_avro(value, context),
        ),
        (
            "Protobuf",
            "protobuf",
            registry.register(text(_PROTO), "PROTOBUF").prefix + b"\0" + proto,
            lambda value: by_protobuf(value, context),
        ),
        (
            "JSON Schema",
            "json_schema",
            registry.register(json.dumps(_JSON), "JSON").prefix + plain,
            lambda value: by_json(value, context),
        ),
    ]


def _decoder(registry: FakeRegistry, word: str) -> RegistryDecoder:
    settings = SchemaRegistry.model_validate({"url": registry.url, "timeout": "5s"})
    return RegistryDecoder(Content.TAGS, schemas_of(word, settings))


def _ours(decoder: Decoder | None, value: bytes, count: int) -> float:
    """Return the cost from a record to an event, with all rules."""
    interpreter = Interpreter(Content.TAGS, decoder)
    records = [ARecord(value)] * 1000
    deadline = time.monotonic() + 10
    while True:
        try:
            (first, *_) = interpreter.read(records)
            break
        except DecoderUnavailable:  # its schema is on its way
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
    if b'"city":"Riga"' not in getattr(first, "row", b""):
        raise AssertionError(first)
    return _best(lambda: interpreter.read(records), max(1, count // 1000)) / 1000


def _best(work: Callable[[], Any], count: int) -> float:
    """Return microseconds of CPU for each call."""
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(count):
                work()
            best = min(best, time.process_time() - began)
    finally:
        gc.enable()
    return best / count * 1e6
