"""Mappings behind decoders of other formats, as the settings put them together."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from typing import Any

import pytest

from connector.credentials import Token
from connector.interpreting import interpreters
from connector.model import DecoderUnavailable, Event, Record, Registration, TagsUpdate
from tests.settings import with_environment
from tests.unit.mapping.making import ARecord


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
    (reader,) = interpreters(settings, Token("x")).values()
    record = ARecord(b"\0\0\0\0\1" + b'{"id": 7, "plan": "pro"}')
    decoder: Framed = importlib.import_module("tests.unit.mapping.test_decoders").framed  # perhaps not ours

    (event,) = reader.read([record])
    assert isinstance(event, Event)
    assert (event.hwid, json.loads(event.row)["tags"]) == ("7", {"Plan": "pro"})

    decoder.down = True
    with pytest.raises(DecoderUnavailable):
        reader.read([record, record])
    assert decoder.asked == 2
