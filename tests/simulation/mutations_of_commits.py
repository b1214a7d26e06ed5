"""Deliberate faults in how commits are made that are refused, given up or left incomplete."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from connector.core.engine import Engine
from connector.kafka.group.commit_refused import CommitRefused
from connector.model import Position, TopicPartition
from connector.running.completing import Completing
from connector.running.handing_over import HandingOver
from tests.simulation.patching import Mutations, Patch
from tests.simulation.source import SimulatedSource

MUTATIONS = Mutations()


@MUTATIONS.add
def refused_for_its_generation_is_lost(patch: Patch) -> None:
    """Whoever has a commit refused for its generation takes the partitions for lost."""
    commit = SimulatedSource.commit

    async def wrong(self: SimulatedSource, positions: Mapping[TopicPartition, Position]) -> None:
        try:
            await commit(self, positions)
        except CommitRefused as refused:
            if refused.kind == "fenced":
                self._instance.rebalancing.lost(list(positions))
            raise

    patch.set(SimulatedSource, "commit", wrong)


@MUTATIONS.add
def given_up_stays_under_way(patch: Patch) -> None:
    """A commit that a hand-over gave up counts as being under way."""
    failed = Engine.commit_failed

    def wrong(self: Engine, refused: Any, now: float, *, written: bool = False) -> None:
        if not isinstance(sys.exception(), asyncio.CancelledError):
            failed(self, refused, now, written=written)

    patch.set(Engine, "commit_failed", wrong)


@MUTATIONS.add
def given_up_never_arrives(patch: Patch) -> None:
    """After a commit that was given up, what was committed before it is handed over: it may still arrive."""
    flush, revoked = HandingOver._flush, Engine.revoked
    gave_up: set[Engine] = set()

    async def flushing(self: HandingOver) -> None:
        try:
            await flush(self)
        except asyncio.CancelledError:
            gave_up.add(self._engine)
            raise

    def wrong(self: Engine, partitions: Any, now: float) -> Mapping[TopicPartition, Position]:
        before = {each: assignment.committed for each, assignment in self.assignments.items()}
        right = revoked(self, partitions, now)
        if self not in gave_up:
            return right
        gave_up.discard(self)
        return {each: before[each] for each in right}

    patch.set(HandingOver, "_flush", flushing)
    patch.set(Engine, "revoked", wrong)


@MUTATIONS.add
def incomplete_stays_so(patch: Patch) -> None:
    """A transaction that may be incomplete is never completed, nor undone."""
    patch.set(Completing, "due", property(lambda _self: False))
