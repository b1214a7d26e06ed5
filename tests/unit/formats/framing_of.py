"""Records as serializers write them, and how a test has them decoded."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence
from typing import Any

import fastavro

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.formats.decoder import RegistryDecoder, schemas_of
from connector.model import Content, DecoderUnavailable, Rejection
from connector.settings.schema_registry import SchemaRegistry
from tests.records import ARecord
from tests.registry import FakeRegistry


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
    decoder: RegistryDecoder, *records: ARecord, seconds: float = 10
) -> Sequence[Event | Rejection | None]:
    """Have records interpreted; as often as it takes until every schema is known."""
    deadline = time.monotonic() + seconds
    interpreter = Interpreter(decoder._content, decoder)
    while True:
        try:
            return interpreter.read(records)
        except DecoderUnavailable as unavailable:
            if unavailable.on_change is None:
                raise  # nobody is asking any more
            changed = threading.Event()
            unavailable.on_change(changed.set)
            assert changed.wait(deadline - time.monotonic()), "the schemas never came"


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
