"""The demo's reckoning: what was produced against what, as far as anybody says, became of it.

Nothing is taken on trust that can be looked up. From Kafka come the committed offsets and checkpoints, at
the crash and at the end, and the dead letters; from the API every device's tags; from the connectors
themselves only how many records they confirmed and superseded, which nobody else can know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connector.core.remembering.checkpoint import decode
from connector.core.tally import RecordOutcome
from connector.model import Position
from connector.sandbox.demo_events import DemoEvent
from connector.sandbox.demo_kafka import StoredLetter

_EXAMPLES = 3


@dataclass(frozen=True)
class Evidence:
    """What was found. Records are named `topic/partition/offset`, positions are by partition."""

    topic: str
    written: Mapping[str, DemoEvent]
    ends: Mapping[int, int]
    at_crash: Mapping[int, Position]
    at_end: Mapping[int, Position]
    first: Mapping[str, int]
    """Records that the first connector had settled when it was last asked, by outcome."""
    second: Mapping[str, int]
    """Records that the second connector had settled at the end, by outcome."""
    letters: Sequence[StoredLetter]
    expected_tags: Mapping[str, Mapping[str, Any]]
    found_tags: Mapping[str, Mapping[str, Any]]
    overlapping: int
    """Devices that the API saw in two unfinished jobs at once."""


class Crash(NamedTuple):
    """What the crash met, and what it cost."""

    jobs: int
    """Jobs in the checkpoints that Kafka has: unfinished at the last commit before the kill."""
    adopted: int
    """Jobs that the second connector went on asking about."""
    taken_over: float
    """Seconds from the kill until the second connector owned every partition."""
    again: int
    """Devices that the API got a second time, with the same content, though nothing had called for it."""
    received: int


class Check(NamedTuple):
    """One thing that has to agree, and how it was found."""

    what: str
    agrees: bool
    found: str


@dataclass(frozen=True)
class Account:
    """The result: who settled how many, by outcome, what has to agree, and the dead letters by reason."""

    first: dict[str, int]
    second: dict[str, int]
    produced: int
    settled_twice: int
    """Records that the first connector settled without having committed it. Negative: it settled that many
    more after it was last asked."""
    letters_twice: int
    """Dead letters that are there twice because the first connector died between them and their commit."""
    by_reason: dict[str, int]
    checks: list[Check]

    @property
    def agrees(self) -> bool:
        return all(check.agrees for check in self.checks)


def reckon(found: Evidence) -> Account:
    """Hold everything against everything."""
    first = {outcome.value: found.first.get(outcome, 0) for outcome in RecordOutcome}
    second = {outcome.value: found.second.get(outcome, 0) for outcome in RecordOutcome}
    remembered = _remembered(found)
    copies = Counter(letter.source for letter in found.letters)
    # Without transactions, a letter that was written but not committed is the one that may come again.
    torn = [source for source, times in copies.items() if times > 1 and source not in remembered]
    return Account(
        first,
        second,
        produced=len(found.written),
        settled_twice=sum(first.values()) - len(remembered),
        letters_twice=len(torn),
        by_reason=dict(Counter(dict(found.letters).values()).most_common()),
        checks=[
            _offsets(found),
            _records(found, len(remembered), sum(second.values())),
            _letters(found, {source for source, times in copies.items() if times > 1} - {*torn}),
            _skipped(found, remembered, second),
            _tags(found),
            Check(
                "no device in two unfinished jobs at once",
                not found.overlapping,
                f"{found.overlapping:,} were",
            ),
        ],
    )


def _remembered(found: Evidence) -> set[str]:
    """Return the records that were settled at the crash as far as Kafka knew."""
    settled: set[str] = set()
    for partition, position in found.at_crash.items():
        checkpoint = decode(position.metadata, position.offset)
        beyond = checkpoint.settled if checkpoint else b""
        offsets = [*range(position.offset)]
        offsets += [offset for offset, flag in enumerate(beyond, position.offset) if flag]
        settled.update(f"{found.topic}/{partition}/{offset}" for offset in offsets)
    return settled & found.written.keys()


def jobs_in(positions: Mapping[int, Position]) -> int:
    """Return how many unfinished jobs the checkpoints name; one may be about several partitions."""
    checkpoints = [decode(position.metadata, position.offset) for position in positions.values()]
    return len({job.request_id for each in checkpoints if each for job in each.jobs})


def _offsets(found: Evidence) -> Check:
    lag = sum(end - found.at_end[partition].offset for partition, end in found.ends.items())
    there = sum(found.ends.values())
    agrees = lag == 0 and there == len(found.written)
    return Check("every record committed", agrees, f"{there:,} records, lag {lag:,}")


def _records(found: Evidence, before: int, after: int) -> Check:
    agrees = before + after == len(found.written)
    words = f"{before:,} committed before the crash + {after:,} settled after it = {before + after:,}"
    return Check(f"every one of {len(found.written):,} records settled", agrees, words)


def _letters(found: Evidence, doubled: set[str]) -> Check:
    expected = {source: event.refused for source, event in found.written.items() if event.refused}
    stored = dict(found.letters)
    wrong = [
        f"{source}: {stored.get(source, 'none')} instead of {expected.get(source, 'none')}"
        for source in sorted(expected.keys() | stored.keys())
        if stored.get(source) != expected.get(source)
    ] + [f"{source}: twice" for source in sorted(doubled)]
    words = f"{len(stored):,} of {len(expected):,} expected, with their reasons"
    return Check("every refused record dead-lettered", not wrong, _with_examples(words, wrong))


def _skipped(found: Evidence, remembered: set[str], second: Mapping[str, int]) -> Check:
    """Tombstones: those that weren't committed at the crash are the second connector's."""
    tombstones = [source for source, event in found.written.items() if event.value is None]
    left = sum(source not in remembered for source in tombstones)
    skipped = second[RecordOutcome.SKIPPED]
    words = f"{len(tombstones):,} tombstones, {left:,} of them after the crash, {skipped:,} skipped then"
    return Check("every tombstone skipped", skipped == left, words)


def _tags(found: Evidence) -> Check:
    devices = found.expected_tags.keys() | found.found_tags.keys()
    wrong = [
        f"{name}: {found.found_tags.get(name)} instead of {found.expected_tags.get(name)}"
        for name in sorted(devices)
        if (found.found_tags.get(name) or {}) != (found.expected_tags.get(name) or {})
    ]
    words = f"{len(devices) - len(wrong):,} of {len(devices):,} devices"
    return Check("tags as if applied one by one, in order", not wrong, _with_examples(words, wrong))


def _with_examples(words: str, wrong: Sequence[str]) -> str:
    if not wrong:
        return words
    return f"{words}; {len(wrong):,} wrong, such as {'; '.join(wrong[:_EXAMPLES])}"
