"""Protobuf's own message types, Google's common ones and Confluent's: what each becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

from connector.formats.framing import FormatError
from connector.formats.translating import Translate, base64, date_and_time, day, float32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_LONGEST_SCALE = 100
"""A decimal with more digits after the point is no tag's value, and would be written out in full."""
_PACKAGES = {
    "google/protobuf/": "google.protobuf.",
    "google/type/": "google.type.",
    "confluent/": "confluent_kafka.schema_registry.confluent.",
}


def module_of(file: str) -> str | None:
    """Name the module that a file of the libraries is compiled to; None where it is no file of theirs."""
    for folder, package in _PACKAGES.items():
        rest = file.removeprefix(folder).removesuffix(".proto").replace("/", ".")
        if (
            file.startswith(folder)
            and file.endswith(".proto")
            and all(part.isidentifier() for part in rest.split("."))
        ):
            return f"{package}{rest}_pb2"
    return None


def _timestamp(message: Any) -> str:
    return date_and_time(_EPOCH + timedelta(seconds=message.seconds))


def _duration(message: Any) -> float | int:
    """Return seconds."""
    seconds: int = message.seconds
    return seconds + message.nanos / 1e9 if message.nanos else seconds


def _wrapped(message: Any) -> Any:
    return message.value


def _struct(message: Any) -> dict[str, Any]:
    return {name: _value(value) for name, value in message.fields.items()}


def _list(message: Any) -> list[Any]:
    return [_value(value) for value in message.values]


def _value(message: Any) -> Any:
    """Return what a `Value` holds; all its numbers are of 64 bits with a point: whole ones lose it."""
    kind = message.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(message.struct_value)
    if kind == "list_value":
        return _list(message.list_value)
    if kind is None or kind == "null_value":
        return None
    found = getattr(message, kind)
    return int(found) if kind == "number_value" and found.is_integer() else found


def _any(message: Any) -> Any:
    raise FormatError(f"a google.protobuf.Any ({message.type_url}): its type isn't in the schema")


def _day(message: Any) -> str:
    return day(date(message.year, message.month, message.day))


def _decimal_text(message: Any) -> Decimal:
    return Decimal(message.value or "0")


def _decimal_bytes(message: Any) -> Decimal:
    """Return Confluent's decimal: a whole number, big-endian in two's complement, and its scale."""
    if abs(message.scale) > _LONGEST_SCALE:
        raise FormatError(f"a decimal of scale {message.scale}")
    return Decimal(int.from_bytes(message.value, "big", signed=True)).scaleb(-message.scale, context=_EXACT)


KNOWN: Mapping[str, Translate] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.Struct": _struct,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Value": _value,
    "google.protobuf.Any": _any,
    "google.protobuf.FieldMask": lambda message: list(message.paths),
    **{
        f"google.protobuf.{name}Value": _wrapped
        for name in ("Double", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String")
    },
    "google.protobuf.FloatValue": lambda message: float32(message.value),
    "google.protobuf.BytesValue": lambda message: base64(message.value),
    "google.type.Date": _day,
    "google.type.Decimal": _decimal_text,
    "confluent.type.Decimal": _decimal_bytes,
}
"""What makes a plain value of each known message, by its full name."""
