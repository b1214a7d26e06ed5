"""The simulated consumer's commits: what `connector.kafka.group.committer.Committer` is to `Source`.

Whoever cancels one does not stop it: it is in a thread that waits for the broker, and arrives there before
any later call of this consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from connector.kafka.group.commit_refused import CommitRefused, Refusal
from connector.model import Position, TopicPartition
from tests.simulation.broker import Proof

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

UNANSWERED_FOR = 20.0
"""Seconds at most that a commit waits for a coordinator: longer than any hand-over waits for it."""
_KINDS: Mapping[str, Refusal] = {"fenced": "fenced", "too_large": "too_large"}


class SimulatedCommitter:
    """Commits of one process. `handing_over`: only then a commit is ever given up, so only then one waits."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._world = instance.world
        self._waiting: asyncio.Task[CommitRefused | None] | None = None
        self.handing_over = False

    async def turn(self) -> None:
        """Come after the commit that is still waiting for its answer. Each call of the consumer does."""
        while self._waiting is not None:
            waiting = self._waiting
            await asyncio.wait([waiting])
            if self._waiting is waiting:
                self._waiting = None

    async def commit(self, proof: Proof, positions: Mapping[TopicPartition, Position]) -> None:
        trouble = self._world.trouble
        if self._waiting is None and not (self.handing_over and self._world.chance(trouble.unanswered)):
            return await self._arrive(proof, positions)
        late = self._late(self._waiting, proof, positions)
        self._waiting = asyncio.get_running_loop().create_task(late)
        refused = await asyncio.shield(self._waiting)
        self._waiting = None
        if refused is not None:
            raise refused
        return None

    async def _late(
        self,
        before: asyncio.Task[CommitRefused | None] | None,
        proof: Proof,
        positions: Mapping[TopicPartition, Position],
    ) -> CommitRefused | None:
        if before is None:
            self._world.said(self._instance.name, "has no answer to its commit")
            await self._world.loop.sleep(self._world.rng.random() * UNANSWERED_FOR)
        else:
            await asyncio.wait([before])
        try:
            await self._arrive(proof, positions)
        except CommitRefused as refused:
            return refused
        return None

    async def _arrive(self, proof: Proof, positions: Mapping[TopicPartition, Position]) -> None:
        world, instance = self._world, self._instance
        try:
            await instance.nap("commit goes")
        except asyncio.CancelledError:
            if not instance.dead:
                world.broker.commit(proof, positions)
            raise
        if world.chance(world.trouble.commit_refused):
            world.said(instance.name, "commit refused")
            raise CommitRefused("retry", "simulated")
        why = world.broker.commit(proof, positions)
        if why:
            world.said(instance.name, "commit refused:", why)
            raise CommitRefused(_KINDS[why], why)
        await instance.nap("commit was made")
        if world.chance(world.trouble.commit_lost):
            world.said(instance.name, "commit's reply lost")
            raise CommitRefused("retry", "the reply was lost")
