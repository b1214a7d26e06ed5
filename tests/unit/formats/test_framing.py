"""Which schema a record says that it is of."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka.schema_registry.serde import SchemaId

from connector.formats.framing import HEADER, FormatError, Frame, framed, message_indexes, shown

GUID = uuid.UUID(int=77)


def test_an_id_or_a_guid_is_before_the_payload() -> None:
    assert framed(b"\0\0\0\0\x07rest", None) == Frame(b"\0\0\0\0\x07", None, b"rest")
    assert framed(b"\1" + GUID.bytes + b"rest", []) == Frame(b"\1" + GUID.bytes, None, b"rest")


def test_an_id_in_the_header_counts_before_one_before_the_payload() -> None:
    header = SchemaId("AVRO", guid=str(GUID)).guid_to_bytes()
    value = b"\0\0\0\0\x07rest"
    assert framed(value, [("a", None), (HEADER, header)]) == Frame(header, b"", value)
    assert framed(value, [(HEADER, None), ("a", b"x")]).key == value[:5]


def test_message_indexes_follow_the_guid_in_the_header() -> None:
    header = SchemaId("PROTOBUF", guid=str(GUID), message_indexes=[1, 0]).guid_to_bytes()
    key, head, payload = framed(b"payload", [(HEADER, header)])
    assert head is not None
    assert message_indexes(head) == ((1, 0), len(head))
    assert (key, payload) == (b"\1" + GUID.bytes, b"payload")


@pytest.mark.parametrize("indexes", [[0], [1], [0, 0], [3, 200, 70000]])
def test_message_indexes_are_read_as_confluents_client_writes_them(indexes: list[int]) -> None:
    written = SchemaId("PROTOBUF", schema_id=7, message_indexes=indexes).id_to_bytes()[5:]
    assert message_indexes(written + b"payload") == (tuple(indexes), len(written))
    assert message_indexes(b"\0payload") == ((0,), 1)


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x80", b"\x01", b"\xff" * 20, b"\xff\xff\x7f"])
def test_what_are_no_message_indexes_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(FormatError, match="message indexes"):
        message_indexes(data)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'{"hwid": "A"}', "begin with a schema's id .* but with 0x7b: written without a schema registry"),
        (b"", "but with nothing"),
        (b"\0\0\0", "ends within the schema's id, after 3 bytes"),
        (b"\1" + b"x" * 15, "ends within the schema's id, after 16 bytes"),
    ],
)
def test_a_value_that_names_no_schema_is_no_record(value: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        framed(value, None)


def test_schemas_have_names_for_people() -> None:
    assert shown(b"\0\0\0\1\0") == "schema 256"
    assert shown(b"\1" + GUID.bytes) == f"schema {GUID}"
