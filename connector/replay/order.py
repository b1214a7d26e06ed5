"""Whether a device had a newer event since its letter: then sending the letter again would undo that.

Told from the letter's own partition of the source, read from the letter on: there offsets say what is newer.
And from the other source topics, read from the letter's time on: there the records' times say it. A record
counts as an event of the same device if it shares an identifier with the letter, as the connector's own
decoder reads both. Where a letter can't be read, or its topic isn't configured any more, the record's key
stands for the device.

A record that was sent again is as old as its event was at first. Two kinds of letters do not count as newer:
those that surely never reached the API, and those that will be sent after this one in the same run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from connector.core.reading.event import Decoded, Event
from connector.model import Record, TopicPartition, headers_of
from connector.replay.letter import DeadLetter, Facts, happened_at, mark_of

Key = str | bytes
"""An identifier as lanes name it (`connector.core.reading.event.Event.keys`), or a record's key."""


def keys_of(letter: DeadLetter, outcome: Decoded) -> tuple[Key, ...]:
    """Name the device of a letter; nothing where it can't be told."""
    if isinstance(outcome, Event):
        return outcome.keys
    key = letter.record.key()
    return () if key is None else (key,)


class Seen(NamedTuple):
    """The newest event of a device in a topic, by its time."""

    happened: int
    place: TopicPartition
    offset: int


class Order:
    """Filled with what the source has; asked about letters."""

    def __init__(self) -> None:
        self._latest: defaultdict[TopicPartition, dict[Key, int]] = defaultdict(dict)
        """For devices that are asked about, the offset at which the newest event came at first; -1: none."""
        self._asked: set[Key] = set()
        self._by_time: set[TopicPartition] = set()
        self._newest: defaultdict[str, dict[Key, Seen]] = defaultdict(dict)
        """By topic, for devices that are asked about: of the partitions that are looked at by time."""
        self._harmless: dict[TopicPartition, set[int]] = {}
        self._by_key = False
        self.sent_again: set[str] = set()
        """Ids of letters whose records, sent again, were seen in the source."""

    def watch(self, place: TopicPartition, keys: Sequence[Key]) -> None:
        """Remember the newest event of this device, here and in all that is looked at by time."""
        latest = self._latest[place]
        for key in keys:
            latest.setdefault(key, -1)
            self._asked.add(key)
            self._by_key = self._by_key or isinstance(key, bytes)

    def watch_times(self, places: Collection[TopicPartition]) -> None:
        """Remember from these what is newer by its time than letters of other topics."""
        self._by_time.update(places)

    def ignore(self, place: TopicPartition, offsets: set[int]) -> None:
        """Count the records at these as no events: they never reached the API, or go again by themselves."""
        self._harmless.setdefault(place, offsets).update(offsets)

    def saw(
        self,
        place: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Decoded] | None,
    ) -> None:
        """Note records of the source, with what they are read as; None where nobody can read this topic."""
        harmless = self._harmless.get(place, set())
        for index, record in enumerate(records):
            offset = record.offset()
            name, origin = mark_of(headers_of(record), place)
            if name:
                self.sent_again.add(name)
            if offset in harmless:
                continue
            outcome = outcomes[index] if outcomes is not None else None
            if outcomes is not None and not isinstance(outcome, Event):
                continue  # it never reaches the API
            keys: tuple[Key | None, ...] = outcome.keys if isinstance(outcome, Event) else ()
            if self._by_key:
                keys = (*keys, record.key())
            for key in keys:
                if key in self._asked:
                    self._note(place, key, record, offset if origin is None else origin)

    def _note(self, place: TopicPartition, key: Key | None, record: Record, age: int) -> None:
        """Note an event of a device that is asked about."""
        if key is None:
            return
        latest = self._latest[place]
        if latest.get(key, age) < age:
            latest[key] = age
        if place in self._by_time:
            self._note_time(key, Seen(happened_at(record), place, record.offset()))

    def _note_time(self, key: Key, seen: Seen) -> None:
        newest = self._newest[seen.place.topic]
        known = newest.get(key)
        if known is None or known.happened < seen.happened:
            newest[key] = seen

    def stays(self, letter: Facts, keys: Sequence[Key]) -> None:
        """Count a letter that isn't sent again as an event: the API may have a part of it."""
        if letter.source is None:
            return
        latest = self._latest[letter.source]
        for key in keys:
            latest[key] = max(latest.get(key, -1), letter.age)
            self._note_time(key, Seen(letter.happened, letter.source, letter.source_offset))

    def newer(self, letter: Facts, keys: Sequence[Key]) -> str:
        """Name a newer event of the letter's device by the place where it came at first; empty for none."""
        if letter.source is None:
            return ""
        latest = self._latest[letter.source]
        newest = max((latest.get(key, -1) for key in keys), default=-1)
        if newest > letter.age:
            return f"{letter.source.topic}/{letter.source.partition}/{newest}"
        for topic, by_key in self._newest.items():
            for seen in (by_key[key] for key in keys if key in by_key):
                if topic != letter.source.topic and seen.happened > letter.happened:
                    return f"{topic}/{seen.place.partition}/{seen.offset}"
        return ""


class GroupOrders:
    """An order for each group that letters are of: what one confirmed says nothing of the other's."""

    def __init__(self) -> None:
        self._by_group: defaultdict[str, Order] = defaultdict(Order)

    def __getitem__(self, group: str) -> Order:
        return self._by_group[group]

    def watch_times(self, places: Collection[TopicPartition]) -> None:
        """See `Order.watch_times`."""
        for order in self._by_group.values():
            order.watch_times(places)

    def saw(
        self,
        place: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Decoded] | None,
    ) -> None:
        """See `Order.saw`."""
        for order in self._by_group.values():
            order.saw(place, records, outcomes)
