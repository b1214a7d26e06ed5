"""Tables and texts for people. What comes from a record is made harmless to a terminal first."""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.core.reading.event import Decoded, Event
from connector.interpreting import NotNow
from connector.model import headers_of
from connector.replay.counts import Counts, written
from connector.replay.letter import DeadLetter
from connector.terminal import escaped, harmless

_WIDTH = 1_000_000
"""Columns where the output goes to a file or a pipe: a row is a line there, however long its reason."""
_MOST_SHOWN = 120
"""Characters of a detail or a device in a list."""
_LARGEST = 1000
"""Characters of anything in a table: each row is padded to the longest, and a key may have megabytes."""


def console() -> Console:
    """Return standard output, wide where nobody looks at it directly."""
    width = None if sys.stdout.isatty() else _WIDTH
    return Console(width=width, highlight=False, soft_wrap=not sys.stdout.isatty())


def as_text(value: bytes | None) -> str:
    """Write bytes for a person."""
    if value is None:
        return "(none)"
    try:
        return harmless(value.decode())
    except UnicodeDecodeError:
        return repr(value)[2:-1]


def show_json(content: Any) -> None:
    """Print one JSON document. What isn't printable is escaped in it: the same to who reads JSON."""
    sys.stdout.write(_json(content, 2) + "\n")


def show_json_rows(content: Mapping[str, Any], name: str, rows: Iterable[Any]) -> None:
    """Print one JSON document whose last entry is a list that may be too long for memory, a line a row."""
    sys.stdout.write(f"{_json(content, 2)[:-2]},\n  {_json(name)}: [")
    comma = ""
    for row in rows:
        sys.stdout.write(f"{comma}\n    {_json(row)}")
        comma = ","
    sys.stdout.write("\n  ]\n}\n")


def _json(content: Any, indent: int | None = None) -> str:
    return escaped(json.dumps(content, ensure_ascii=False, indent=indent), _json_escape)


def _json_escape(character: str) -> str:
    written = json.dumps(character)[1:-1]
    return written if written != character else f"\\u{ord(character):04x}"  # DEL: JSON may have it as it is


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; columns named in `numbers` are flush right."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return made


def cells(*values: object) -> list[Text]:
    """Return a row; no markup is read out of values."""
    return [Text(harmless(_bounded(str(value)))) for value in values]


def _bounded(text: str) -> str:
    """Leave out what no person reads, and say so."""
    return text if len(text) <= _LARGEST else f"{text[:_LARGEST]}… ({len(text):,} characters; --json has all)"


def short(text: str) -> str:
    """Cut a detail or a device to what a list has room for."""
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def of_other_groups(letters: Counter[str]) -> str:
    """Say that letters of other consumer groups are there, and how to get at them."""
    names = ", ".join(sorted(letters))
    return f"{count(letters.total())} of other groups ({names}): --group NAME or --any-group"


def show_counts(counts: Counts, topic: str, *, by_application: bool = False, by_group: bool = False) -> None:
    """Print what `list` tells."""
    out = console()
    copies = f", {counts.copies} of them further copies" if counts.copies else ""
    out.print(Text(f"{topic}: {count(counts.letters)}{copies}, {counts.replayed:,} sent again"))
    if counts.of_other_groups:
        out.print(Text(harmless(of_other_groups(counts.of_other_groups))))
    if not counts.letters:
        return
    groups = table("reason", "source topic", "letters", "oldest", "newest", numbers=("letters",))
    for reason, source, group in counts.by_group():
        groups.add_row(*cells(reason, source, group.letters, written(group.oldest), written(group.newest)))
    times = table("time (UTC)", "letters", numbers=("letters",))
    for name, letters in counts.by_time():
        times.add_row(*cells(name, letters))
    out.print()
    out.print(groups)
    if by_application:
        _show_by("application", counts.applications)
    if by_group:
        _show_by("group", counts.groups_of)
    out.print()
    out.print(times)
    _show_newest(counts, by_group=by_group)


def _show_by(name: str, letters: Counter[str]) -> None:
    made = table(name, "letters", numbers=("letters",))
    for each, number in letters.most_common():
        made.add_row(*cells(each, number))
    console().print()
    console().print(made)


def _show_newest(counts: Counts, *, by_group: bool) -> None:
    """Print the newest letters one by one."""
    out = console()
    if counts.newest:
        newest = table("id", *(["group"] if by_group else []), "time", "reason", "device", "why", "")
        for one in counts.newest:
            newest.add_row(
                *cells(
                    one.letter.id or f"{'/'.join(map(str, one.letter.place))}/{one.letter.offset}",
                    *([one.letter.group] if by_group else []),
                    written(one.letter.timestamp),
                    one.letter.reason,
                    short(one.device),
                    short(one.letter.detail),
                    "sent again" if one.replayed else "",
                )
            )
        out.print()
        more = "" if len(counts.newest) == counts.letters else f"the newest {len(counts.newest)}:\n"
        out.print(Text(more), end="")
        out.print(newest)


def count(letters: int) -> str:
    """Write how many letters."""
    return f"{letters:,} letter{'' if letters == 1 else 's'}"


def show_letter(
    letter: DeadLetter, outcome: Decoded, application: str = "", *, copies: int, replayed: bool
) -> None:
    """Print one letter: why, what it is read as now, headers, key, value. `application`: its code."""
    out = console()
    facts = table("", "")
    facts.show_header = False
    where = f"{'/'.join(map(str, letter.place))}/{letter.offset}"
    rows = [
        ("letter", letter.id or "(its headers don't say what it was made of)"),
        ("group", letter.group),
        ("lies at", where + (f", the last of {copies} copies" if copies > 1 else "")),
        ("time", written(letter.timestamp) or "(none)"),
        ("why", f"{letter.reason}: {letter.detail}"),
        ("read now", in_words(outcome)),
        *([("application", application)] if application else ()),
        ("sent again", _again(letter, replayed=replayed)),
        ("key", as_text(letter.record.key())),
    ]
    for row in rows:
        facts.add_row(*cells(*row))
    out.print(facts)
    headers = table("header", "value")
    for name, value in headers_of(letter.record):
        headers.add_row(*cells(name, as_text(value)))
    out.print()
    out.print(headers)
    out.print()
    out.print(Text("value", style="bold"))
    out.print(Text(_pretty(letter.record.value())))


def _again(letter: DeadLetter, *, replayed: bool) -> str:
    before = (
        f"{letter.count} times before it came here, last as {letter.replayed_from}" if letter.count else ""
    )
    now = "yes" if replayed else "no"
    return f"{now}; {before}" if before else now


def in_words(outcome: Decoded) -> str:
    """Say what a record is by today's decoder and rules."""
    if isinstance(outcome, Event):
        names = (("hwid", outcome.hwid), ("user_id", outcome.user_id), ("push_token", outcome.push_token))
        device = ", ".join(f"{name} {value}" for name, value in names if value)
        operator = f", {outcome.list_operator}" if outcome.list_operator else ""
        return f"{outcome.endpoint}{operator} for {device}"
    if outcome is None:
        return "nothing to send: it would be skipped"
    if isinstance(outcome, NotNow):
        return f"can't be read now: {outcome.detail}"
    return f"{outcome.reason}: {outcome.detail}"


def _pretty(value: bytes | None) -> str:
    """Write a value as it is, JSON with line breaks: nothing reads it, so no number or key is changed."""
    if value is None:
        return "(none)"
    try:
        return harmless(msgspec.json.format(value, indent=2).decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return as_text(value)


def letter_plain(letter: DeadLetter, outcome: Decoded, *, copies: int, replayed: bool) -> dict[str, Any]:
    """Return one letter as JSON-ready values; bytes that are no UTF-8 text as base64."""
    return {
        "id": letter.id,
        "at": f"{'/'.join(map(str, letter.place))}/{letter.offset}",
        "copies": copies,
        "time": written(letter.timestamp) or None,
        "reason": letter.reason,
        "detail": letter.detail,
        "read_now": in_words(outcome),
        "replayed": replayed,
        "replayed_before": letter.count,
        "headers": [[name, _json_bytes(value)] for name, value in headers_of(letter.record)],
        "key": _json_bytes(letter.record.key()),
        "value": _json_bytes(letter.record.value()),
    }


def _json_bytes(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
