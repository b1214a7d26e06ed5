"""Fakes of the runner's edges: a consumer, a dead-letter producer and an API without a network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from connector.answers import Accepted, JobReport, JobState, PollAnswer, PostAnswer, Row, Unsent
from connector.kafka.group.listener import Listener
from connector.kafka.group.statistics import Statistics
from connector.model import Endpoint, Fetched, Letter, Position, Start, TopicPartition


class FakeRemainder:
    """What is left to others: `known` once it is known where everything ends."""

    def __init__(self) -> None:
        self.known = True
        self.ends: dict[TopicPartition, int] = {}
        self.partitions: list[TopicPartition] | None = []
        self.asked = 0

    async def note(self) -> bool:
        return self.known

    async def left(self, _own: Collection[TopicPartition]) -> list[TopicPartition] | None:
        self.asked += 1
        return self.partitions


class FakeSource:
    """A group member of which a test says what it fetches; remembers what it was told."""

    def __init__(self, *fetches: list[Fetched]) -> None:
        self.fetches = list(fetches)
        self.asked: list[tuple[int, float]] = []
        """Each fetch: how many records at most, and the longest wait for them."""
        self.listener: Listener | None = None
        self.starts: list[Start] = []
        """Assigned once the source was started."""
        self.ends: dict[TopicPartition, int] = {}
        self.log_ends: dict[TopicPartition, int] = {}
        self.records_lost: Counter[str] = Counter()
        self.remainder = FakeRemainder()
        self.joined = True
        self.unresolved: set[TopicPartition] = set()
        self.closed = False
        self.paused: set[TopicPartition] = set()
        self.committed: dict[TopicPartition, Position] = {}
        self.pauses = 0
        self.commits = 0
        self.refusals: list[Exception] = []
        """Raised by the next commits."""
        self.answers: asyncio.Event | None = None
        """Commits wait for it."""
        self.waiting = False
        """A commit has no answer."""
        self.answered_others = False
        """The brokers answer other clients."""
        self.in_fetch: list[Callable[[], Awaitable[None]]] = []
        """Called within the next fetches, as rebalances are."""

    async def start(self) -> None:
        if self.listener is not None and self.starts:
            await self.listener.assigned(self.starts)

    async def fetch(self, max_records: int, wait: float) -> list[Fetched]:
        assert max_records > 0
        assert wait >= 0
        self.asked.append((max_records, wait))
        await asyncio.sleep(0)
        if self.in_fetch:
            await self.in_fetch.pop(0)()
        return self.fetches.pop(0) if self.fetches else []

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        self.commits += 1
        if self.answers is not None:
            await self.answers.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.committed.update(positions)

    def waits(self) -> bool:
        return self.waiting

    def tell_silence(self) -> None:
        """Nothing to tell."""

    def answers_another(self) -> bool:
        return self.answered_others

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        self.paused.update(partitions)
        self.pauses += 1

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        self.paused.difference_update(partitions)

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.ends[partition] for partition in partitions}

    async def group_metadata(self) -> object:
        return b"member"

    def known_ends(self) -> dict[TopicPartition, int]:
        return self.ends

    def take_records_lost(self) -> Counter[str]:
        lost, self.records_lost = self.records_lost, Counter()
        return lost

    def statistics(self) -> Statistics:
        return Statistics(log_ends=self.log_ends)

    async def close(self) -> None:
        self.closed = True
        if self.listener is not None and self.starts:
            left = await self.listener.revoked([start.partition for start in self.starts])
            self.committed.update(left)


class FakeLetters:
    """A dead-letter producer; `source` is where its transactions commit."""

    def __init__(self, source: FakeSource, *, exactly_once: bool = True) -> None:
        self.commits_positions = exactly_once
        self.source = source
        self.doubtful = False
        self.doubtful_partitions: set[TopicPartition] = set()
        self.undone = 0
        self.let_go_of: set[TopicPartition] = set()
        self.written: list[Letter] = []
        self.failures: list[Exception] = []
        """Raised by the next writes."""
        self.proofs: list[Any] = []
        self.hold: asyncio.Event | None = None
        """Writes wait for it."""

    async def start(self) -> None:
        pass

    async def write(
        self, letters: Sequence[Letter], positions: Mapping[TopicPartition, Position], group_metadata: Any
    ) -> None:
        self.proofs.append(group_metadata)
        if self.hold is not None:
            await self.hold.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.written += letters
        if self.commits_positions:
            self.source.committed.update(positions)

    async def undo(self, group_metadata: Any) -> None:
        assert group_metadata is not None
        if self.failures:
            raise self.failures.pop(0)
        self.doubtful = False
        self.undone += 1

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        self.let_go_of.update(partitions)

    async def close(self) -> None:
        pass


class FakeClient:
    """An API that says yes to everything, unless a test has put other answers in its way."""

    def __init__(self) -> None:
        self.bodies: list[tuple[Endpoint, bytes]] = []
        self.polls: list[tuple[Endpoint, str, bool]] = []
        self.applications: list[str] = []
        """Of each call, which application it was for."""
        self.post_answers: list[PostAnswer | Exception] = []
        self.poll_answers: list[PollAnswer | Exception] = []
        self.devices: dict[str, list[Row]] = {}
        self.hold: asyncio.Event | None = None
        """Calls wait for it."""
        self.closed = False

    async def post(
        self,
        endpoint: Endpoint,
        body: bytes,
        *,
        application: str = "",
        may_go: Callable[[], bool] = lambda: True,
    ) -> PostAnswer:
        if not may_go():
            return Unsent("not any more")
        self.applications.append(application)
        self.bodies.append((endpoint, body))
        if self.hold is not None:
            await self.hold.wait()
        if self.post_answers:
            given = self.post_answers.pop(0)
            if isinstance(given, Exception):
                raise given
            return given
        request_id = f"request-{len(self.bodies)}"
        self.devices[request_id] = rows_of(body)
        return Accepted(request_id)

    async def poll(
        self, endpoint: Endpoint, request_id: str, *, detailed: bool, application: str = ""
    ) -> PollAnswer:
        self.applications.append(application)
        self.polls.append((endpoint, request_id, detailed))
        if self.hold is not None:
            await self.hold.wait()
        if self.poll_answers:
            given = self.poll_answers.pop(0)
            if isinstance(given, Exception):
                raise given
            return given
        return JobReport(JobState.COMPLETED, "Completed", 100, self.devices[request_id])

    async def close(self) -> None:
        self.closed = True


def rows_of(body: bytes) -> list[Row]:
    """A row that says `done` for each device of a request."""
    devices = msgspec.json.decode(body)["devices"]
    return [Row(one.get("hwid"), one.get("user_id"), one.get("push_token"), "done") for one in devices]


async def turns(count: int = 50) -> None:
    """Give other tasks so many turns: what could happen without an event from outside has happened then."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], limit: float = 10.0) -> None:
    """Wait for this to hold; fail after `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 -- any condition, not one event
            await asyncio.sleep(0.001)
