"""Where a record says which schema its value has, as Confluent's serializers write it.

Before the value: the magic byte 0 and the schema's id (4 bytes, big-endian), or the magic byte 1 and its GUID
(16 bytes). Or the same in the header `__value_schema_id`; the value is then the bare payload. With Protobuf
the indexes of the message type come right after the id or GUID, wherever that is.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

HEADER = "__value_schema_id"
MAGIC_ID = 0
MAGIC_GUID = 1
_SIZES = {MAGIC_ID: 5, MAGIC_GUID: 17}
_MOST_INDEXES = 1000
"""Message types nested deeper than that are nobody's: the bytes are something else."""
_VARINT_BITS = 64


class FormatError(ValueError):
    """The record can't be read: it isn't of its format, or of its schema. The text says which."""


class Frame(NamedTuple):
    """A value taken apart. `key` is the magic byte with the id or GUID after it.

    `head` is what follows the key in the header; None where the key is before the payload.
    """

    key: bytes
    head: bytes | None
    payload: bytes


def framed(value: bytes, headers: Sequence[tuple[str, bytes | None]] | None) -> Frame:
    """Take a value apart. Raises FormatError where nothing names a schema."""
    if headers:
        for name, text in headers:
            if name == HEADER and text:
                key = _key(text, f"the header {HEADER}")
                return Frame(key, text[len(key) :], value)
    key = _key(value, "the value")
    return Frame(key, None, value[len(key) :])


def _key(text: bytes, where: str) -> bytes:
    size = _SIZES.get(text[0]) if text else None
    if size is None:
        begins = f"0x{text[0]:02x}" if text else "nothing"
        raise FormatError(
            f"{where} doesn't begin with a schema's id (magic byte 0 or 1) but with {begins}: "
            "written without a schema registry?"
        )
    if len(text) < size:
        raise FormatError(f"{where} ends within the schema's id, after {len(text)} bytes")
    return text[:size]


def shown(key: bytes) -> str:
    """Name a schema for a person."""
    if key[0] == MAGIC_ID:
        return f"schema {int.from_bytes(key[1:])}"
    return f"schema {uuid.UUID(bytes=key[1:])}"


def message_indexes(data: bytes) -> tuple[tuple[int, ...], int]:
    """Read Protobuf's message indexes: which type of the file, and which nested ones. Also how long they are.

    A count and as many indexes, zigzag varints; the common `[0]` is written as the count 0.
    """
    count, at = _varint(data, 0)
    if not 0 <= count <= _MOST_INDEXES:
        raise FormatError(f"{count} message indexes")
    if count == 0:
        return (0,), at
    indexes = []
    for _ in range(count):
        index, at = _varint(data, at)
        indexes.append(index)
    return tuple(indexes), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > _VARINT_BITS:
            raise FormatError("the message indexes end too early or never")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the varint's "more follows" bit
            return (value >> 1) ^ -(value & 1), at
