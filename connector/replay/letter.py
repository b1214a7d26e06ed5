"""A dead letter as it lies in its topic, and the record that it becomes when it is sent again.

Sent again, a record has the key, the value and the headers that it came with, whatever their names: what
was added when it was dead-lettered is known by its place. And it has four marks:

- `pushwoosh.replayed_from`: the letter's id (`topic/partition/offset` of the record it was made of)
- `pushwoosh.replay_count`: how often it has been sent again
- `pushwoosh.replay_origin`: the id of the first letter, where it was refused and sent again before
- `pushwoosh.replay_timestamp`: the record's own time, ms since the epoch; the new record has the time of
  its sending, because by the old one it could be deleted before it is read
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from connector.core.reasons import TRAITS
from connector.kafka.letters.letter import CONNECT, FIRST, OWN, Headers
from connector.model import Record, TopicPartition, headers_of
from connector.values import is_topic_name

FROM = OWN + "replayed_from"
COUNT = OWN + "replay_count"
ORIGIN = OWN + "replay_origin"
TIME = OWN + "replay_timestamp"
_MARKS = (FROM, COUNT, ORIGIN, TIME)
_ADDED = (OWN, "__connect.")
"""How names begin that a dead-lettering adds."""
_NEVER_APPLIED: frozenset[str] = frozenset(why for why, traits in TRAITS.items() if traits.never_applied)
"""Reasons of ours that say so. What a letter has for one may be anybody's word."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a replay keeps of a letter. `id` and `source` are empty where its headers don't say them."""

    id: str
    source: TopicPartition | None
    source_offset: int
    age: int
    """Offset in the source that its event came at first: its own, or that of the letter it was before."""
    reason: str
    happened: int
    """When its event came at first, ms since the epoch; 0 where that isn't known."""
    group: str
    """The consumer group that wrote it; the asking one's where its headers don't say."""

    @property
    def name(self) -> tuple[str, str]:
        """Return what makes it that letter: several groups may have refused one record."""
        return self.group, self.id

    @property
    def never_applied(self) -> bool:
        """Whether the API surely has nothing of this event."""
        return self.reason in _NEVER_APPLIED


@dataclass(frozen=True, slots=True)
class DeadLetter(Facts):
    """One letter whole."""

    place: TopicPartition
    """The partition of the dead-letter topic in which it lies."""
    offset: int
    """Its offset in the dead-letter topic."""
    detail: str
    refused: int
    """When it was last submitted, ms since the epoch; 0 where it never was."""
    timestamp: int
    """Time of the source record, ms since the epoch; 0 where it has none."""
    count: int
    """How often it had been sent again before it came here."""
    replayed_from: str
    record: Record = field(repr=False)

    def facts(self) -> Facts:
        """Return what is kept of it: there may be millions."""
        return Facts(
            self.id, self.source, self.source_offset, self.age, self.reason, self.happened, self.group
        )


class SourceRecord:
    """A letter's record as it was in the source, for decoders; `numbered` changes the offset."""

    __slots__ = ("_letter", "_offset")

    def __init__(self, letter: DeadLetter, numbered: int | None = None) -> None:
        self._letter = letter
        self._offset = letter.source_offset if numbered is None else numbered

    @property
    def letter(self) -> DeadLetter:
        return self._letter

    def topic(self) -> str:
        return self._letter.source.topic if self._letter.source else ""

    def partition(self) -> int:
        return self._letter.source.partition if self._letter.source else -1

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return (1, self._letter.timestamp) if self._letter.timestamp else (0, 0)

    def key(self) -> bytes | None:
        return self._letter.record.key()

    def value(self) -> bytes | None:
        return self._letter.record.value()

    def headers(self) -> Headers | None:
        return _parts(headers_of(self._letter.record)).own or None


def read_letter(record: Record, group: str = "") -> DeadLetter:
    """Read the headers; what another writer left out is empty, but for the group: that is `group` then."""
    _, marks, texts = _parts(headers_of(record))
    name = texts.get(OWN + "id", "")
    found = split_id(name)
    if found is None and FIRST in texts:  # another Kafka Connect sink's
        parts = (texts.get(CONNECT + word, "") for word in ("topic", "partition", "offset"))
        name = "/".join(parts)
        found = split_id(name)
    source, source_offset = found or (None, -1)
    reason = sys.intern(texts.get(OWN + "reason") or texts.get(CONNECT + "exception.class.name", ""))
    timestamp = _number(texts.get(OWN + "timestamp", "")) or _time_of(record)
    return DeadLetter(
        place=_place(record.topic(), record.partition()),
        offset=record.offset(),
        id=name if found else "",
        source=source,
        source_offset=source_offset,
        age=_age(source, source_offset, marks),
        reason=reason,
        detail=texts.get(OWN + "detail") or texts.get(CONNECT + "exception.message", ""),
        happened=_number(marks.get(TIME, "")) or timestamp,
        group=sys.intern(texts.get(OWN + "group", "") or group),
        refused=_moment(texts.get(OWN + "last_attempt", "")),
        timestamp=timestamp,
        count=_number(marks.get(COUNT, "")),
        replayed_from=marks.get(FROM, ""),
        record=record,
    )


class _Parts(NamedTuple):
    """A letter's headers: those that its record came with, the marks of its replay, and why it is here."""

    own: Headers
    marks: dict[str, str]
    why: dict[str, str]


def _parts(headers: Headers | None) -> _Parts:
    """Take headers apart by their place: a record's own may be named as those that are added."""
    given = headers or []
    begins = max((at for at, (name, _) in enumerate(given) if name == FIRST), default=len(given))
    why = texts_of(given[begins:])
    if OWN + "id" not in why:  # another writer's, who may have another order
        texts = texts_of(given)
        return _Parts([each for each in given if not each[0].startswith(_ADDED)], texts, texts)
    before = given[:begins]
    return _Parts([each for each in before if each[0] not in _MARKS], texts_of(before), why)


def headers_again(letter: DeadLetter) -> Headers:
    """Make the headers of the record that is sent again: its own, and the marks."""
    own, earlier, _ = _parts(headers_of(letter.record))
    marks = {FROM: letter.id, COUNT: str(letter.count + 1), ORIGIN: earlier.get(ORIGIN) or letter.id}
    if letter.timestamp:
        marks[TIME] = earlier.get(TIME) or str(letter.timestamp)
    return [*own, *((name, text.encode("utf-8", "surrogateescape")) for name, text in marks.items())]


def mark_of(headers: Headers | None, place: TopicPartition) -> tuple[str, int | None]:
    """Tell from a source record's headers which letter it was, and the offset it had at first in `place`.

    Empty and None for a record that was never a letter.
    """
    if not headers or not any(name == FROM for name, _ in headers):
        return "", None
    texts = texts_of(headers)
    origin = split_id(texts.get(ORIGIN, ""))
    return texts[FROM], origin[1] if origin is not None and origin[0] == place else None


def happened_at(record: Record) -> int:
    """Tell when a source record's event came at first, ms since the epoch; 0 where that isn't known."""
    headers = headers_of(record)
    if headers and any(name == TIME for name, _ in headers):
        return _number(texts_of(headers)[TIME]) or _time_of(record)
    return _time_of(record)


def _time_of(record: Record) -> int:
    kind, timestamp = record.timestamp()
    return max(0, timestamp) if kind else 0


def split_id(name: str) -> tuple[TopicPartition, int] | None:
    """Take `topic/partition/offset` apart; None where it is something else."""
    parts = name.split("/")
    if len(parts) != len(("topic", "partition", "offset")) or not is_topic_name(parts[0]):
        return None
    if not (_plain_number(parts[1]) and _plain_number(parts[2])):
        return None
    return _place(parts[0], int(parts[1])), int(parts[2])


@lru_cache(maxsize=10_000)
def _place(topic: str, partition: int) -> TopicPartition:
    """Return a partition; the same object for all its letters."""
    return TopicPartition(topic, partition)


def texts_of(headers: Sequence[tuple[str, bytes | None]] | None) -> dict[str, str]:
    """Return headers as text; of several of one name the last counts."""
    return {name: (value or b"").decode("utf-8", "surrogateescape") for name, value in headers or []}


def _age(source: TopicPartition | None, own: int, marks: dict[str, str]) -> int:
    origin = split_id(marks.get(ORIGIN, ""))
    return origin[1] if origin is not None and origin[0] == source else own


_MOST = 1 << 63
"""What no number of Kafka's reaches. A header may say anything."""


def _number(text: str) -> int:
    return int(text) if _plain_number(text) else 0


def _moment(text: str) -> int:
    """Read RFC 3339 as ms since the epoch; 0 where it is something else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return max(0, int(moment.timestamp() * 1000)) if moment.tzinfo is not None else 0


def _plain_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) and int(text) < _MOST
