"""Whether a device had a newer event since its letter: then sending the letter again would undo that. Pure.

Told from the letter's own partition of the source, read from the letter on. A record counts as an event of
the same device if it shares an identifier with the letter, as the connector's own decoder reads both. Where
a letter can't be read, or its topic isn't configured any more, the record's key stands for the device.

What counts at its first offset, not at the one it has: a record that was sent again. What doesn't count:
letters that surely never reached the API, and those that will be sent after this one in the same run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from connector.model import Event, Record, Rejection, TopicPartition
from connector.replay.letter import DeadLetter, Facts, mark_of

Key = str | bytes
"""An identifier as lanes name it (`connector.model.Event.keys`), or a record's key."""


def keys_of(letter: DeadLetter, outcome: Event | Rejection | None) -> tuple[Key, ...]:
    """Name the device of a letter; nothing where it can't be told."""
    if isinstance(outcome, Event):
        return outcome.keys
    key = letter.record.key()
    return () if key is None else (key,)


class Order:
    """Filled with what the source has; asked about letters."""

    def __init__(self) -> None:
        self._latest: defaultdict[TopicPartition, dict[Key, int]] = defaultdict(dict)
        """For each device that is asked about, where its newest event came at first; -1: none."""
        self._harmless: dict[TopicPartition, set[int]] = {}
        self._by_key: set[TopicPartition] = set()
        self.sent_again: set[str] = set()
        """Ids of letters whose records, sent again, were seen in the source."""

    def watch(self, place: TopicPartition, keys: Sequence[Key]) -> None:
        """Remember the newest event of this device."""
        latest = self._latest[place]
        for key in keys:
            latest.setdefault(key, -1)
            if isinstance(key, bytes):
                self._by_key.add(place)

    def ignore(self, place: TopicPartition, offsets: set[int]) -> None:
        """Count the records at these as no events: they never reached the API, or go again by themselves."""
        self._harmless.setdefault(place, offsets).update(offsets)

    def saw(
        self,
        place: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Event | Rejection | None] | None,
    ) -> None:
        """Take in records of the source with what they are read as; None where nobody can read this topic."""
        latest = self._latest[place]
        harmless = self._harmless.get(place, set())
        by_key = place in self._by_key
        for index, record in enumerate(records):
            offset = record.offset()
            name, origin = mark_of(record.headers(), place)
            if name:
                self.sent_again.add(name)
            if offset in harmless:
                continue
            outcome = outcomes[index] if outcomes is not None else None
            if outcomes is not None and not isinstance(outcome, Event):
                continue  # it never reaches the API
            age = offset if origin is None else origin
            for key in outcome.keys if isinstance(outcome, Event) else ():
                if latest.get(key, age) < age:
                    latest[key] = age
            if by_key:
                own = record.key()
                if own is not None and latest.get(own, age) < age:
                    latest[own] = age

    def stays(self, letter: Facts, keys: Sequence[Key]) -> None:
        """Count a letter that isn't sent again as an event: the API may have a part of it."""
        if letter.source is None:
            return
        latest = self._latest[letter.source]
        for key in keys:
            latest[key] = max(latest.get(key, -1), letter.age)

    def newer(self, letter: Facts, keys: Sequence[Key]) -> int | None:
        """Return where the newest event of the letter's device came at first, if after the letter."""
        if letter.source is None:
            return None
        latest = self._latest[letter.source]
        newest = max((latest.get(key, -1) for key in keys), default=-1)
        return newest if newest > letter.age else None
