"""What a mapping makes of a record: plain object -> plain object with the API's field names.

The rules that hold for every event are applied afterwards, to what comes out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from connector.core.reading.plain import update_of
from connector.core.reading.rules import InvalidField
from connector.mapping.compiling import is_true
from connector.mapping.expression import Evaluate, failure
from connector.mapping.functions import RecordFunctions
from connector.model import Content, Record, Registration, TagsUpdate

IDENTIFIERS = ("hwid", "user_id", "push_token")
FIELDS = ("type", *IDENTIFIERS, "platform", "list_operator", "application")
"""What can be mapped by one expression each; `tags` can too, or by one expression a tag."""

Plain = Callable[[Record], Any]
"""Reads a record's value as a plain object. None skips the record."""


class Part(NamedTuple):
    """A field or a tag and the expression that gives it."""

    name: str
    evaluate: Evaluate


class Mapping:
    """The expressions of one topic, compiled.

    `tags` is one expression for the whole object, or one for each tag. `clear`: a tag that comes out
    as null is sent as null; otherwise it is left out, as a field that comes out as null always is.
    """

    def __init__(
        self,
        functions: RecordFunctions,
        *,
        when: Evaluate | None,
        fields: Sequence[Part],
        tags: Evaluate | Sequence[Part] | None,
        clear: bool,
    ) -> None:
        self._functions = functions
        self._when = when
        self._fields = tuple(fields)
        self._tags = tags
        self._clear = clear

    def __call__(self, plain: Any, record: Record) -> dict[str, Any] | None:
        """Map; None where the record is not for us. Raises `InvalidField` where an expression fails."""
        self._functions.record = record
        path = "when"
        try:
            if self._when is not None and not is_true(self._when(plain)):
                return None
            mapped: dict[str, Any] = {}
            for path, evaluate in self._fields:
                value = evaluate(plain)
                if value is not None:
                    mapped[path] = value
        except Exception as error:  # noqa: BLE001 - an expression may raise anything: it is about this record
            raise InvalidField(f"The mapping's expression failed: {failure(error)}", path) from None
        for name in IDENTIFIERS:
            value = mapped.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                mapped[name] = str(value)  # databases count their users
        if self._tags is not None:
            tags = self._tags_of(plain)
            if tags is not None:
                mapped["tags"] = tags
        return mapped

    def _tags_of(self, plain: Any) -> Any:
        path = "tags"
        try:
            if callable(self._tags):
                tags = self._tags(plain)
            else:
                tags = {}
                for name, evaluate in self._tags or ():
                    path = f"tags.{name}"
                    tags[name] = evaluate(plain)
        except Exception as error:  # noqa: BLE001 - as above
            raise InvalidField(f"The mapping's expression failed: {failure(error)}", path) from None
        if self._clear or not isinstance(tags, dict):
            return tags
        return {name: value for name, value in tags.items() if value is not None} or None


class MappedDecoder:
    """A decoder of a topic with a mapping: what `plain` reads is mapped, then taken for an event.

    `look_ahead` is that of the decoder that reads (see `connector.core.reading.decode.Decoder`).
    """

    def __init__(
        self,
        content: Content,
        mapping: Mapping,
        plain: Plain,
        look_ahead: Callable[[Sequence[Record]], None] | None = None,
    ) -> None:
        self._content = content
        self._mapping = mapping
        self._plain = plain
        self.look_ahead = look_ahead

    def __call__(self, record: Record) -> TagsUpdate | Registration | None:
        plain = self._plain(record)
        if plain is None:
            return None
        if isinstance(plain, (TagsUpdate, Registration)):
            raise TypeError(
                f"the decoder returned {type(plain).__name__}: where the topic has a mapping it must return "
                "plain objects (dictionaries, lists, text, numbers)"
            )
        mapped = self._mapping(plain, record)
        return None if mapped is None else update_of(mapped, self._content)


_decode = msgspec.json.Decoder().decode


def plain_json(record: Record) -> Any:
    """Read a value that is JSON in UTF-8. Raises `MsgspecError`, `UnicodeDecodeError`, `RecursionError`."""
    value = record.value() or b""
    if not value.isascii():
        value.decode()
    plain = _decode(value)
    if plain is None:
        raise msgspec.ValidationError("Expected `object`, got `null`")
    return plain
