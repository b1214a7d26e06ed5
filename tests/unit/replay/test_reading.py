"""What the tool's group has committed, where two runs are at work."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.model import Position, TopicPartition
from connector.options import Failed
from connector.replay import reading
from connector.replay.reading import Reader
from tests.settings import with_environment

P0, P1 = TopicPartition("dead", 0), TopicPartition("dead", 1)


class Group:
    """The consumers of all runs, and what their group has committed."""

    def __init__(self, _properties: object = None) -> None:
        self.kept: dict[TopicPartition, Position] = {}

    def __call__(self, _properties: object) -> Group:
        return self

    def committed(self, asked: Sequence[KafkaTopicPartition], _limit: float) -> list[KafkaTopicPartition]:
        found = []
        for each in asked:
            kept = self.kept.get(TopicPartition(each.topic, each.partition), Position(-1001, ""))
            found.append(KafkaTopicPartition(each.topic, each.partition, kept.offset, metadata=kept.metadata))
        return found

    def commit(
        self, *, offsets: Sequence[KafkaTopicPartition], asynchronous: bool
    ) -> Sequence[KafkaTopicPartition]:
        assert not asynchronous
        for each in offsets:
            self.kept[TopicPartition(each.topic, each.partition)] = Position(each.offset, each.metadata or "")
        return offsets


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    made = Group()
    monkeypatch.setattr(reading, "Consumer", made)
    return made


def run() -> Reader:
    """A run that has read where the group stands."""
    reader = Reader(with_environment().kafka)
    reader.committed([P0, P1])
    return reader


def test_one_run_commits_as_often_as_it_likes(group: Group) -> None:
    group.kept[P0] = Position(3, "")
    one = run()
    for position in (Position(5, ""), Position(5, "7"), Position(9, "")):
        one.commit({P0: position, P1: position})
        assert group.kept == {P0: position, P1: position}


@pytest.mark.parametrize("before", [{}, {P0: Position(1, "")}])
def test_of_two_runs_at_once_the_one_that_comes_late_stops_and_undoes_nothing(
    group: Group, before: dict[TopicPartition, Position]
) -> None:
    group.kept.update(before)
    first, second = run(), run()
    first.commit({P0: Position(5, "")})
    for _ in range(2):
        with pytest.raises(Failed, match="another replay"):
            second.commit({P0: Position(2, "")})
    first.commit({P0: Position(6, "")})
    assert group.kept == {P0: Position(6, "")}


def test_a_later_run_goes_on_where_the_earlier_one_was(group: Group) -> None:
    run().commit({P0: Position(5, "")})
    run().commit({P0: Position(8, "")})
    assert group.kept == {P0: Position(8, "")}
