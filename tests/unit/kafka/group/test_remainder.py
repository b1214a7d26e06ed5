"""What of the topics is left to others, up to where they ended at first."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_END, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.group.remainder import Remainder
from connector.model import TopicPartition

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


class Brokers:
    """Two topics; a test says where partitions begin and end, and what is committed."""

    def __init__(self) -> None:
        self.limits = {A0: (0, 10), A1: (3, 7), B0: (5, 5)}
        self.committed_offsets = {A0: 10, A1: 7}
        self.missing: set[str] = set()
        self.silent = False

    async def list_topics(self, topic: str, **_: float) -> Any:
        error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if topic in self.missing else None
        numbers = {place.partition: None for place in self.limits if place.topic == topic}
        return SimpleNamespace(topics={topic: SimpleNamespace(error=error, partitions=numbers)})

    async def offsets_for_times(
        self, places: Sequence[KafkaTopicPartition], **_: float
    ) -> list[KafkaTopicPartition]:
        limits = [self.limits[TopicPartition(each.topic, each.partition)] for each in places]
        return [
            KafkaTopicPartition(each.topic, each.partition, high if each.offset == OFFSET_END else low)
            for each, (low, high) in zip(places, limits, strict=True)
        ]

    async def committed(self, places: Sequence[KafkaTopicPartition], **_: float) -> list[Any]:
        if self.silent:
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        offsets = self.committed_offsets
        return [
            KafkaTopicPartition(each.topic, each.partition, offsets.get((each.topic, each.partition), -1001))  # type: ignore[call-overload]  # the key is a tuple
            for each in places
        ]

    def remainder(self, reset: str = "earliest") -> Remainder:
        return Remainder(lambda: cast("AIOConsumer", self), ["a", "b"], reset)


async def test_where_all_is_committed_nothing_is_left() -> None:
    remainder = Brokers().remainder()
    assert await remainder.note()
    assert await remainder.left([]) == []


async def test_what_is_not_committed_to_its_end_is_left_but_for_one_s_own() -> None:
    brokers = Brokers()
    brokers.committed_offsets = {A0: 9}
    remainder = brokers.remainder()
    assert await remainder.note()
    assert await remainder.left([]) == [A0, A1]
    assert await remainder.left([A1]) == [A0]
    brokers.committed_offsets = {A0: 10, A1: 7}
    assert await remainder.left([]) == []


async def test_records_that_are_gone_are_left_where_somebody_has_committed_before_them() -> None:
    brokers = Brokers()
    brokers.committed_offsets |= {B0: 3}
    remainder = brokers.remainder()
    assert await remainder.note()
    assert await remainder.left([]) == [B0]


async def test_the_end_is_where_it_was_at_first() -> None:
    brokers = Brokers()
    remainder = brokers.remainder()
    assert await remainder.note()
    brokers.limits = {A0: (0, 99), A1: (3, 99), B0: (5, 99)}
    assert await remainder.note()
    assert await remainder.left([]) == []
    assert remainder.ends == {A0: 10, A1: 7, B0: 5}


async def test_who_reads_from_the_end_leaves_nothing_where_nothing_was_committed() -> None:
    brokers = Brokers()
    brokers.committed_offsets = {A0: 9}
    remainder = brokers.remainder("latest")
    assert await remainder.note()
    assert await remainder.left([]) == [A0]


async def test_a_missing_topic_is_asked_about_until_it_is_there() -> None:
    brokers = Brokers()
    brokers.missing = {"b"}
    remainder = brokers.remainder()
    assert not await remainder.note()
    brokers.missing = set()
    assert await remainder.note()


async def test_a_missing_topic_does_not_keep_others_from_being_noted() -> None:
    brokers = Brokers()
    brokers.missing = {"a"}
    remainder = brokers.remainder()
    assert not await remainder.note()
    assert remainder.ends == {B0: 5}


@pytest.mark.parametrize("silent", [True, False])
async def test_brokers_that_do_not_answer_tell_nothing(silent: bool) -> None:
    brokers = Brokers()
    remainder = brokers.remainder()
    assert await remainder.note()
    brokers.silent = silent
    assert (await remainder.left([]) is None) is silent
