"""One run of `replay`: reads the letters and the source, decides, and hands out what is to be sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Self

from connector.core.reading.event import Event
from connector.interpreting import Interpreting
from connector.replay.choosing import Candidate, Selection, Standing, hold_back
from connector.replay.desk import Desk
from connector.replay.filters import Filters, Unmatched
from connector.replay.letter import DeadLetter
from connector.replay.order import GroupOrders
from connector.replay.outcomes import outcome_of
from connector.replay.progress import Progress
from connector.replay.reading import Reader
from connector.replay.since import Since
from connector.replay.stopping import Stop
from connector.replay.watching import Watching
from connector.settings import Settings

LOOK_EVERY = 0.25
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
    try_again: bool = False


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
        self._settings = settings
        self._stop = stop
        self._watching = watching
        self._interpreting = Interpreting(settings)
        self._order = GroupOrders()
        self._waiting: Iterator[Candidate] = iter(())
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.desk = opening.enter_context(Desk(self._settings, self._stop.check))
            source = Reader(self._settings.kafka, self._stop.check)
            opening.callback(source.close)
            self.since = Since(
                source,
                self._interpreting,
                self._order,
                self._watching,
                self._settings.kafka.contents,
                self.wish.scan_limit,
            )
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def prepare(self) -> None:
        """Read every letter and what came to the source since; decide."""
        self._read_letters()
        self.selection.prepare(self._order)
        self.since.prepare(self.selection.in_order(), elsewhere=not self.wish.even_if_newer)
        self.since.scan()
        self.selection.judge(self._order, even_if_newer=self.wish.even_if_newer)
        self._doubt()
        self.selection.limit(self.wish.limit)
        self._waiting = iter(self.selection.in_order())

    def _read_letters(self) -> None:
        self.progress = self.desk.open()
        self._watching.step("reading letters", self.desk.total)
        unmatched = Unmatched(self.wish.filters, self._settings.kafka.contents)
        for letter in self.desk.letters():
            if self.wish.filters.pass_group(letter):
                unmatched.saw(letter)
            done = self.progress.is_done((letter.place, letter.offset))
            self.selection.add(letter, outcome_of(letter, self._interpreting), replayed=done)
            self._watching.reached(self.desk.read_so_far)
        unmatched.check()
        self.selection.all_read()
        target = self.wish.target
        if not self.wish.try_again:
            self.selection.pass_over(lambda spot: self.progress.was_refused(spot, target))
        if self.wish.target == "api":
            for candidate in self.selection.in_order():
                if candidate.unread:
                    candidate.stay(Standing.UNREADABLE, candidate.unread)

    def _doubt(self) -> None:
        """Keep letters of which can't be told what came since."""
        for candidate in self.selection.in_order():
            letter = candidate.letter
            if letter.source is None:
                continue
            if letter.source.topic not in self.since.partitions:
                if self.wish.target == "source":
                    candidate.stay(Standing.NO_TOPIC, f"topic {letter.source.topic} isn't there")
                elif not self.wish.even_if_newer:
                    candidate.stay(Standing.UNSURE, f"topic {letter.source.topic} isn't there")
            elif not self.wish.even_if_newer and (why := self.since.unknown(candidate)):
                candidate.stay(Standing.UNSURE, why)

    # -- sending -----------------------------------------------------------------------------------

    def next_batch(self, size: int) -> list[Ready]:
        """Return the next letters to send; those whose device had an event meanwhile stay."""
        self._stop.check()
        if self.since.looked_at and time.monotonic() - self.since.looked_at >= LOOK_EVERY:
            self.since.look_again()
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
                candidate.stay(Standing.GONE, "its letter isn't there any more")
                continue
            event = None
            if self.wish.target == "api":
                outcome = outcome_of(letter, self._interpreting)
                if not isinstance(outcome, Event):
                    candidate.stay(Standing.UNREADABLE, "it could be read a moment ago")
                    continue
                event = outcome
            batch.append(Ready(candidate, letter, event))
        return batch
