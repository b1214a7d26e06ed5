"""JSON Schema: the record is JSON behind the schema's id; it is held against the schema and read as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import msgspec

from connector.core.reading.json_events import JsonDecoder
from connector.formats.framing import FormatError
from connector.formats.reading import SchemaText
from connector.model import Content, Registration, TagsUpdate

KIND = "JSON"
_DECODERS = {content: JsonDecoder(content) for content in Content}


class JsonSchemaReader:
    """Reads records of one JSON Schema, of any draft; without `$schema` draft 7, as producers take it."""

    def __init__(self, schema: SchemaText) -> None:
        try:
            root = msgspec.json.decode(schema.text)
            known = {name: msgspec.json.decode(text) for name, text in schema.references.items()}
            named = isinstance(root, dict) and "$schema" in root
            make: Any = jsonschema_rs.validator_for if named else jsonschema_rs.Draft7Validator
            # `mask` keeps values out of messages; the retriever keeps everything else off the network.
            self._validate = make(root, mask="the value", retriever=_retriever(known)).validate
        except Exception as error:
            raise FormatError(f"the schema can't be used: {type(error).__name__}: {error}") from error

    def plain(self, head: bytes | None, payload: bytes) -> Any:
        """Read a record, and hold it against its schema."""
        if head:
            raise FormatError(f"{len(head)} bytes follow the schema's GUID in the header")
        try:
            value = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"not JSON: {error}") from error
        try:
            self._validate(value)
        except jsonschema_rs.ValidationError as error:
            where = "".join(
                f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path
            )
            raise FormatError(f"against its schema: {error.message} - at `${where}`") from error
        return value

    def event(self, content: Content, head: bytes | None, payload: bytes) -> TagsUpdate | Registration:
        self.plain(head, payload)
        return _DECODERS[content].decode(payload)


def _retriever(known: dict[str, Any]) -> Callable[[str], Any]:
    """Find a schema that another one names; a relative name has been resolved against some base by then."""

    def retrieve(uri: str) -> Any:
        for name, schema in known.items():
            if uri == name or uri.endswith(f"/{name.lstrip('./')}"):
                return schema
        raise LookupError(f"{uri} is no reference of the schema")

    return retrieve
