"""The decoder of a topic whose values have schemas in a registry."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from connector.formats.framing import FormatError, framed, shown
from connector.formats.reading import Reader, SchemaText
from connector.formats.registry import Registry
from connector.formats.schemas import Schemas
from connector.model import Content, Record, Registration, TagsUpdate, headers_of
from connector.settings.schema_registry import SchemaRegistry

_FORMATS = {
    "avro": ("connector.formats.avro", "AvroReader"),
    "protobuf": ("connector.formats.protobuf", "ProtobufReader"),
    "json_schema": ("connector.formats.json_schema", "JsonSchemaReader"),
}
"""By the word in `kafka.decoder`: the module and its reader. Only what is used is loaded."""


class RegistryDecoder:
    """Decodes the values of one kind of topic."""

    def __init__(self, content: Content, schemas: Schemas) -> None:
        self._content = content
        self._schemas = schemas
        self._readers = schemas.readers

    def __call__(self, record: Record) -> TagsUpdate | Registration | None:
        """Read an event. Raises DecoderUnavailable, FormatError, or InvalidField where it breaks a rule."""
        value = record.value()
        if value is None:
            return None
        key, head, payload = framed(value, headers_of(record))
        reader = self._readers.get(key) or self._reader(key)
        try:
            return reader.event(self._content, head, payload)
        except FormatError as error:
            raise FormatError(f"{shown(key)}: {error}") from error

    def plain(self, record: Record) -> Any:
        """Read a record as a plain object, whatever its shape; None for a tombstone. Raises as a call."""
        value = record.value()
        if value is None:
            return None
        key, head, payload = framed(value, headers_of(record))
        reader = self._readers.get(key) or self._reader(key)
        try:
            return reader.plain(head, payload)
        except FormatError as error:
            raise FormatError(f"{shown(key)}: {error}") from error

    def _reader(self, key: bytes) -> Reader:
        try:
            return self._schemas.reader(key)
        except FormatError as error:
            raise FormatError(f"{shown(key)}: {error}") from error

    def look_ahead(self, records: Sequence[Record]) -> None:
        """Have the schemas of all these asked for at once: called when one of them has to wait."""
        keys: dict[bytes, None] = {}
        for record in records:
            value = record.value()
            if value is not None:
                try:
                    keys[framed(value, headers_of(record)).key] = None
                except FormatError:
                    continue
        self._schemas.want(keys)


def kind_of(word: str) -> str:
    """Return what the registry calls the format that `kafka.decoder` names."""
    kind: str = importlib.import_module(_FORMATS[word][0]).KIND
    return kind


def schemas_of(word: str, settings: SchemaRegistry) -> Schemas:
    """Make the schemas that all topics share."""
    module, name = _FORMATS[word]
    found = importlib.import_module(module)
    read: Callable[[SchemaText], Reader] = getattr(found, name)
    kind: str = found.KIND

    def read_as(schema: SchemaText) -> Reader:
        if schema.kind != kind:
            raise FormatError(f"it is {schema.kind}, but kafka.decoder is {word}")
        return read(schema)

    return Schemas(read_as, lambda: Registry(settings, kind), patience=2 * settings.timeout + 1)
