"""Asks the brokers where to begin: committed offsets with their metadata, and the log's watermarks."""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from confluent_kafka import OFFSET_END, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.errors import error_in
from connector.kafka.group.start_decision import StartDecision, decide_start
from connector.kafka.stuck import KeptBack
from connector.kafka.troubles import DATA_LOSS, Troubles
from connector.model import Position, TopicPartition

CALL_LIMIT = 2.0
"""Seconds for one question to a broker."""
MOST_SILENT = 2
"""Questions without an answer after which no more are asked in one round."""
_SILENCE = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT})
_WITHOUT_LEADER = frozenset(
    {KafkaError._UNKNOWN_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
)
"""Errors about a partition that was assigned, and so exists: they mean that no broker that has it is up."""


class StartLookup:
    """Finds where partitions begin, and reports what keeps it from that.

    `client` returns the consumer, whose `properties` are given. `reset` is the user's auto.offset.reset,
    `clock` is monotonic.
    """

    def __init__(
        self,
        client: Callable[[], AIOConsumer],
        properties: Mapping[str, Any],
        troubles: Troubles,
        clock: Callable[[], float],
        *,
        reset: str,
        on_data_loss: str,
    ) -> None:
        self._client = client
        self._kept_back = KeptBack(properties, clock)
        self._troubles = troubles
        self._reset = reset
        self._on_data_loss = on_data_loss
        self._silent: set[TopicPartition] = set()
        """Partitions about which the last question had no answer."""

    @property
    def hanging(self) -> bool:
        """Whether a partition's leader did not answer when it was asked about last."""
        return bool(self._silent)

    def silent(self, partition: TopicPartition) -> bool:
        """Whether nobody answered when this partition was asked about last."""
        return partition in self._silent

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these partitions: they are somebody else's to ask about."""
        self._silent.difference_update(partitions)
        self._kept_back.forget(partitions)

    async def find(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, StartDecision]:
        """Find where each partition begins; those without an answer in time are left out.

        After `MOST_SILENT` questions without an answer the rest is left out, too: a broker that hangs may
        have many partitions. The next time the rest comes first.
        """
        unanswered = 0
        try:
            committed = await self._committed(sorted(partitions, key=self._silent.__contains__))
        except KafkaException as exception:
            self._unavailable(exception)
            return {}
        found: dict[TopicPartition, StartDecision] = {}
        for one in committed:
            if unanswered == MOST_SILENT:
                break
            partition = TopicPartition(one.topic, one.partition)
            position = Position(one.offset, one.metadata or "") if one.offset >= 0 else None
            try:
                if one.error is not None:
                    raise KafkaException(one.error)  # noqa: TRY301 -- one way out for both questions
                watermarks = await self.watermarks(partition)
            except KafkaException as exception:
                self._unavailable(exception, partition)
                unanswered += partition in self._silent
            else:
                found[partition] = self._decide(partition, position, watermarks)
        if len(found) == len(partitions):
            self._troubles.works(("offsets_unavailable",))
        return found

    async def _committed(self, partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
        """Read committed offsets: all of them, or those that are stuck (`KeptBack`). Raises KafkaException.

        librdkafka returns none of them as long as a transaction keeps one back.
        """
        asked = [KafkaTopicPartition(p.topic, p.partition) for p in partitions]
        try:
            found: list[KafkaTopicPartition] = await self._client().committed(asked, timeout=CALL_LIMIT)
        except KafkaException:
            found = await self._kept_back.stuck(partitions)
            if not found:
                raise
            return found
        self._kept_back.free()
        return found

    async def find_again(
        self, partition: TopicPartition, offset: int, error: KafkaError
    ) -> StartDecision | None:
        """Find where to go on after `error` at `offset`; None if the broker doesn't answer."""
        try:
            watermarks = await self.watermarks(partition)
        except KafkaException as exception:
            self._unavailable(exception, partition)
            return None
        self._troubles.works(("offsets_unavailable",))
        found = self._decide(partition, Position(offset, ""), watermarks)
        if found.trouble or error.code() != KafkaError._LOG_TRUNCATION:
            return found  # without a trouble: a new leader was not ready yet, go on at the same offset
        message = f"{name(partition)}: {error.str()}"
        return found._replace(trouble=DATA_LOSS, message=message, halted=self._on_data_loss == "halt")

    async def watermarks(self, partition: TopicPartition) -> tuple[int, int]:
        """Ask for the low and high watermark: the log's first offset and its end. Raises KafkaException."""
        place = KafkaTopicPartition(partition.topic, partition.partition)
        try:
            low, high = await self._client().get_watermark_offsets(place, timeout=CALL_LIMIT)
        except KafkaException as exception:
            error = error_in(exception)
            if error is not None and error.code() in _SILENCE:
                self._silent.add(partition)
            raise
        self._silent.discard(partition)
        self._troubles.works(("no_leader",), name(partition))
        return low, high

    async def ends_of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask where these end, all at once. Raises KafkaException."""
        return await offsets_at(self._client(), partitions, OFFSET_END)

    def _decide(
        self, partition: TopicPartition, position: Position | None, watermarks: tuple[int, int]
    ) -> StartDecision:
        return decide_start(
            position, *watermarks, reset=self._reset, on_data_loss=self._on_data_loss, where=name(partition)
        )

    def _unavailable(self, exception: KafkaException, partition: TopicPartition | None = None) -> None:
        error = error_in(exception)
        if error is not None and partition is not None and error.code() in _WITHOUT_LEADER:
            self._troubles.notice("no_leader", f"{name(partition)}: {error.str()}", name(partition))
            return
        if error is not None:
            self._troubles.notice_error(error)
        self._troubles.notice("offsets_unavailable", error.str() if error else str(exception))


def name(partition: TopicPartition) -> str:
    """Write a partition as messages name it."""
    return f"{partition.topic}/{partition.partition}"


async def offsets_at(
    client: AIOConsumer, partitions: Collection[TopicPartition], where: int
) -> dict[TopicPartition, int]:
    """Ask for the first offsets of logs (`OFFSET_BEGINNING`) or their ends (`OFFSET_END`) in one go.

    Partitions without such an offset are left out. Raises KafkaException if one got no answer.
    """
    asked = [KafkaTopicPartition(p.topic, p.partition, where) for p in partitions]
    found = await client.offsets_for_times(asked, timeout=CALL_LIMIT) if asked else []
    for one in found:
        if one.error is not None:
            raise KafkaException(one.error)
    return {TopicPartition(one.topic, one.partition): one.offset for one in found if one.offset >= 0}
