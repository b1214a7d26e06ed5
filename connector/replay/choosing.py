"""Which letters go again, which don't and why."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from connector.core.reading.event import Decoded, Event
from connector.model import TopicPartition
from connector.replay.filters import Filters, identifiers
from connector.replay.letter import DeadLetter, Facts
from connector.replay.order import GroupOrders, Key, keys_of
from connector.replay.progress import Spot

MOST_BYTES = 128 << 20
"""Bytes that one run keeps of letters; what is beyond stays for the next one."""
_OF_CANDIDATE = 500
"""Bytes that are kept of a letter that is meant, beside its texts; of what it was made of nothing is."""
_OF_HARMLESS = 80
"""Bytes that are kept of a letter that isn't meant."""


class Standing(StrEnum):
    """What becomes of a letter that the filters mean."""

    READY = "ready"
    SENT = "sent"
    REPLAYED = "replayed"
    NEWER = "newer"
    UNSURE = "unsure"
    UNREADABLE = "unreadable"
    GONE = "gone"
    NO_TOPIC = "no_topic"
    NO_SOURCE = "no_source"
    LATER = "later"
    REFUSED = "refused"
    TRIED = "tried"


EXPLAINED = {
    Standing.READY: "not sent yet",
    Standing.SENT: "sent",
    Standing.REPLAYED: "were sent again before",
    Standing.NEWER: "a newer event of the device came since (--even-if-newer sends them all the same)",
    Standing.UNSURE: "whether a newer event came since can't be told (--even-if-newer sends them too)",
    Standing.UNREADABLE: "this configuration can't read them: only --to source carries them",
    Standing.GONE: "were deleted from the dead-letter topic meanwhile",
    Standing.NO_TOPIC: "their source topic isn't there any more: create it, or use --to api",
    Standing.NO_SOURCE: "their headers don't say which record they were: not written by this connector",
    Standing.LATER: "beyond the limit: run the command again for more",
    Standing.REFUSED: "refused again",
    Standing.TRIED: "were refused again before (--try-again sends them once more)",
}


@dataclass(slots=True, eq=False)
class Candidate:
    """A letter that the filters mean. Its record isn't here: it is read again when it is sent.

    `spots` are all places where a letter of this id lies, the last one last.
    """

    letter: Facts
    spots: tuple[Spot, ...]
    keys: tuple[Key, ...]
    device: str
    unread: str
    """Why this configuration can't read it, or empty."""
    standing: Standing = Standing.READY
    why: str = ""

    def stay(self, standing: Standing, why: str = "") -> None:
        """Have this letter stay where it is: it isn't sent."""
        self.standing, self.why = standing, why


@dataclass(slots=True)
class Selection:
    """Filled letter by letter; then `judge` decides."""

    filters: Filters
    candidates: dict[tuple[str, str], Candidate] = field(default_factory=dict)
    nameless: int = 0
    """Letters that are meant but whose headers don't say what they were made of."""
    beyond: int = 0
    """Letters that are meant but that memory has no room for."""
    of_other_groups: Counter[str] = field(default_factory=Counter)
    """How many letters are left alone because another group wrote them."""
    harmless: defaultdict[tuple[str, TopicPartition], set[int]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """By group, source records that hold back no letter: never at the API, or to be sent by a later run.

    Where there are too many, some are missing. A letter may be held back then that could go; none goes that
    may not.
    """
    _sent_again: set[str] = field(default_factory=set)
    bytes: int = 0
    """What is kept of all this, about."""

    def add(self, letter: DeadLetter, outcome: Decoded, *, replayed: bool) -> None:
        """Note a letter; `replayed`: it is known to have been sent again."""
        if letter.replayed_from:
            self._sent_again.add(letter.replayed_from)
        if not self.filters.pass_group(letter):
            self.of_other_groups[letter.group] += 1
            return
        meant = self.filters.pass_headers(letter) and self.filters.pass_event(letter, outcome)
        if letter.source is None:
            self.nameless += meant
        elif meant:
            self._add(letter, outcome, replayed=replayed)
        elif letter.never_applied and not replayed:
            self._note_harmless(letter)

    def _note_harmless(self, letter: DeadLetter) -> None:
        if letter.source is not None and self.bytes <= MOST_BYTES * 1.25:
            self.bytes += _OF_HARMLESS
            self.harmless[letter.group, letter.source].add(letter.source_offset)

    def _add(self, letter: DeadLetter, outcome: Decoded, *, replayed: bool) -> None:
        spot = (letter.place, letter.offset)
        known = self.candidates.get(letter.name)
        if known is None and self.bytes > MOST_BYTES and not replayed:
            self.beyond += 1
            self._note_harmless(letter)
            return
        made = _candidate(letter, outcome, (*(known.spots if known else ()), spot))
        self.candidates[letter.name] = made
        if known is None:
            texts = (letter.id, made.device, *made.keys, made.unread)
            self.bytes += _OF_CANDIDATE + sum(map(len, texts))
        if replayed or (known is not None and known.standing is Standing.REPLAYED):
            made.stay(Standing.REPLAYED)

    def all_read(self) -> None:
        """Leave out what was sent again, as a later letter of its event says. All letters must be read."""
        for each in self.candidates.values():
            if each.letter.id in self._sent_again:
                each.stay(Standing.REPLAYED)

    def in_order(self, standing: Standing = Standing.READY) -> list[Candidate]:
        """Return candidates of this standing as they are to go: of a partition in its order, else by time."""
        found: defaultdict[TopicPartition, list[Candidate]] = defaultdict(list)
        for each in self.candidates.values():
            if each.standing is standing:
                found[each.letter.source or TopicPartition("", -1)].append(each)
        partitions = [sorted(found[place], key=lambda each: each.letter.age) for place in sorted(found)]
        return [*heapq.merge(*partitions, key=lambda each: each.letter.happened)]

    def pass_over(self, tried: Callable[[Spot], bool]) -> None:
        """Leave out what an earlier run tried and had refused: it would fill the limit of each run anew."""
        for each in self.in_order():
            if any(map(tried, each.spots)):
                each.stay(Standing.TRIED)

    def prepare(self, orders: GroupOrders) -> None:
        """Say what to look for in the source."""
        for each in self.in_order(Standing.TRIED):
            if each.letter.never_applied and each.letter.source is not None:
                orders[each.letter.group].ignore(each.letter.source, {each.letter.source_offset})
        for (group, place), offsets in self.harmless.items():
            orders[group].ignore(place, offsets)
        for candidate in self.in_order():
            letter = candidate.letter
            if letter.source is not None:
                order = orders[letter.group]
                order.watch(letter.source, candidate.keys)
                order.ignore(letter.source, {letter.source_offset})

    def judge(self, orders: GroupOrders, *, even_if_newer: bool) -> None:
        """Decide by what the source has, the newest first: one that stays is newer than those before it."""
        for candidate in reversed(self.in_order()):
            if candidate.letter.id in orders[candidate.letter.group].sent_again:
                candidate.stay(Standing.REPLAYED)
            elif not even_if_newer:
                hold_back(candidate, orders)

    def limit(self, most: int) -> None:
        """Leave all but the first for another run."""
        for candidate in self.in_order()[most:] if most else ():
            candidate.stay(Standing.LATER)

    def counts(self) -> dict[Standing, int]:
        """Count candidates by standing, without those that are or were to be sent."""
        found = Counter(each.standing for each in self.candidates.values())
        found[Standing.NO_SOURCE] += self.nameless
        found[Standing.LATER] += self.beyond
        return {
            standing: found[standing]
            for standing in Standing
            if found[standing] and standing not in (Standing.READY, Standing.SENT)
        }

    def staying(self) -> Iterator[Candidate]:
        """Return those that stay for a reason worth a line each."""
        for standing in (
            Standing.REFUSED,
            Standing.NEWER,
            Standing.UNSURE,
            Standing.UNREADABLE,
            Standing.GONE,
        ):
            yield from self.in_order(standing)


def _candidate(letter: DeadLetter, outcome: Decoded, spots: tuple[Spot, ...]) -> Candidate:
    device = next(iter(identifiers(letter, outcome)), "")
    unread = ""
    if not isinstance(outcome, Event):
        unread = outcome.detail if outcome is not None else "nothing to send in it"
    return Candidate(letter.facts(), spots, keys_of(letter, outcome), device, unread)


def hold_back(candidate: Candidate, orders: GroupOrders) -> bool:
    """Keep a letter whose device has had a newer event; tell whether that is so."""
    order = orders[candidate.letter.group]
    newer = order.newer(candidate.letter, candidate.keys)
    if not newer:
        return False
    candidate.stay(Standing.NEWER, f"newer event: {newer}")
    order.stays(candidate.letter, candidate.keys)
    return True
