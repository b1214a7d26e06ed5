"""Letters that are owed, as tests of them begin."""

from __future__ import annotations

from connector.core.assigned.assignment import Assignment
from connector.core.backoff import Backoff
from connector.core.settling.holds import Hold
from connector.core.settling.owed import Owed, OwedLetters
from connector.model import Letter, Rejection, TopicPartition
from tests.unit.core.builders import P0, UNDECODABLE, record, tags

SURE = 100
"""Offsets that any checkpoint remembers."""
NO_JITTER = 0.0
FIRST_DELAY = 0.25
"""After the first failure, without jitter: half of what the backoff begins with."""


def partition(where: TopicPartition = P0) -> Assignment:
    assignment = Assignment(where, 0)
    assignment.offsets.received(range(1001), [0] * 1001)
    return assignment


def letter(
    assignment: Assignment,
    offset: int,
    *,
    size: int = 1,
    since: float = 0.0,
    rejection: Rejection = UNDECODABLE,
    hold: Hold | None = None,
) -> Owed:
    source = record(offset, partition=assignment.partition)
    return Owed(Letter(source, rejection), assignment, "tags", size, since, hold)


def owing(*letters: Owed) -> OwedLetters:
    letters_owed = OwedLetters(Backoff(0.5, 30.0))
    for each in letters:
        letters_owed.add(each)
    return letters_owed


def take(owed: OwedLetters, now: float = 0.0, *, at_once: bool = False) -> list[int]:
    """Take what may be written; return the offsets."""
    return [each.offset for each in owed.take(now, SURE, at_once=at_once)]


def hold() -> Hold:
    return Hold(tags(0))
