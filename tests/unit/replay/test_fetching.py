"""Letters that are read again, found by where they lie."""

from __future__ import annotations

from collections import deque

from connector.model import TopicPartition
from connector.replay.fetching import runs
from tests.unit.replay.letters import DEAD


def test_letters_close_to_each_other_are_read_in_one_go() -> None:
    other = TopicPartition("dead", 1)
    spots = [(DEAD, 7), (DEAD, 400), (other, 5), (DEAD, 3), (DEAD, 100_000)]

    assert runs(spots) == {DEAD: deque([(3, 400), (100_000, 100_000)]), other: deque([(5, 5)])}
