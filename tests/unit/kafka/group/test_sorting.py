"""Messages sorted by partition: order kept, ends, misplaced offsets and errors told apart."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from connector.kafka.group.sorting import sort
from connector.model import TopicPartition


def message(partition: int, offset: int, topic: str = "t", error: int | None = None) -> Message:
    failure = None if error is None else KafkaError(error, "why")
    return Message(topic=topic, partition=partition, offset=offset, value=b"v", error=failure)


def test_runs_of_one_partition_are_put_together_in_order() -> None:
    messages = [message(0, 1), message(0, 2), message(1, 7), message(0, 5), message(1, 9)]
    found = sort(messages)
    assert [(f.partition, [r.offset() for r in f.records], f.end) for f in found.fetched] == [
        (TopicPartition("t", 0), [1, 2, 5], None),
        (TopicPartition("t", 1), [7, 9], None),
    ]
    assert (found.misplaced, found.errors) == ([], [])


def test_the_same_partition_number_of_two_topics_is_two_partitions() -> None:
    found = sort([message(0, 1, "a"), message(0, 1, "b")])
    assert [f.partition.topic for f in found.fetched] == ["a", "b"]


def test_an_end_goes_with_its_partition_or_stands_alone() -> None:
    eof = KafkaError._PARTITION_EOF
    messages = [message(0, 3), message(0, 6, error=eof), message(1, 9, error=eof)]
    found = sort(messages)
    assert [(f.partition.partition, len(f.records), f.end) for f in found.fetched] == [(0, 1, 6), (1, 0, 9)]


def test_offsets_outside_the_log_and_other_errors_are_not_records() -> None:
    messages = [
        message(2, 4, error=KafkaError._AUTO_OFFSET_RESET),
        message(0, 1),
        message(-1, -1001, error=KafkaError.TOPIC_AUTHORIZATION_FAILED),
    ]
    found = sort(messages)
    assert [f.partition.partition for f in found.fetched] == [0]
    assert [(p, e.code()) for p, e in found.misplaced] == [
        (TopicPartition("t", 2), KafkaError._AUTO_OFFSET_RESET)
    ]
    assert [(e.code(), topic) for e, topic in found.errors] == [(KafkaError.TOPIC_AUTHORIZATION_FAILED, "t")]
