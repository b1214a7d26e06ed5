"""Which partitions the group has not committed yet, whoever owns them: for `--until-end`.

Given: the topics. Gives: those partitions that are not committed as far as they went when this was first
asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.group.start_lookup import CALL_LIMIT, offsets_at
from connector.model import TopicPartition


class Remainder:
    """The work left in all topics. `client` returns the consumer, `reset` is its auto.offset.reset."""

    def __init__(self, client: Callable[[], AIOConsumer], topics: Sequence[str], reset: str) -> None:
        self._client = client
        self._unknown = list(topics)
        self._from_the_end = reset == "latest"
        self.ends: dict[TopicPartition, int] = {}
        """Where each partition ended."""
        self._begins: dict[TopicPartition, int] = {}

    async def note(self) -> bool:
        """Note where each partition ends, once; return whether all are known.

        A topic that is missing holds up no other: where these end would be noted after they were assigned,
        and this member then wait for more than their owner reads.
        """
        try:
            for topic in list(self._unknown):
                await self._note(topic)
        except KafkaException:  # the consumer reports what is wrong when it meets it
            return False
        return not self._unknown

    async def _note(self, topic: str) -> None:
        found = (await self._client().list_topics(topic, timeout=CALL_LIMIT)).topics[topic]
        if found.error is not None:
            return
        partitions = [TopicPartition(topic, number) for number in found.partitions]
        self._begins |= await offsets_at(self._client(), partitions, OFFSET_BEGINNING)
        self.ends |= await offsets_at(self._client(), partitions, OFFSET_END)
        self._unknown.remove(topic)

    async def left(self, own: Collection[TopicPartition]) -> list[TopicPartition] | None:
        """Return the partitions, without our own, that are not committed to their end. None: no answer.

        One without a committed offset counts if it would be read from its beginning and has something there.
        One with a committed offset before its end counts though nothing is left of it: records are lost.
        """
        asked = [KafkaTopicPartition(p.topic, p.partition) for p in self.ends if p not in own]
        try:
            committed = await self._client().committed(asked, timeout=CALL_LIMIT) if asked else []
        except KafkaException:
            return None
        left = []
        for one in committed:
            partition = TopicPartition(one.topic, one.partition)
            empty = self._begins.get(partition, 0) >= self.ends[partition]
            nothing_to_read = one.offset < 0 and (self._from_the_end or empty)
            if one.error is not None or (one.offset < self.ends[partition] and not nothing_to_read):
                left.append(partition)
        return left
