"""A group member under test: a `Source`, what it told its listener, and a loop that keeps fetching."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from connector.kafka.group.source import Source
from connector.kafka.troubles import Phase, Trouble
from connector.model import Fetched, Position, Record, Start, TopicPartition

LIMIT = 30.0
"""Seconds until a condition must hold."""


class Member:
    """Fetches in the background between `async with`; keeps what it got."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        *,
        on_data_loss: Literal["halt", "continue"] = "halt",
        hand_over: Mapping[TopicPartition, Position] | None = None,
        **properties: Any,
    ) -> None:
        dotted = {name.replace("_", "."): value for name, value in properties.items()}
        self.source = Source(
            {"bootstrap.servers": bootstrap, "group.id": group, "statistics.interval.ms": 500, **dotted},
            topics,
            self,
            on_data_loss,
            time.monotonic,
        )
        self.hand_over = dict(hand_over or {})
        self.starts: dict[TopicPartition, Start] = {}
        self.all_starts: list[Start] = []
        self.let_go: list[TopicPartition] = []
        self.lost_partitions: list[TopicPartition] = []
        self.troubles: list[Trouble] = []
        self.records: list[Record] = []
        self.ends: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def assigned(self, starts: Sequence[Start]) -> None:
        self.all_starts.extend(starts)
        self.starts.update({start.partition: start for start in starts})

    async def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position]:
        self.let_go.extend(partitions)
        for partition in partitions:
            del self.starts[partition]
        return {p: self.hand_over[p] for p in partitions if p in self.hand_over}

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.lost_partitions.extend(partitions)
        for partition in partitions:
            del self.starts[partition]

    def trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)

    def took(self, fetched: Sequence[Fetched]) -> None:
        for one in fetched:
            self.records.extend(one.records)
            if one.end is not None:
                self.ends[one.partition] = one.end

    def offsets(self) -> list[int]:
        return [record.offset() for record in self.records]

    def told(self, code: str, phase: Phase = Phase.BEGAN) -> Trouble | None:
        """The first trouble of this code in this phase, if it was told of."""
        return next((t for t in self.troubles if t.code == code and t.phase is phase), None)

    async def _fetch_always(self) -> None:
        while True:
            self.took(await self.source.fetch(5000, 0.01))

    async def until(self, condition: Callable[[], Any], limit: float = LIMIT) -> None:
        """Wait for the condition; a failing fetch fails the test here."""
        deadline = time.monotonic() + limit
        while not condition():
            assert self._task is not None
            if self._task.done():
                self._task.result()
            assert time.monotonic() < deadline, f"waited {limit} s; troubles: {self.troubles}"
            await asyncio.sleep(0.01)

    async def stop_fetching(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.source.start()
        self._task = asyncio.create_task(self._fetch_always())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_fetching()
        await self.source.close()
