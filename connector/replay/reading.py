"""Reads topics from here to there, as one who is in no group: nobody's partitions move because of it.

The group of the tool, `<kafka.group_id>-dead-letters-replay`, has no members. It only keeps which letters
were sent again: see `connector.replay.progress`.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from connector.kafka.clients.given import to_admin, to_consumer
from connector.kafka.clients.properties import consumer_properties
from connector.kafka.errors import ERRORS, error_in
from connector.kafka.group.sorting import sort
from connector.kafka.troubles import code_of
from connector.model import Fetched, Position, TopicPartition
from connector.options import Failed
from connector.replay.failed import failure
from connector.settings import Kafka

SILENCE_LIMIT = 20.0
"""Seconds that a broker may be silent: longer than a transaction that somebody left open lives."""
MOST_RECORDS = 5000
"""Records of one fetch."""
ANOTHER_RUN = (
    "another replay has sent letters meanwhile: two at once would send them twice, so this one stops; wait "
    "for the other's end"
)
"""What is said where two runs are at work."""
_TURN = 2.0
"""Seconds of one question for committed offsets."""
_WAIT = 0.05
"""Seconds of one fetch: it takes them all unless it is full."""
_MEMBERS_ONLY = (
    "group.instance.id",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "statistics.interval.ms",
)


class Watermarks(NamedTuple):
    """Where a partition begins and ends, as a reader of committed records sees it."""

    low: int
    high: int


def replay_group(kafka: Kafka) -> str:
    """Name the group that remembers what was sent again."""
    return f"{kafka.group_id}-dead-letters-replay"


class Reader:
    """One consumer, in no group. `check` is called now and then and may raise to end everything."""

    def __init__(self, kafka: Kafka, check: Callable[[], None] = lambda: None) -> None:
        self.group = replay_group(kafka)
        given = {name: value for name, value in to_consumer(kafka).items() if name not in _MEMBERS_ONLY}
        properties, _ = consumer_properties({**given, "group.id": self.group})
        self._errors: list[KafkaError] = []
        properties |= {"statistics.interval.ms": 0, "error_cb": self._errors.append}
        if "queued.max.messages.kbytes" not in given:
            properties["queued.max.messages.kbytes"] = 8192  # read ahead; several of these are open at once
        if "fetch.wait.max.ms" not in given:
            properties["fetch.wait.max.ms"] = 20  # so long the news takes that there is nothing more
        self._check = check
        self._consumer = Consumer(properties)
        self._standing: dict[TopicPartition, Position] = {}
        """What the tool's group had committed when that was read, or what was committed here since."""
        self._group_mend = {
            "group_authorization": f"grant READ on group {self.group}: it keeps what was sent again"
        }

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def watermarks(self, topic: str) -> dict[int, Watermarks] | None:
        """Return where each partition begins and ends; None for a topic that isn't there."""
        mends = _read_mends(topic)
        doing = f"topic {topic}"
        try:
            found = self._consumer.list_topics(topic, SILENCE_LIMIT).topics[topic]
            if found.error is not None:
                if code_of(found.error) == "topic_missing":
                    return None
                raise failure(doing, found.error, mends)
            return {
                number: Watermarks(
                    *self._consumer.get_watermark_offsets(KafkaTopicPartition(topic, number), SILENCE_LIMIT)
                )
                for number in sorted(found.partitions)
            }
        except ERRORS as error:
            raise failure(doing, error, mends) from error

    def offsets_at(self, topic: str, numbers: Collection[int], since: int) -> dict[int, int]:
        """Return the first offset of each partition whose record is of this time (ms) or later, if any."""
        asked = [KafkaTopicPartition(topic, number, since) for number in numbers]
        try:
            found = self._consumer.offsets_for_times(asked, SILENCE_LIMIT)
            for one in found:
                if one.error is not None:
                    raise failure(f"topic {topic}", one.error, _read_mends(topic))
        except ERRORS as error:
            raise failure(f"topic {topic}", error, _read_mends(topic)) from error
        return {one.partition: one.offset for one in found if one.offset >= 0}

    def start(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from now on, each from its offset."""
        self._consumer.assign([KafkaTopicPartition(*place, offset) for place, offset in starts.items()])

    def read(
        self, reached: dict[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[Fetched]:
        """Read on to these ends; `reached` is moved on by what was read."""
        heard = time.monotonic()
        while any(reached[place] < end for place, end in ends.items()):
            self._check()
            try:
                messages = self._consumer.consume(MOST_RECORDS, _WAIT)
            except ERRORS as error:
                raise failure("reading", error) from error
            found = sort(messages)
            for place, gone in found.misplaced:
                raise Failed(
                    f"reading {place.topic}/{place.partition}: {gone.str()}; records were deleted while they "
                    "were read: run the command again"
                )
            for told, topic in found.errors:
                if code_of(told) in ("topic_authorization", "topic_missing"):
                    raise failure(
                        f"topic {topic}", told, {"topic_authorization": f"grant READ on topic {topic}"}
                    )
            if found.fetched:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_LIMIT:
                raise self._silence(reached, ends)
            for part in found.fetched:
                after = part.records[-1].offset() + 1 if part.records else 0
                reached[part.partition] = max(reached[part.partition], after, part.end or 0)
                yield part

    def _silence(self, reached: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> Failed:
        place = next(place for place, end in ends.items() if reached[place] < end)
        doing = f"reading {place.topic}/{place.partition}: nothing came for {SILENCE_LIMIT:g} s"
        if self._errors:
            return failure(doing, self._errors[-1])
        return Failed(f"{doing}; look at the broker that leads this partition")

    def committed(self, places: Collection[TopicPartition]) -> dict[TopicPartition, Position]:
        """Return what the tool's group has committed of these.

        Asked in short turns: librdkafka keeps on asking where it is denied, and tells that beside the answer.
        """
        asked = [KafkaTopicPartition(*place) for place in places]
        deadline = time.monotonic() + SILENCE_LIMIT
        while True:
            self._check()
            try:
                found = self._consumer.committed(asked, _TURN)
                break
            except ERRORS as error:
                denied = self._denial()
                if denied is not None or not _timed_out(error) or time.monotonic() >= deadline:
                    raise failure(f"group {self.group}", denied or error, self._group_mend) from error
        for one in found:
            if one.error is not None:
                raise failure(f"group {self.group}", one.error, self._group_mend)
        self._standing = _positions(found)
        return dict(self._standing)

    def _denial(self) -> KafkaError | None:
        """Return what librdkafka was told about the group meanwhile, if that is a refusal."""
        told = [message.error() for message in self._consumer.consume(100, 0)]
        for error in (*self._errors, *told):
            if error is not None and code_of(error) is not None:
                return error
        return None

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit these for the tool's group, and wait for the broker.

        Raises Failed where another run has committed since: these would undo its progress.
        """
        try:
            asked = [KafkaTopicPartition(*place) for place in positions]
            now = _positions(self._consumer.committed(asked, SILENCE_LIMIT))
            if any(now.get(place) != self._standing.get(place) for place in positions):
                raise Failed(ANOTHER_RUN)
            done = self._consumer.commit(offsets=as_offsets(positions), asynchronous=False)
            for one in done or ():
                if one.error is not None:
                    raise failure(f"group {self.group}", one.error, self._group_mend)
        except ERRORS as error:
            raise failure(f"group {self.group}", error, self._group_mend) from error
        self._standing.update(positions)

    def group_metadata(self) -> Any:
        """Return what a transaction needs to commit offsets for the tool's group."""
        return self._consumer.consumer_group_metadata()


def _read_mends(topic: str) -> dict[str, str]:
    return {"topic_authorization": f"grant READ on topic {topic}"}


def _positions(found: Collection[KafkaTopicPartition]) -> dict[TopicPartition, Position]:
    return {
        TopicPartition(one.topic, one.partition): Position(one.offset, one.metadata or "")
        for one in found
        if one.error is None and one.offset >= 0
    }


def _timed_out(error: BaseException) -> bool:
    found = error_in(error)
    return found is not None and found.code() == KafkaError._TIMED_OUT


def running_members(kafka: Kafka) -> int:
    """Count who is in the connector's own group; 0 where the brokers don't tell."""
    silent = logging.getLogger("connector.kafka.librdkafka.admin")
    properties: dict[str, Any] = {**to_admin(kafka), "logger": silent}
    admin: Any = AdminClient(properties)
    try:
        asked = admin.describe_consumer_groups([kafka.group_id], request_timeout=SILENCE_LIMIT)
        return len(asked[kafka.group_id].result(SILENCE_LIMIT + 1).members)
    except (*ERRORS, TimeoutError):
        return 0


def as_offsets(positions: Mapping[TopicPartition, Position]) -> list[KafkaTopicPartition]:
    """Return positions as the binding wants them."""
    return [
        KafkaTopicPartition(place.topic, place.partition, position.offset, metadata=position.metadata)
        for place, position in positions.items()
    ]
