"""The simulated consumer: what `connector.kafka.group.source.Source` is to `Consuming`, without Kafka."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.group.start_decision import decide_start
from connector.kafka.stuck import STUCK_AFTER
from connector.model import Fetched, Position, Record, Start, TopicPartition
from tests.simulation.broker import Member, Proof
from tests.simulation.committer import SimulatedCommitter

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

REVOKE_LIMIT = 5.0
LOOK_EVERY = 0.5
A_WAIT = 0.1
"""Seconds from which a fetch's `wait` is meant as a wait; shorter ones last until there is something."""


class SimulatedSource:
    """A member of the simulated group. Callbacks run inside `fetch` and `close`, as librdkafka's do."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._world = instance.world
        self._broker = instance.world.broker
        self._bell = asyncio.Event()
        self._news: list[tuple[str, list[TopicPartition]]] = []
        self._owned: dict[TopicPartition, int] = {}
        self._unresolved: list[TopicPartition] = []
        self._kept_since: dict[TopicPartition, float] = {}
        self._owning_since = math.inf
        self._paused: set[TopicPartition] = set()
        self._ended: dict[TopicPartition, int] = {}
        self._committer = SimulatedCommitter(instance)
        self.member: Member | None = None
        self.name = instance.name
        self.joined = True

    # -- what the world does to it -------------------------------------------------------------

    def told(self, what: str, partitions: Sequence[TopicPartition]) -> None:
        self._news.append((what, list(partitions)))
        self._bell.set()

    def poke(self) -> None:
        """Something is to be done: end the wait of a fetch."""
        self._bell.set()

    def expelled(self) -> None:
        """The group went on without it, and now it learns of that: what it owned is lost; it joins again."""
        self._news = [("lost", [])]
        self._bell.set()

    @property
    def owning_since(self) -> float:
        """By the world's clock."""
        instance = self._instance
        if instance.dead or instance.frozen or not self._owned:
            return math.inf
        return max(self._owning_since, instance.thawed_at)

    @property
    def owned(self) -> set[TopicPartition]:
        return set(self._owned)

    # -- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        self.member = self._broker.join(self)

    async def close(self) -> None:
        """Leave the group: the listener is asked once more, its answer committed."""
        if self.member is None or not self.member.alive:
            self._instance.rebalancing.lost(list(self._owned))
            return
        self._broker.leaves(self.member)
        if self._owned:
            await self._revoke(list(self._owned))
        self._broker.leave(self.member, "left")

    # -- reading ---------------------------------------------------------------------------------

    async def fetch(self, most: int, wait: float) -> list[Fetched]:
        await self._committer.turn()
        await self._serve()
        fetched = self._read(most)
        if not fetched:
            limit = wait if wait >= A_WAIT or self._instance.consuming._decoding.parked else None
            if self._unresolved or self._instance.letters.doubtful:
                limit = LOOK_EVERY
            await self._something(limit)
            await self._serve()
            fetched = self._read(most)
        if not (self._news or fetched):
            self._bell.clear()
        if fetched:
            await self._instance.nap("fetch")
        return [part for part in fetched if part.partition in self._owned]

    async def _something(self, limit: float | None) -> None:
        """Wait until there is something to do, at most so many seconds."""
        if limit is None:
            await self._bell.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._bell.wait()

    def _read(self, most: int) -> list[Fetched]:
        """Take records of some partitions, with the end where it is reached, now or in a later fetch."""
        rng = self._world.rng
        found = []
        for partition in self._owned:
            if partition in self._paused:
                continue
            log = self._world.logs.partitions[partition]
            begin = max(self._owned[partition], log.begin)
            records: list[Record] = [*log.read(begin, rng.randint(1, min(most, self._world.plan.fetch)))]
            position = records[-1].offset() + 1 if records else begin
            end = None
            if (
                log.nothing_from(position)
                and self._ended.get(partition) != log.end
                and (not records or rng.random() < 0.5)
            ):
                end = position = self._ended[partition] = log.end
            if records or end is not None:
                self._owned[partition] = position
                self._world.oracle.reads(self.member, partition, records)
                found.append(Fetched(partition, records, end))
        return found

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        self._paused.update(p for p in partitions if p in self._owned)
        await self._committer.turn()
        await self._instance.nap("pause")

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        self._paused.difference_update(partitions)
        self._bell.set()
        await self._committer.turn()
        await self._instance.nap("resume")

    # -- rebalances ------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while self._news:
            what, partitions = self._news.pop(0)
            await self._instance.nap("rebalance")
            if what == "assign":
                self._unresolved += partitions
            elif what == "revoke":
                await self._revoke(partitions)
            else:
                known = list(self._owned)
                self._forget([*known, *self._unresolved])
                self._world.said(self.name, "lost", known)
                if known:
                    self._instance.rebalancing.lost(known)
                self.member = self._broker.join(self)
        if self._unresolved:
            await self._resolve()

    async def _resolve(self) -> None:
        """Begin where the group stands; what an open transaction hides is tried again."""
        ready = [p for p in self._unresolved if self._broker.stable(p) or self._stuck(p)]
        if not ready:
            return
        starts = [self._start(partition) for partition in ready]
        await self._instance.nap("assign")
        self._unresolved = [p for p in self._unresolved if p not in ready]
        if not self._owned:
            self._owning_since = self._world.loop.time()
        for start in starts:
            self._kept_since.pop(start.partition, None)
            self._owned[start.partition] = start.offset
            self._ended.pop(start.partition, None)
            self._paused.discard(start.partition)
            self._world.oracle.begins(self._instance, start)
        self._world.said(self.name, "assigned", [(*s.partition, s.offset, len(s.metadata)) for s in starts])
        await self._instance.rebalancing.assigned(starts)

    def _start(self, partition: TopicPartition) -> Start:
        """Decide as the real one does, with `kafka.on_data_loss = "continue"`."""
        log = self._world.logs.partitions[partition]
        committed = self._broker.committed(partition)
        decision = decide_start(
            committed, log.begin, log.end, reset="earliest", on_data_loss="continue", where=str(partition)
        )
        if decision.gone:
            self._world.said(self.name, decision.words)
        return Start(partition, decision.offset, decision.metadata, decision.committed)

    def _stuck(self, partition: TopicPartition) -> bool:
        """Whether it has been kept back for longer than any transaction takes that will ever end."""
        now = self._instance.clock()
        if now - self._kept_since.setdefault(partition, now) < STUCK_AFTER:
            return False
        self._world.said(self.name, "begins regardless with", partition)
        self._world.oracle.regardless(partition)
        return True

    async def _revoke(self, partitions: list[TopicPartition]) -> None:
        known = [p for p in partitions if p in self._owned]
        self._world.said(self.name, "revoking", known)
        orderly = not known or await self._hand_over(known)
        self._forget(partitions)
        await self._committer.turn()
        if self.member is not None:
            self._world.oracle.hands_over(self.member, known, orderly=orderly)
            self._broker.released(self.member, partitions)

    async def _hand_over(self, known: list[TopicPartition]) -> bool:
        """Have the listener let go of these, and commit its answer; tell whether nothing kept it from it."""
        warned = self._instance.warnings
        self._committer.handing_over = True
        positions = await self._instance.rebalancing.revoked(known)
        self._world.said(self.name, "hands over", known, dict(positions))
        orderly = not positions or await self._commit_last(positions)
        self._committer.handing_over = False
        return orderly and self._instance.warnings == warned

    async def _commit_last(self, positions: Mapping[TopicPartition, Position]) -> bool:
        """Commit within the limit, or leave it; tell which."""
        try:
            async with asyncio.timeout(REVOKE_LIMIT):
                while True:
                    try:
                        await self.commit(positions)
                    except CommitRefused as refused:
                        if refused.kind != "retry":
                            return False
                    else:
                        return True
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            self._kept_since.pop(partition, None)
            self._owned.pop(partition, None)
            self._paused.discard(partition)
        self._unresolved = [p for p in self._unresolved if p not in partitions]

    # -- offsets ---------------------------------------------------------------------------------

    @property
    def unresolved(self) -> Collection[TopicPartition]:
        return self._unresolved

    def answers_another(self) -> bool:
        """Whether others are answered: nobody asks, because each call is answered here."""
        return False

    async def group_metadata(self) -> Proof:
        await self._committer.turn()
        await self._instance.nap("group metadata")
        if self.member is None:
            raise CommitRefused("closed", "never joined")
        return self._broker.proof(self.member)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {p: self._world.logs.partitions[p].end for p in partitions}

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        mine = {p: position for p, position in positions.items() if p in self._owned}
        if mine and self.member is not None:
            await self._committer.commit(self._broker.proof(self.member), mine)
