"""Whether reading can begin where the group has committed: what `check` says of that.

Asked by a consumer that subscribes to nothing, so it is in no group, whose members notice nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.finding import Finding, Grade
from connector.kafka.clients.given import to_consumer
from connector.kafka.clients.properties import consumer_properties
from connector.kafka.errors import ERRORS
from connector.kafka.group.start_decision import StartDecision, decide_start
from connector.kafka.librdkafka_messages import LibrdkafkaMessages
from connector.model import Position, TopicPartition
from connector.settings import Kafka


def start_findings(kafka: Kafka, patience: float) -> Iterator[Finding]:
    """Yield why `run` won't read a partition from where it was committed, if so.

    Yields nothing where that can't be asked: other findings say why. `patience` is the limit of each
    question, in seconds.
    """
    properties, reset = consumer_properties(to_consumer(kafka))
    # Of an open transaction nothing is waited for: where it was committed before tells enough.
    properties |= {"statistics.interval.ms": 0, "isolation.level": "read_uncommitted"}
    consumer = Consumer({**properties, "logger": LibrdkafkaMessages().logger})
    try:
        with contextlib.suppress(*ERRORS):
            consumer.poll(0)  # serves a first token, where librdkafka makes it itself
            there = consumer.list_topics(timeout=patience).topics
            places = [
                TopicPartition(topic, number)
                for topic in kafka.contents
                if topic in there
                for number in there[topic].partitions
            ]
            found = _asked(consumer, places, patience)
            finding = judged(kafka.group_id, *found, reset, kafka.on_data_loss)
            if finding is not None:
                yield finding
    finally:
        consumer.close()


def _asked(
    consumer: Consumer, places: Collection[TopicPartition], patience: float
) -> tuple[dict[TopicPartition, Position], dict[TopicPartition, tuple[int, int]]]:
    """Return what is committed, and where logs begin and end. Raises KafkaException."""
    committed = consumer.committed([KafkaTopicPartition(*place) for place in places], timeout=patience)
    low, high = (
        consumer.offsets_for_times([KafkaTopicPartition(*place, at) for place in places], timeout=patience)
        for at in (OFFSET_BEGINNING, OFFSET_END)
    )
    positions = {
        _place(one): Position(one.offset, one.metadata or "") for one in committed if one.offset >= 0
    }
    both = [each for each in zip(low, high, strict=True) if each[0].offset >= 0 and each[1].offset >= 0]
    bounds = {_place(one): (one.offset, end.offset) for one, end in both if one.error is end.error is None}
    return positions, bounds


def _place(one: KafkaTopicPartition) -> TopicPartition:
    return TopicPartition(one.topic, one.partition)


def judged(
    group: str,
    committed: Mapping[TopicPartition, Position],
    bounds: Mapping[TopicPartition, tuple[int, int]],
    reset: str,
    on_data_loss: str,
) -> Finding | None:
    """Judge as `run` does; `bounds` are the first offset and the end of each partition's log."""
    decisions: list[StartDecision] = [
        decide_start(
            committed.get(place),
            *found,
            reset=reset,
            on_data_loss=on_data_loss,
            where=f"{place.topic}/{place.partition}",
        )
        for place, found in bounds.items()
    ]
    troubled = sorted((one for one in decisions if one.trouble), key=lambda one: not one.halted)
    if not troubled:
        return None
    first, *others = troubled
    more = f"; and so of {len(others)} other partition{'' if len(others) == 1 else 's'}" if others else ""
    grade = Grade.PROBLEM if first.halted else Grade.WARNING
    return Finding(f"start of group {group}", grade, first.words + more, first.mend)
