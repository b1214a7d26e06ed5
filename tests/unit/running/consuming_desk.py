"""Kafka's side between its engine and fakes of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from connector.core.actions import Commit, Pause, Resume
from connector.core.engine import Engine
from connector.core.reading.decode import Interpreter
from connector.kafka.group.source import Source
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.troubles import Trouble
from connector.model import Content, Fetched, Record, Start, TagsUpdate, TopicPartition
from connector.pulse import Clock, Pulse
from connector.running.kafka_side import KafkaSide
from tests.unit.core.builders import P0, limits, record
from tests.unit.fakes import FakeLetters, FakeSource


def fetched(offset: int, count: int = 1, partition: TopicPartition = P0, end: int | None = None) -> Fetched:
    """Records about a device each."""
    offsets = range(offset, offset + count)
    content = {"type": "tags", "tags": {"a": 1}}
    records: list[Record] = [record(at, {**content, "hwid": f"d{at}"}, partition) for at in offsets]
    return Fetched(partition, records, end)


def rubbish(offset: int, partition: TopicPartition = P0) -> Fetched:
    return Fetched(partition, [record(offset, "no event", partition)], None)


class Desk:
    """Kafka's side between its engine and fakes of Kafka."""

    def __init__(
        self,
        *fetches: list[Fetched],
        exactly_once: bool = True,
        until_end: bool = False,
        decoder: Callable[[Record], TagsUpdate | None] | None = None,
        max_events: int = 1000,
    ) -> None:
        self.source = FakeSource(*fetches)
        self.letters = FakeLetters(self.source, exactly_once=exactly_once)
        bounds = limits(linger=0.0, max_events=max_events)
        self.pulse = Pulse(Engine(bounds, lambda: 0.0), Clock())
        self.engine = self.pulse.engine
        self.beats: list[str] = []
        self.remembered: list[str] = []
        self.kafka = KafkaSide(
            self.pulse,
            {"events": Interpreter(Content.MIXED, decoder)},
            structlog.get_logger(),
            source=lambda _listener: cast("Source", self.source),
            letters=self._letters,
            until_end=until_end,
            beat=self.beats.append,
            remember=self.remembered.append,
        )
        self.consuming = self.kafka.consuming
        self.rebalancing = self.kafka.rebalancing
        self.incidents = self.kafka.incidents
        self.membership = self.kafka.membership

    def _letters(self, _tell: Callable[[Trouble], None], may_reopen: Callable[[], bool]) -> DeadLetters:
        self.may_reopen = may_reopen
        return cast("DeadLetters", self.letters)

    async def assign(self, *partitions: TopicPartition) -> None:
        await self.rebalancing.assigned([Start(partition, 0, "") for partition in partitions])

    async def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            await self.consuming._carry_out_actions()
            await self.consuming._fetch()

    def order(self) -> Commit | None:
        """Have the engine's orders taken; return the commit among them."""
        found = None
        for action in self.engine.plan(self.pulse.clock()):
            if isinstance(action, Commit):
                found = action
                self.consuming.commit(action)
            elif isinstance(action, Pause | Resume):
                self.consuming.pause_or_resume(action)
        return found

    async def settled(self) -> None:
        """Run rounds until no commit is under way."""
        async with asyncio.timeout(10):
            while self.engine.components.ledger.under_way is not None:
                await self.rounds()

    def next_offset(self, partition: TopicPartition = P0) -> int:
        return self.engine.assignments[partition].offsets.next

    def position(self, partition: TopicPartition = P0) -> int:
        found = self.source.committed.get(partition)
        return -1 if found is None else found.offset
