"""How values that JSON doesn't have become values of tags. deploy/FORMATS.md has the table.

A date and time becomes the API's own form of a Date tag, `YYYY-MM-DD HH:MM` in UTC.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

Translate = Callable[[Any], Any]

WORDS = frozenset({"type", "list_operator", "platform"})
"""Fields of an event whose enums are read as words of the API."""
IDENTIFIERS = frozenset({"hwid", "user_id", "push_token", "application"})
"""Fields of an event that have to be text: bytes are not made text of, they are refused."""

_UNSAID = ("unspecified", "unknown", "undefined")


def date_and_time(value: datetime) -> str:
    """Write the form of the API; without a zone it is taken as UTC. Seconds are cut off."""
    there = value if value.tzinfo is UTC or value.tzinfo is None else value.astimezone(UTC)
    return there.isoformat(" ")[:16]


def day(value: date) -> str:
    """Write the beginning of the day in the form of the API."""
    return f"{value.year:04}-{value.month:02}-{value.day:02} 00:00"


def base64(value: bytes) -> str:
    """Write bytes as text."""
    return b64encode(value).decode("ascii")


def float32(value: float) -> float:
    """Give the shortest decimal number that this one of 32 bits stands for: 9.99, not 9.989999771118164."""
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.pack("f", short) == struct.pack("f", value):
                return short
        except OverflowError:
            break
    return value


_SCALARS: dict[type, Translate] = {
    bytes: base64,
    datetime: date_and_time,
    date: day,
    time: time.isoformat,
    UUID: str,
}


def scalar(value: Any) -> Any:
    """Translate a value by its type; what JSON has stays."""
    translate = _SCALARS.get(type(value))
    return value if translate is None else translate(value)


def api_words(enum: str, symbols: Iterable[str]) -> dict[str, str | None]:
    """By symbol of an enum, the API's word: `LIST_OPERATOR_APPEND` of `ListOperator` is `append`.

    None for a symbol that says that nothing was said, such as `LIST_OPERATOR_UNSPECIFIED`.
    """
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.rpartition(".")[2]).lower() + "_"
    words = {symbol: symbol.lower().removeprefix(prefix) for symbol in symbols}
    return {symbol: None if word in _UNSAID else word for symbol, word in words.items()}
