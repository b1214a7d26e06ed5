"""One run of `replay`: reads the letters and the source, decides, and hands out what is to be sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Self

from connector.model import Event, TopicPartition
from connector.replay.choosing import Candidate, Fate, Selection, hold_back
from connector.replay.desk import Desk
from connector.replay.filters import Filters
from connector.replay.interpreting import Interpreting
from connector.replay.letter import DeadLetter
from connector.replay.order import Order
from connector.replay.progress import Progress
from connector.replay.reading import Bounds, Reader
from connector.replay.stopping import Stop
from connector.replay.watching import Watching
from connector.settings import Settings

LOOK_EVERY = 1.0
"""Seconds after which the source is looked at again for newer events, before more is sent."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for. `rate` is events a second, 0 for no bound; so is `limit` of letters."""

    filters: Filters
    target: Literal["source", "api"] = "source"
    execute: bool = False
    rate: float = 0.0
    limit: int = 0
    scan_limit: int = 20_000_000
    even_if_newer: bool = False


class Ready(NamedTuple):
    """A letter that goes now. `event` is set where it goes to the API."""

    candidate: Candidate
    letter: DeadLetter
    event: Event | None = None


class Replay:
    """Reads between `with`. `prepare` once, then `next_batch` as long as it gives something."""

    def __init__(self, settings: Settings, wish: Wish, stop: Stop, watching: Watching) -> None:
        self.wish = wish
        self.selection = Selection(wish.filters)
        self.progress: Progress
        self.partitions: dict[str, dict[int, Bounds]] = {}
        """The source topics that are there."""
        self._settings = settings
        self._stop = stop
        self._watching = watching
        self._interpreting = Interpreting(settings)
        self._order = Order()
        self._reached: dict[TopicPartition, int] = {}
        self._looked_at = 0.0
        self._waiting: Iterator[Candidate] = iter(())
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.desk = opening.enter_context(Desk(self._settings, self._stop.check))
            self._source = Reader(self._settings.kafka, self._stop.check)
            opening.callback(self._source.close)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def prepare(self) -> None:
        """Read every letter and what came to the source since; decide."""
        self._read_letters()
        chosen = self._by_partition()
        for topic in {place.topic for place in chosen}:
            bounds = self._source.bounds(topic)
            if bounds is not None:
                self.partitions[topic] = bounds
        self.selection.prepare(self._order)
        starts = self._starts(chosen)
        self._scan(starts)
        self.selection.judge(self._order, even_if_newer=self.wish.even_if_newer)
        self._doubt(starts)
        self.selection.limit(self.wish.limit)
        self._waiting = iter(self.selection.in_order())

    def _read_letters(self) -> None:
        self.progress = self.desk.open()
        self._watching.step("reading letters", self.desk.total)
        for letter in self.desk.letters():
            done = self.progress.is_done((letter.place, letter.offset))
            self.selection.add(letter, self._interpreting.letter(letter), replayed=done)
            self._watching.reached(self.desk.read_so_far)
        self.selection.all_read()
        if self.wish.target == "api":
            for candidate in self.selection.in_order():
                if candidate.unread:
                    candidate.stay(Fate.UNREADABLE, candidate.unread)

    def _by_partition(self) -> dict[TopicPartition, list[Candidate]]:
        found: dict[TopicPartition, list[Candidate]] = {}
        for candidate in self.selection.in_order():
            if candidate.letter.source is not None:
                found.setdefault(candidate.letter.source, []).append(candidate)
        return found

    # -- the source since ------------------------------------------------------------------------

    def _starts(self, chosen: dict[TopicPartition, list[Candidate]]) -> dict[TopicPartition, int]:
        """Return where to begin reading: behind the oldest letter, as far as that is there and wanted."""
        starts = {}
        for place, candidates in chosen.items():
            bounds = self.partitions.get(place.topic, {}).get(place.partition)
            if bounds is not None:
                oldest = min(each.letter.age for each in candidates) + 1
                starts[place] = max(oldest, bounds.low, bounds.high - self.wish.scan_limit)
        return starts

    def _scan(self, starts: dict[TopicPartition, int]) -> None:
        self._reached = {place: min(start, self._bounds(place).high) for place, start in starts.items()}
        if not self._reached:
            return
        ends = {place: self._bounds(place).high for place in starts}
        self._watching.step("reading what came since", sum(ends.values()) - sum(self._reached.values()))
        self._source.start(self._reached)
        self._read_to(ends)

    def _bounds(self, place: TopicPartition) -> Bounds:
        return self.partitions[place.topic][place.partition]

    def _read_to(self, ends: dict[TopicPartition, int]) -> None:
        read = 0
        for part in self._source.read(self._reached, ends):
            topic = part.partition.topic
            outcomes = None
            if topic in self._settings.kafka.contents:
                outcomes = self._interpreting.records(topic, part.records)
            self._order.saw(part.partition, part.records, outcomes)
            read += len(part.records)
            self._watching.reached(read)
        self._looked_at = time.monotonic()

    def _look_again(self) -> None:
        """Read what came to the source since the last look."""
        topics = {place.topic for place in self._reached}
        bounds = {topic: self._source.bounds(topic) or {} for topic in topics}
        ends = {
            place: found.high
            for place in self._reached
            if (found := bounds[place.topic].get(place.partition)) is not None
        }
        self._read_to(ends)

    def _doubt(self, starts: dict[TopicPartition, int]) -> None:
        """Keep letters of which can't be told what came since."""
        for candidate in self.selection.in_order():
            letter = candidate.letter
            if letter.source is None:
                continue
            if letter.source.topic not in self.partitions:
                if self.wish.target == "source":
                    candidate.stay(Fate.NO_TOPIC, f"topic {letter.source.topic} isn't there")
                elif not self.wish.even_if_newer:
                    candidate.stay(Fate.UNSURE, f"topic {letter.source.topic} isn't there")
            elif not self.wish.even_if_newer and (why := self._unknown(candidate, starts)):
                candidate.stay(Fate.UNSURE, why)

    def _unknown(self, candidate: Candidate, starts: dict[TopicPartition, int]) -> str:
        """Say why it can't be told what came since, if so."""
        letter = candidate.letter
        if letter.source is None or letter.source not in starts:
            return "its partition isn't there any more"
        bounds = self._bounds(letter.source)
        if letter.source_offset >= bounds.high:
            return f"the partition ends at {bounds.high}, before the letter's record: it is another one now"
        if starts[letter.source] <= letter.age + 1:
            return ""
        if starts[letter.source] == bounds.low:
            return f"records up to {bounds.low} are deleted, newer events perhaps among them"
        return f"more than {self.wish.scan_limit:,} records came since: raise --scan-limit"

    # -- sending -----------------------------------------------------------------------------------

    def next_batch(self, size: int) -> list[Ready]:
        """Return the next letters to send; those whose device had an event meanwhile stay."""
        self._stop.check()
        if self._reached and time.monotonic() - self._looked_at >= LOOK_EVERY:
            self._look_again()
        while chosen := self._next_candidates(size):
            if batch := self._loaded(chosen):
                return batch
        return []

    def _next_candidates(self, size: int) -> list[Candidate]:
        chosen: list[Candidate] = []
        for candidate in self._waiting:
            if self.wish.even_if_newer or not hold_back(candidate, self._order):
                chosen.append(candidate)
            if len(chosen) == size:
                break
        return chosen

    def _loaded(self, chosen: list[Candidate]) -> list[Ready]:
        """Read letters again, to be sent; those that can't be any more stay."""
        found = self.desk.fetch([each.spots[-1] for each in chosen])
        batch: list[Ready] = []
        for candidate in chosen:
            letter = found.get(candidate.spots[-1])
            if letter is None:
                candidate.stay(Fate.GONE, "its letter isn't there any more")
                continue
            event = None
            if self.wish.target == "api":
                outcome = self._interpreting.letter(letter)
                if not isinstance(outcome, Event):
                    candidate.stay(Fate.UNREADABLE, "it could be read a moment ago")
                    continue
                event = outcome
            batch.append(Ready(candidate, letter, event))
        return batch
