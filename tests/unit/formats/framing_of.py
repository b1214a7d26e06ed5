"""Records as serializers write them, and how a test has them decoded."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

import fastavro

from connector.core.decode import Interpreter
from connector.formats.decoder import RegistryDecoder, schemas_of
from connector.model import Content, DecoderUnavailable, Event, Rejection
from connector.settings.schema_registry import SchemaRegistry
from tests.registry import FakeRegistry


class Value:
    """A record of a value and headers."""

    def __init__(self, value: bytes | None, headers: list[tuple[str, bytes | None]] | None = None) -> None:
        self._value = value
        self._headers = headers

    def topic(self) -> str:
        return "events"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self._headers


def avro(schema: Any, datum: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema, {}), datum)
    return out.getvalue()


def settings(registry: FakeRegistry, **more: Any) -> SchemaRegistry:
    return SchemaRegistry.model_validate({"url": registry.url, "timeout": "5s", **more})


def decoder(
    registry: FakeRegistry, word: str, content: Content = Content.TAGS, **more: Any
) -> RegistryDecoder:
    schemas = schemas_of(word, settings(registry, **more))
    schemas._ask_again = 0.01
    return RegistryDecoder(content, schemas)


def read(
    decoder: RegistryDecoder, *records: Value, seconds: float = 10
) -> Sequence[Event | Rejection | None]:
    """Have records interpreted; as often as it takes until every schema is known."""
    deadline = time.monotonic() + seconds
    interpreter = Interpreter(decoder._content, decoder)
    while True:
        try:
            return interpreter.read(records)
        except DecoderUnavailable:
            assert time.monotonic() < deadline, "the schemas never came"
            time.sleep(0.002)


def rows(found: Sequence[Event | Rejection | None]) -> list[str]:
    """What goes into requests; for a rejection its words."""
    return [
        each.row.decode()
        if isinstance(each, Event)
        else "skipped"
        if each is None
        else f"{each.reason}: {each.detail}"
        for each in found
    ]
