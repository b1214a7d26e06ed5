"""What a format is to the rest: a schema's text goes in, a reader of its records comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from connector.model import Content, Registration, TagsUpdate


class SchemaText(NamedTuple):
    """A schema as the registry has it.

    `references` are the schemas that it needs, by the name under which it names them, each after those that
    it needs itself. Protobuf's texts are serialized file descriptors in base64.
    """

    kind: str
    """`AVRO`, `PROTOBUF` or `JSON`."""
    text: str
    references: Mapping[str, str]


class Reader(Protocol):
    """Reads records of one schema. Both raise FormatError, or InvalidField, where the data is to blame.

    `head` and `payload` are those of a `Frame`.
    """

    def plain(self, head: bytes | None, payload: bytes) -> Any:
        """Read a record as a plain object: what JSON has, and Decimal."""

    def event(self, content: Content, head: bytes | None, payload: bytes) -> TagsUpdate | Registration:
        """Read a record as an event."""
