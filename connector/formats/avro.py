"""Avro: a parsed schema, and what has to be translated in what fastavro reads by it.

What is to be translated is found once per schema. A schema of text, whole numbers, booleans, arrays and maps
needs nothing, and its records are passed on as they were read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastavro import parse_schema, schemaless_reader

from connector.core.reading.plain import update_of
from connector.formats.framing import FormatError
from connector.formats.reading import SchemaText
from connector.formats.translating import IDENTIFIERS, WORDS, Translate, api_words, float32, scalar
from connector.model import Content, Registration, TagsUpdate

KIND = "AVRO"


class AvroReader:
    """Reads records of one Avro schema."""

    def __init__(self, schema: SchemaText) -> None:
        named: dict[str, Any] = {}
        try:
            for text in schema.references.values():
                parse_schema(json.loads(text), named)
            self._schema: Any = parse_schema(json.loads(schema.text), named)
        except Exception as error:
            raise FormatError(f"the schema can't be parsed: {type(error).__name__}: {error}") from error
        self._translate = _Translations(named).of(self._schema, whole=True)

    def plain(self, head: bytes | None, payload: bytes) -> Any:
        """Read a record; nothing may be left over, or it is of another schema."""
        if head:
            raise FormatError(f"{len(head)} bytes follow the schema's GUID in the header")
        buffer = io.BytesIO(payload)
        try:
            value = schemaless_reader(buffer, self._schema, None)
            if self._translate is not None:
                value = self._translate(value)
        except RecursionError as error:
            raise FormatError("nested too deeply") from error
        except Exception as error:
            raise FormatError(f"not a record of its schema: {type(error).__name__}: {error}") from error
        rest = len(payload) - buffer.tell()
        if rest:
            raise FormatError(f"not a record of its schema: {rest} bytes are left over")
        return value

    def event(self, content: Content, head: bytes | None, payload: bytes) -> TagsUpdate | Registration:
        return update_of(self.plain(head, payload), content)


class _Translations:
    """Finds what has to be done to a value of a schema; None where nothing is.

    A translation changes what fastavro made in place: nobody else has it.
    """

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._of_records: dict[str, Translate | None] = {}
        self._begun: set[str] = set()

    def of(self, schema: Any, *, whole: bool = False) -> Translate | None:
        """Find the translation. `whole`: of the record itself, not of something in it."""
        if isinstance(schema, list):
            return self._union(schema, whole=whole)
        schema = self._full(schema)
        match _kind(schema):
            case list() | dict() as inner:
                found = self.of(inner, whole=whole)
            case "record" | "error":
                found = self._fields(schema) if whole else self._record(schema)
            case "array":
                found = _each_item(self.of(schema["items"]))
            case "map":
                found = _each_value(self.of(schema["values"]))
            case "float":
                found = float32
            case kind:
                special = isinstance(schema, dict) and "logicalType" in schema
                found = scalar if special or kind in ("bytes", "fixed") else None
        return found

    def _record(self, schema: dict[str, Any]) -> Translate | None:
        name = schema["name"]
        if name in self._of_records:
            return self._of_records[name]
        if name in self._begun:  # it contains itself: what is found by the time of its use holds

            def later(value: Any) -> Any:
                translate = self._of_records[name]
                return value if translate is None else translate(value)

            return later
        self._begun.add(name)
        self._of_records[name] = found = self._in_place(self._of_fields(schema), _nullable(schema))
        return found

    def _of_fields(self, schema: dict[str, Any]) -> list[tuple[str, Translate]]:
        found = ((field["name"], self.of(field["type"])) for field in schema["fields"])
        return [(name, translate) for name, translate in found if translate is not None]

    def _fields(self, schema: dict[str, Any]) -> Translate | None:
        """Find the translation of an event: its enums are words of the API, its identifiers stay."""
        by_name = dict(self._of_fields(schema))
        for field in schema["fields"]:
            name = field["name"]
            enum = self._enum(field["type"]) if name in WORDS else None
            if enum is not None:
                by_name[name] = _word(api_words(enum["name"], enum["symbols"]))
            elif name in IDENTIFIERS and self._is_bytes(field["type"]):
                by_name.pop(name, None)
        return self._in_place([*by_name.items()], _nullable(schema))

    def _is_bytes(self, schema: Any) -> bool:
        choices = schema if isinstance(schema, list) else [schema]
        return any(
            _kind(full) in ("bytes", "fixed") and not (isinstance(full, dict) and "logicalType" in full)
            for full in map(self._full, choices)
        )

    def _enum(self, schema: Any) -> dict[str, Any] | None:
        """Return the enum of a field, also where it may be null."""
        choices = schema if isinstance(schema, list) else [schema]
        for choice in choices:
            full = self._named.get(choice) if isinstance(choice, str) else choice
            if isinstance(full, dict) and full["type"] == "enum":
                return full
        return None

    @staticmethod
    def _in_place(fields: Sequence[tuple[str, Translate]], nullable: Sequence[str]) -> Translate | None:
        if not fields and not nullable:
            return None

        def record(value: dict[str, Any]) -> dict[str, Any]:
            for name, translate in fields:
                inner = value[name]
                if inner is not None:
                    value[name] = translate(inner)
            for name in nullable:
                if value[name] is None:
                    del value[name]
            return value

        return record

    def _union(self, choices: Sequence[Any], *, whole: bool) -> Translate | None:
        """Find the translation of a union: by the type of what is read, records by the names of fields."""
        real = [choice for choice in choices if choice != "null"]
        found = [(self._full(choice), self.of(choice, whole=whole)) for choice in real]
        if all(translate is None for _, translate in found):
            return None
        if len(found) == 1:
            return _unless_null(found[0][1])
        records = [
            ({field["name"] for field in full["fields"]}, translate)
            for full, translate in found
            if _kind(full) in ("record", "error")
        ]
        arrays = next((translate for full, translate in found if _kind(full) == "array"), None)
        maps = next((translate for full, translate in found if _kind(full) == "map"), None)
        short = float32 if any(_kind(full) == "float" for full, _ in found) else None
        if any(_kind(full) == "double" for full, _ in found):
            short = None  # nobody can tell which of the two it was

        def union(value: Any) -> Any:
            kind = type(value)
            translate: Translate | None = scalar
            if kind is dict:
                translate = next((each for names, each in records if names == value.keys()), maps)
            elif kind is list:
                translate = arrays
            elif kind is float:
                translate = short
            return value if translate is None or value is None else translate(value)

        return union

    def _full(self, schema: Any) -> Any:
        return self._named.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Any) -> Any:
    return schema["type"] if isinstance(schema, dict) else schema


def _nullable(schema: dict[str, Any]) -> list[str]:
    """Names of fields that may be null: then they say nothing, and are left out."""
    return [
        field["name"]
        for field in schema["fields"]
        if field["type"] == "null" or (isinstance(field["type"], list) and "null" in field["type"])
    ]


def _unless_null(translate: Translate | None) -> Translate | None:
    if translate is None:
        return None
    return lambda value: None if value is None else translate(value)


def _word(words: Mapping[str, str | None]) -> Callable[[Any], Any]:
    return lambda symbol: words.get(symbol, symbol)


def _each_item(translate: Translate | None) -> Translate | None:
    if translate is None:
        return None
    return lambda items: [translate(item) for item in items]


def _each_value(translate: Translate | None) -> Translate | None:
    if translate is None:
        return None
    return lambda mapping: {name: translate(value) for name, value in mapping.items()}
