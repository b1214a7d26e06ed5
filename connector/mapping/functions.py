"""What expressions can call beside JMESPath's own functions: the record around the value, JSON, dates.

A function that is given null gives null, as a path that leads nowhere does: what isn't there stays away.
Errors never show a value: they end in headers of dead letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from jmespath import functions

from connector.model import Record, headers_of

signature = functions.signature

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"d": 86_400_000_000.0, "s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
UNITS = tuple(_MICROSECONDS)
"""What times since 1970 are counted in: Debezium alone has four of these."""


class RecordFunctions(functions.Functions):
    """JMESPath's functions and ours. `record` is the one that is being mapped."""

    record: Record

    @signature()
    def _func_key(self) -> str | None:
        """Give the record's key as text."""
        return _text(self.record.key(), "the record's key")

    @signature({"types": ["string"]})
    def _func_header(self, name: str) -> str | None:
        """Give the last header of this name as text."""
        found = [value for key, value in headers_of(self.record) if key == name]
        return _text(found[-1], f"header {name}") if found else None

    @signature()
    def _func_topic(self) -> str:
        """Give the record's topic."""
        return self.record.topic()

    @signature()
    def _func_timestamp(self) -> int | None:
        """Give the record's timestamp in milliseconds since 1970."""
        kind, milliseconds = self.record.timestamp()
        return milliseconds if kind else None

    @signature({"types": ["string", "null"]})
    def _func_from_json(self, text: str | None) -> Any:
        """Read JSON that is inside a text, such as a key or the payload of an outbox."""
        if text is None:
            return None
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ValueError(f"from_json(): not JSON: {error}") from None

    @signature({"types": ["string", "null"]})
    def _func_utc_date(self, text: str | None) -> str | None:
        """Turn a time in ISO 8601 into the API's form; without a zone it is UTC already."""
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return _written(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
        except (ValueError, OverflowError):
            raise ValueError("utc_date(): not a time in ISO 8601") from None

    @signature({"types": ["number", "null"]}, {"types": ["string"]})
    def _func_epoch_date(self, count: float | None, unit: str) -> str | None:
        """Turn a time since 1970 into the API's form: `epoch_date(created, 'ms')`."""
        if count is None:
            return None
        if unit not in _MICROSECONDS:
            raise ValueError(f"epoch_date(): a unit is one of {', '.join(UNITS)}")
        try:
            return _written(_EPOCH + timedelta(microseconds=count * _MICROSECONDS[unit]))
        except (ValueError, OverflowError):
            raise ValueError("epoch_date(): out of the calendar's range; is the unit right?") from None


KNOWN: Mapping[str, Mapping[str, Any]] = RecordFunctions.FUNCTION_TABLE
"""Every function by its name; the entry's `signature` says how many arguments of which types."""


def _text(value: bytes | str | None, what: str) -> str | None:
    """Give bytes as text; headers may be text already where another client made them."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8") from None


def _written(moment: datetime) -> str:
    """Write a date as the API takes it: `YYYY-MM-DD HH:MM`, UTC."""
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02} {moment.hour:02}:{moment.minute:02}"
