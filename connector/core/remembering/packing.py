"""Numbers, strings and streams of bytes, one after another in few bytes: the grammar of the checkpoint.

A number is 7 bits a byte, the lowest first, with the high bit on all but the last byte. A string
is its length and UTF-8. A stream is its length, doubled, plus 1 if it is deflated, and its bytes.
"""

from __future__ import annotations

import zlib

MOST_BYTES = 4_194_304
"""Bytes that a stream may inflate to: a damaged one must not fill the memory."""

_SMALL = 120
"""Bytes that are not worth deflating."""

_BITS = 0x7F
_MORE = 0x80


def put_number(out: bytearray, number: int) -> None:
    """Append a number that isn't negative."""
    while number > _BITS:
        out.append(number & _BITS | _MORE)
        number >>= 7
    out.append(number)


def put_string(out: bytearray, text: str) -> None:
    """Append any string, one with lone surrogates too."""
    encoded = text.encode("utf-8", "surrogatepass")
    put_number(out, len(encoded))
    out += encoded


def put_stream(out: bytearray, stream: bytes) -> None:
    """Append bytes, deflated if that helps.

    Huffman codes alone are better where the bytes are as good as random, and matches for patterns.
    """
    best = stream
    if len(stream) > _SMALL:
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
            deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, 8, strategy)
            best = min(best, deflate.compress(stream) + deflate.flush(), key=len)
    put_number(out, len(best) * 2 + (best is not stream))
    out += best


class Reader:
    """Reads what was put. Raises ValueError, IndexError or zlib.error where it is malformed."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._packed)

    def take(self, length: int) -> bytes:
        piece = self._packed[self._at : self._at + length]
        if len(piece) != length:
            raise ValueError("too short")
        self._at += length
        return piece

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self._packed[self._at]
            self._at += 1
            number |= (byte & _BITS) << shift
            shift += 7
            if byte <= _BITS:
                return number

    def string(self) -> str:
        return self.take(self.number()).decode("utf-8", "surrogatepass")

    def stream(self) -> bytes:
        length, deflated = divmod(self.number(), 2)
        stream = self.take(length)
        if not deflated:
            return stream
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = inflate.decompress(stream, MOST_BYTES)
        if not inflate.eof:
            raise ValueError("too long, or cut off")
        return plain
