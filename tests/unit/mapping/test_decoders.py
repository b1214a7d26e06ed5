"""Mappings behind decoders of other formats, as the settings put them together."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.interpreters import interpreters
from connector.model import DecoderUnavailable, Record, Registration, Rejection, TagsUpdate
from tests.records import ARecord
from tests.registry import FakeRegistry
from tests.settings import with_environment
from tests.unit.formats.framing_of import avro


class Framed:
    """A decoder in the shape of a schema registry's: a plain object or an event, and a look ahead."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def __call__(self, record: Record) -> TagsUpdate | Registration | None:
        raise AssertionError(f"{record.offset()}: with a mapping the plain object is wanted")

    def plain(self, record: Record) -> Any:
        if self.down:
            raise DecoderUnavailable("the registry is down")
        value = record.value() or b""
        return json.loads(value[5:])

    def look_ahead(self, records: Sequence[Record]) -> None:
        self.asked += len(records)


framed = Framed()


def test_the_plain_object_of_a_decoder_is_mapped_and_its_outages_stay_outages() -> None:
    settings = with_environment(
        CONNECTOR_KAFKA_DECODER="tests.unit.mapping.test_decoders:framed",
        CONNECTOR_MAPPING_HWID="id",
        CONNECTOR_MAPPING_TAGS="{Plan: plan}",
    )
    (reader,) = interpreters(settings).values()
    record = ARecord(b"\0\0\0\0\1" + b'{"id": 7, "plan": "pro"}')
    decoder: Framed = importlib.import_module("tests.unit.mapping.test_decoders").framed  # perhaps not ours

    (event,) = reader.read([record])
    assert isinstance(event, Event)
    assert (event.hwid, json.loads(event.row)["tags"]) == ("7", {"Plan": "pro"})

    decoder.down = True
    with pytest.raises(DecoderUnavailable):
        reader.read([record, record])
    assert decoder.asked == 2


ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {
            "name": "customer",
            "type": {"type": "record", "name": "C", "fields": [{"name": "id", "type": "long"}]},
        },
        {"name": "plan", "type": ["null", "string"]},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}


def test_avro_of_another_shape_is_mapped() -> None:
    placed = datetime(2026, 11, 24, 3, 59, tzinfo=UTC)
    order = {"customer": {"id": 7}, "plan": None, "total": Decimal("12.30"), "placed": placed}
    with FakeRegistry() as registry:
        schema = registry.register(json.dumps(ORDER))
        settings = with_environment(
            CONNECTOR_KAFKA_DECODER="avro",
            CONNECTOR_SCHEMA_REGISTRY_URL=registry.url,
            CONNECTOR_MAPPING_USER_ID="customer.id",
            CONNECTOR_MAPPING_TAGS="{Plan: plan, Total: total, Placed: placed}",
        )
        (reader,) = interpreters(settings).values()
        (event,) = _read(reader, ARecord(schema.prefix + avro(ORDER, order)))
    assert isinstance(event, Event)
    assert event.row == (
        b'{"tags":{"Total":12.30,"Placed":"2026-11-24 03:59"},"user_id":"7","list_operator":"set"}'
    )


def _read(reader: Interpreter, record: Record) -> Sequence[Event | Rejection | None]:
    """Read, as soon as the schema is there."""
    while True:
        try:
            return reader.read([record])
        except DecoderUnavailable as unavailable:
            call_me = unavailable.on_change
        there = threading.Event()
        assert call_me is not None
        call_me(there.set)
        assert there.wait(10)
