"""A member of a group between a fake consumer and a listener that keeps what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import pytest
from confluent_kafka import KafkaError

from connector.kafka.group import source as module
from connector.kafka.group.source import Source
from connector.kafka.troubles import Phase, Trouble
from connector.model import Fetched, Position, Start, TopicPartition
from tests.unit.kafka.consumer import FakeConsumer, theirs

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)
BUSY = KafkaError(KafkaError._NO_OFFSET, "the coordinator moves")


class Member:
    """`now` is the source's clock; `hand_over` what the listener wants committed last."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        topics: Sequence[str] = ("t",),
        on_data_loss: Literal["halt", "continue"] = "halt",
        **properties: str,
    ) -> None:
        self.consumer = FakeConsumer()
        monkeypatch.setattr(module, "AIOConsumer", self._made)
        self.now = 0.0
        self.starts: list[Start] = []
        self.revocations: list[list[TopicPartition]] = []
        self.losses: list[list[TopicPartition]] = []
        self.troubles: list[Trouble] = []
        self.hand_over: dict[TopicPartition, Position] = {}
        dotted = {name.replace("_", "."): value for name, value in properties.items()}
        self.source = Source({"group.id": "g", **dotted}, topics, self, on_data_loss, lambda: self.now)

    def _made(self, properties: Mapping[str, Any]) -> FakeConsumer:
        self.consumer.properties = dict(properties)
        return self.consumer

    # -- the listener ----------------------------------------------------------------------

    async def assigned(self, starts: Sequence[Start]) -> None:
        self.starts += starts

    async def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position]:
        self.revocations.append(list(partitions))
        return self.hand_over

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.losses.append(list(partitions))

    def trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)

    # -- what a test does --------------------------------------------------------------------

    async def given(self, *partitions: TopicPartition) -> None:
        """The group gives it these."""
        if not self.consumer.given:
            await self.source.start()
        await self.consumer.given["on_assign"](self.consumer, theirs(partitions))

    async def robbed(self, *partitions: TopicPartition) -> None:
        """The group takes these away, in order."""
        await self.consumer.given["on_revoke"](self.consumer, theirs(partitions))

    async def shut_out(self, *partitions: TopicPartition) -> None:
        """The group has gone on without it."""
        await self.consumer.given["on_lost"](self.consumer, theirs(partitions))

    async def look(self) -> list[Fetched]:
        """Fetch once the time has come to look at what isn't in order."""
        self.now += module.LOOK_EVERY
        return await self.fetch()

    async def fetch(self) -> list[Fetched]:
        return await self.source.fetch(100, 0.0)

    async def statistics(self, text: str) -> None:
        await cast("Any", self.consumer.properties["stats_cb"])(text)

    async def error(self, error: Any) -> None:
        await cast("Any", self.consumer.properties["error_cb"])(error)

    def told(self, code: str) -> list[Phase]:
        return [trouble.phase for trouble in self.troubles if trouble.code == code]


async def owning(monkeypatch: pytest.MonkeyPatch, **properties: str) -> Member:
    """Make a member that owns both partitions."""
    member = Member(monkeypatch, **properties)  # type: ignore[arg-type]  # properties only
    member.consumer.log = {P0: (0, 9), P1: (0, 9)}
    await member.given(P0, P1)
    return member
