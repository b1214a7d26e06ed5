"""Numbers, strings and streams in bytes."""

from __future__ import annotations

import zlib

import pytest

from connector.core.remembering.packing import Reader, put_number, put_stream, put_string


def test_what_is_put_is_read() -> None:
    out = bytearray()
    for number in (0, 127, 128, 2**70):
        put_number(out, number)
    put_string(out, "żółw \ud800")
    put_stream(out, b"short")
    put_stream(out, b"long" * 1_000)
    put_stream(out, bytes(range(256)))
    reader = Reader(bytes(out))
    assert [reader.number() for _ in range(4)] == [0, 127, 128, 2**70]
    assert reader.string() == "żółw \ud800"
    assert [reader.stream() for _ in range(3)] == [b"short", b"long" * 1_000, bytes(range(256))]


def test_a_stream_is_deflated_only_if_that_helps() -> None:
    noise, pattern = bytearray(), bytearray()
    put_stream(noise, bytes(range(256)))
    put_stream(pattern, b"ab" * 5_000)
    assert len(noise) == 258
    assert len(pattern) < 60


def test_what_is_cut_off_is_an_error() -> None:
    with pytest.raises(IndexError):
        Reader(b"\x80").number()
    with pytest.raises(ValueError, match="too short"):
        Reader(b"\x05abc").string()
    with pytest.raises(ValueError, match="cut off"):
        Reader(b"\x05" + b"\x4b\x4c").stream()
    with pytest.raises(zlib.error):
        Reader(b"\x05\xff\xff").stream()


def test_a_stream_that_would_fill_the_memory_is_an_error() -> None:
    out = bytearray()
    put_stream(out, bytes(10_000_000))
    with pytest.raises(ValueError, match="too long"):
        Reader(bytes(out)).stream()
