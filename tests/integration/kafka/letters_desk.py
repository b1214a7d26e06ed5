"""A writer of dead letters before a real topic, and what was told of it."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.troubles import Phase, Trouble
from connector.model import Letter, Reason, Rejection, TopicPartition
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka
from tests.records import ARecord

Delivery = Literal["exactly_once", "at_least_once"]


def source(value: bytes | None = b"value", **more: Any) -> ARecord:
    return ARecord(value, **{"key": b"key", "place": TopicPartition("source", 3), "offset": 5, **more})


def letter(record: ARecord | None = None, detail: str = "no such device") -> Letter:
    rejection = Rejection(Reason.DEVICE_NOT_FOUND, detail, request_id="r-1")
    return Letter(record or source(), rejection, attempts=2)


def noise(size: int) -> bytes:
    """Bytes that no compression makes fewer."""
    return random.Random(1).randbytes(size)


class Desk(NamedTuple):
    letters: DeadLetters
    troubles: list[Trouble]

    def told(self, code: str, phase: Phase = Phase.BEGAN) -> bool:
        return any(t.code == code and t.phase is phase for t in self.troubles)


@asynccontextmanager
async def desk(
    kafka: Kafka,
    topic: str,
    *,
    delivery: Delivery = "exactly_once",
    name: str | None = None,
) -> AsyncIterator[Desk]:
    troubles: list[Trouble] = []
    letters = DeadLetters(
        {"bootstrap.servers": kafka.bootstrap},
        topic,
        "the-group",
        delivery,
        name or kafka.name("transactional"),
        "the-connector",
        troubles.append,
        time.monotonic,
    )
    await letters.start()
    try:
        yield Desk(letters, troubles)
    finally:
        await letters.close()


async def owner(kafka: Kafka, stack: Any, records: int = 10) -> tuple[Member, str, TopicPartition]:
    """A member that owns a source partition: what a transaction needs to carry its offsets."""
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(None, b"v")] * records)
    member = await stack.enter_async_context(Member(kafka.bootstrap, group, [topic]))
    await member.until(lambda: member.starts)
    return member, group, TopicPartition(topic, 0)
