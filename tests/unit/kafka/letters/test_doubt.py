"""When there is a doubt about the last transaction, which one it is about, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.letters import doubt as module
from connector.kafka.letters.doubt import Committed, Doubt
from tests.unit.core.builders import P0

LETTER: Any = None
POSITIONS = [KafkaTopicPartition(P0.topic, P0.partition, 5)]
FIRST = Committed([(LETTER, 0)], POSITIONS)
SECOND = Committed([(LETTER, 1)], POSITIONS)


def committed(doubt: Doubt, transaction: Committed = FIRST) -> None:
    with doubt.ending(transaction):
        pass


def doubted(doubt: Doubt) -> bool:
    return doubt.there


def test_a_connection_that_is_lost_after_a_commit_is_a_doubt_and_one_before_it_is_none() -> None:
    doubt = Doubt()
    doubt.connection_lost()
    assert not doubted(doubt)
    committed(doubt)
    assert not doubted(doubt)
    doubt.connection_lost()
    assert doubted(doubt)
    assert doubt.partitions == {P0}


def test_the_next_transaction_ends_the_doubt_if_it_has_positions() -> None:
    doubt = Doubt()
    committed(doubt)
    doubt.connection_lost()
    committed(doubt, Committed([(LETTER, 0)], []))
    assert doubted(doubt)
    committed(doubt, SECOND)
    assert not doubted(doubt)
    assert doubt.partitions == set()


def test_a_connection_lost_while_the_outcome_is_awaited_leaves_that_commit_in_doubt() -> None:
    doubt = Doubt()
    with doubt.ending(FIRST):
        doubt.connection_lost()
    assert doubted(doubt)


def test_a_commit_that_fails_leaves_the_doubt_with_the_one_before_if_that_was_in_doubt() -> None:
    doubt = Doubt()
    with pytest.raises(OSError, match="lost"), doubt.ending(FIRST):
        raise OSError("lost")
    assert doubted(doubt)
    assert doubt.last == FIRST
    with pytest.raises(OSError, match="lost"), doubt.ending(SECOND):
        raise OSError("lost")
    assert doubt.last == FIRST
    committed(doubt)
    with pytest.raises(OSError, match="lost"), doubt.ending(SECOND):
        raise OSError("lost")
    assert doubt.last == SECOND


@pytest.mark.parametrize(
    ("answer", "incomplete"),
    [([4], True), ([-1001], True), ([5], False), ([6], False), ([], False)],
    ids=["before", "nothing committed", "there", "beyond", "no answer"],
)
def test_it_is_incomplete_if_the_group_stands_before_its_positions(
    monkeypatch: pytest.MonkeyPatch, answer: list[int], incomplete: bool
) -> None:
    answers = [KafkaTopicPartition(P0.topic, P0.partition, offset) for offset in answer]
    monkeypatch.setattr(module, "committed_regardless", lambda *_: answers)
    doubt = Doubt()
    committed(doubt)
    doubt.connection_lost()
    assert doubt.incomplete({}, "group") is incomplete
    doubt.end()
    assert not doubted(doubt)
    assert not doubt.incomplete({}, "group")


@pytest.mark.parametrize(
    ("answer", "incomplete"),
    [([4, 7], True), ([5, 7], False), ([4, 8], False), ([4], False)],
    ids=["one before", "there", "one beyond", "one not told"],
)
def test_a_position_that_only_says_more_of_jobs_does_not_tell_whether_it_is_there(
    monkeypatch: pytest.MonkeyPatch, answer: list[int], incomplete: bool
) -> None:
    def positions(*offsets: int) -> list[KafkaTopicPartition]:
        return [KafkaTopicPartition(P0.topic, number, offset) for number, offset in enumerate(offsets)]

    monkeypatch.setattr(module, "committed_regardless", lambda *_: positions(*answer))
    doubt = Doubt()
    committed(doubt, Committed([(LETTER, 0)], positions(5, 7)))
    doubt.connection_lost()
    assert doubt.incomplete({}, "group") is incomplete
