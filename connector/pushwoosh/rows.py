"""Rows of a detailed report: of the published types fast, of others leniently, each at its position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Raw

from connector.answers import Row
from connector.pushwoosh.words import text_of

Said = dict[str, str] | None
"""What a row says of its tags."""

_read_said = msgspec.json.Decoder(Said).decode


class RawRow(Row, gc=False):
    """A row whose answers by tag are still the JSON that came: many rows of a report say the same."""

    tags: Raw = Raw(b"null")  # type: ignore[assignment]  # `with_tags` puts the right thing there


def with_tags(rows: Sequence[RawRow]) -> list[Row]:
    """Read the answers by tag, those that came in the same words once: the rows then share one dictionary.

    Takes 0.07 us a row where all say the same; a dictionary for each takes 0.2, and 0.25 more to look at.
    Raises `MsgspecError` or `UnicodeDecodeError` where they are not of the published types.
    """
    read: dict[bytes, Said] = {}
    latest, said = Raw(b"null"), None
    for row in rows:
        raw = row.tags
        if raw != latest:
            latest, words = raw, bytes(raw)
            if words not in read:
                read[words] = _read_said(words)
            said = read[words]
        cast("Row", row).tags = said
    return cast("list[Row]", rows)


def rows_of(devices: Any) -> list[Row] | None:
    """Read `devices` of a report leniently. None where there is no list of them.

    What can't be read becomes an empty row and keeps its place: rows are matched by position too. In a map
    each name is the device's.
    """
    if isinstance(devices, dict):
        return [_named_row(name, device) for name, device in devices.items()]
    if not isinstance(devices, list):
        return None
    return [_row(device) for device in devices]


def _named_row(name: str, device: Any) -> Row:
    row = _row(device if isinstance(device, dict) else {"status": device})
    if not (row.hwid or row.user_id or row.push_token):
        row.hwid = name
    return row


def _row(device: Any) -> Row:
    if not isinstance(device, dict):
        return Row()
    status = device.get("status")
    return Row(
        hwid=_identifier(device.get("hwid")),
        user_id=_identifier(device.get("user_id")),
        push_token=_identifier(device.get("push_token")),
        status="" if status is None else text_of(status),
        tags=_tags(device.get("tags")),
    )


def _identifier(value: Any) -> str | None:
    """Read an identifier; a number was a string of digits once."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _tags(tags: Any) -> dict[str, str] | None:
    """Read a row's answers by tag. What is unreadable stays as text: it is no "ok", and not hidden.

    An empty list is how PHP writes an empty map.
    """
    if tags is None or tags == []:
        return None
    if isinstance(tags, dict):
        return {name: _answer(answer) for name, answer in tags.items()}
    if isinstance(tags, list):
        return dict(_named(item, index) for index, item in enumerate(tags))
    return {"": text_of(tags)}


def _named(item: Any, index: int) -> tuple[str, str]:
    if isinstance(item, dict):
        for field in ("name", "tag"):
            name = item.get(field)
            if isinstance(name, str):
                return name, _answer(item)
    return str(index), _answer(item)


def _answer(answer: Any) -> str:
    """Read what is said of one tag: a word, or an object with the word under `status` or `message`."""
    if isinstance(answer, dict):
        for field in ("status", "message"):
            word = answer.get(field)
            if isinstance(word, str):
                return word
    return text_of(answer)
