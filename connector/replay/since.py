"""What came to the source topics since the letters: where to look, and of what nothing can be known.

A letter's own partition is read from the letter on. All partitions of the other source topics are read from
the time of the oldest letter that isn't theirs: a device may have its registrations in one and its tags in
another.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connector.interpreting import Interpreting
from connector.model import TopicPartition
from connector.replay.choosing import Candidate
from connector.replay.letter import happened_at
from connector.replay.order import GroupOrders
from connector.replay.reading import Reader, Watermarks
from connector.replay.watching import Watching

NEVER = 1 << 62
"""A time that no record has."""


@dataclass(slots=True)
class Looked:
    """How much of a topic was looked at. `since` is a time, 0 where it was from the letters on."""

    partitions: int = 0
    records: int = 0
    since: int = 0


class Since:
    """Reads the source. `configured` are the source topics that are read today."""

    def __init__(
        self,
        reader: Reader,
        interpreting: Interpreting,
        order: GroupOrders,
        watching: Watching,
        configured: Collection[str],
        most: int,
    ) -> None:
        self.partitions: dict[str, dict[int, Watermarks]] = {}
        """The source topics that are there."""
        self.looked: dict[str, Looked] = {}
        self.looked_at = 0.0
        self._reader = reader
        self._interpreting = interpreting
        self._order = order
        self._watching = watching
        self._configured = configured
        self._most = most
        """Records of a partition that are looked through."""
        self._starts: dict[TopicPartition, int] = {}
        self._known_since: dict[TopicPartition, int] = {}
        """Partitions whose reading begins too late, with the time of the first record that was read.

        What came before that time isn't known. NEVER until there is one.
        """
        self._reached: dict[TopicPartition, int] = {}

    # -- where to look -------------------------------------------------------------------------------

    def prepare(self, candidates: Sequence[Candidate], *, elsewhere: bool) -> None:
        """Find out where to begin. `elsewhere`: the other topics matter, too."""
        topics = {each.letter.source.topic for each in candidates if each.letter.source is not None}
        others = set(self._configured) if elsewhere and topics else set()
        for topic in topics | others:
            watermarks = self._reader.watermarks(topic)
            if watermarks is not None:
                self.partitions[topic] = watermarks
        self._start_at_letters(candidates)
        for topic in sorted(others & self.partitions.keys()):
            self._start_at_time(topic, candidates)
        for place in self._starts:
            self.looked.setdefault(place.topic, Looked()).partitions += 1

    def _start_at_letters(self, candidates: Sequence[Candidate]) -> None:
        """Begin behind the oldest letter of each partition, as far as that is there and wanted."""
        oldest: dict[TopicPartition, int] = {}
        for each in candidates:
            source = each.letter.source
            if source is not None and source.partition in self.partitions.get(source.topic, {}):
                oldest[source] = min(oldest.get(source, NEVER), each.letter.age + 1)
        for place, offset in oldest.items():
            watermarks = self._watermarks(place)
            self._starts[place] = max(offset, watermarks.low, watermarks.high - self._most)

    def _start_at_time(self, topic: str, candidates: Sequence[Candidate]) -> None:
        """Begin at the time of the oldest letter of another topic."""
        times = [
            each.letter.happened
            for each in candidates
            if each.letter.happened and each.letter.source is not None and each.letter.source.topic != topic
        ]
        if not times:
            return
        since = min(times)
        self.looked[topic] = Looked(since=since)
        first = self._reader.offsets_at(topic, self.partitions[topic], since)
        for number, watermarks in self.partitions[topic].items():
            place = TopicPartition(topic, number)
            found = first.get(number, watermarks.high)
            start = max(found, watermarks.low, watermarks.high - self._most)
            if start > found or (found == watermarks.low > 0):
                self._known_since[place] = NEVER
            self._starts[place] = min(start, self._starts.get(place, start))
        self._order.watch_times([TopicPartition(topic, number) for number in self.partitions[topic]])

    def _watermarks(self, place: TopicPartition) -> Watermarks:
        return self.partitions[place.topic][place.partition]

    # -- reading -------------------------------------------------------------------------------------

    def scan(self) -> None:
        """Read everything up to the ends as they are."""
        starts = self._starts.items()
        self._reached = {place: min(start, self._watermarks(place).high) for place, start in starts}
        if not self._reached:
            return
        ends = {place: self._watermarks(place).high for place in self._starts}
        self._watching.step("reading what came since", sum(ends.values()) - sum(self._reached.values()))
        self._reader.start(self._reached)
        self._read_to(ends)

    def look_again(self) -> None:
        """Read what came since the last look."""
        topics = {place.topic for place in self._reached}
        watermarks = {topic: self._reader.watermarks(topic) or {} for topic in topics}
        self._read_to(
            {
                place: found.high
                for place in self._reached
                if (found := watermarks[place.topic].get(place.partition)) is not None
            }
        )

    def _read_to(self, ends: dict[TopicPartition, int]) -> None:
        read = 0
        for part in self._reader.read(self._reached, ends):
            topic = part.partition.topic
            outcomes = None
            if topic in self._configured:
                outcomes = self._interpreting.records(topic, part.records)
            self._order.saw(part.partition, part.records, outcomes)
            if part.records and self._known_since.get(part.partition) == NEVER:
                self._known_since[part.partition] = happened_at(part.records[0])
            self.looked[topic].records += len(part.records)
            read += len(part.records)
            self._watching.reached(read)
        self.looked_at = time.monotonic()

    # -- what can't be known ---------------------------------------------------------------------------

    def unknown(self, candidate: Candidate) -> str:
        """Say why it can't be told what came since a letter, if so."""
        letter = candidate.letter
        if letter.source is None or letter.source not in self._starts:
            return "its partition isn't there any more"
        watermarks = self._watermarks(letter.source)
        if letter.source_offset >= watermarks.high:
            end = watermarks.high
            return f"the partition ends at {end}, before the letter's record: it is another one now"
        if self._starts[letter.source] > letter.age + 1:
            return self._missing(letter.source)
        return self._unknown_elsewhere(letter.source.topic, letter.happened)

    def _unknown_elsewhere(self, topic: str, happened: int) -> str:
        if not happened and len(self._configured) > 1:
            return "its record has no time: what came to other topics since can't be told"
        for place, since in self._known_since.items():
            if place.topic != topic and happened < since:
                return self._missing(place)
        return ""

    def _missing(self, place: TopicPartition) -> str:
        low = self._watermarks(place).low
        if self._starts[place] == low:
            where = f"{place.topic}/{place.partition}"
            return f"records of {where} up to {low} are deleted, newer events perhaps among them"
        return f"more than {self._most:,} records came since: raise --scan-limit"
