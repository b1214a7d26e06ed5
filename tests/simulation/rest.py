"""Waits until a world is at rest, and notices if it doesn't get there or stands still on the way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.core.holding_back.gate import LONGEST_RETRY_AFTER
from connector.model import TopicPartition
from tests.simulation.loop import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

PATIENCE = 1500.0
"""Seconds, virtual, within which everything must be settled once the faults have ceased."""
STANDSTILL = 450.0
"""Seconds for which no position may stay where it is while all is well and records are behind it: more than
twice the longest deadline of a job. Where wall clocks jump, a `Retry-After` may name a time far off; where
transactions may be without markers, a member may be lost sight of again and again (`letters.py`)."""


class Rest:
    """Looks at the committed positions again and again while all is well."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._moved: dict[TopicPartition, tuple[int, float]] = {}
        """The position of each partition, and since when it has been there."""

    async def until(self, unrest: Callable[[], str], patience: float = PATIENCE) -> str:
        """Wait until nothing is left of this, in words; return what is, if that takes too long."""
        world = self._world
        deadline = world.loop.time() + patience * world.plan.spoiler_slows
        pause = 0.5
        self._moved.clear()
        while why := unrest():
            if world.loop.time() >= deadline:
                return f"not at rest after {patience:.0f} s: {why}"
            await asyncio.sleep(pause)
            pause = min(30.0, pause * 1.2)
            if world.plan.limits.brake_share:
                world.happenings.release_all()
            if not world.plan.mistaken or not world.audience.mistaken:
                self._nothing_stands_still()
        return ""

    def _nothing_stands_still(self) -> None:
        now = self._world.loop.time()
        plan = self._world.plan
        longest = STANDSTILL * max(plan.spoiler_slows, 3 if plan.trouble.incomplete else 1)
        longest += LONGEST_RETRY_AFTER if plan.jump else 0.0
        for log in self._world.logs:
            position = self._world.committed.get(log.partition, 0)
            before, since = self._moved.get(log.partition, (-1, now))
            if position != before or position >= log.end:
                self._moved[log.partition] = position, now
            elif now - since > longest:
                raise Broken(f"{log.partition} stands still at {position} of {log.end} though all is well")

    def held_up(self) -> str:
        """What is held up by an application that it has nothing to do with."""
        mistaken = self._world.plan.mistaken
        waiting = self._world.oracle.unsettled_but_for(mistaken)
        if not waiting:
            return ""
        return f"the token of {mistaken} is wrong, and {waiting[0].id} of another is not settled"

    def unrest(self) -> str:
        """What is not at rest yet; empty if all is."""
        world = self._world
        for log in world.logs:
            if world.committed.get(log.partition, 0) != log.end:
                return f"{log.partition} is committed at {world.committed.get(log.partition)} of {log.end}"
        for instance in world.instances.values():
            if instance.frozen:
                return f"{instance.name} stands still"
            if leftovers := instance.leftovers:
                return f"{instance.name} still has {'; '.join(leftovers)}"
        for transaction in world.broker.incomplete:
            if transaction.member is not None and transaction.member.client.owning_since < math.inf:
                return f"{transaction.member.client.name} has left a transaction incomplete, and could end it"
        return ""
