"""What happens to a world, one thing after the other: rebalances, crashes, bad times of the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.api import no_answers, random_faults
from tests.simulation.broker import SESSION_TIMEOUT, Member

if TYPE_CHECKING:
    from tests.simulation.instance import Instance
    from tests.simulation.world import World


class Happenings:
    """Chooses by the world's dice."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._down = False

    def something(self) -> None:
        """One more thing happens."""
        happenings: list[tuple[int, Callable[[], None]]] = [
            (4, self.world.broker.rebalance),
            (2, self._stop_one),
            (2, self._start_one),
        ]
        if self.world.plan.kafka:
            happenings += [(3, self._crash_one), (2, self._expel_one), (2, self._topic), (2, self._refuse)]
        if self.world.plan.api and not self._down:
            happenings += [(8, self._bad_time)]
        if self.world.plan.limits.brake_share:
            happenings += [(2, self.release_all)]
        if self.world.plan.jump:
            happenings += [(3, self._jump_one)]
        if self.world.plan.freezes:
            happenings += [(3, self._freeze_one)]
        if self.world.plan.retention:
            happenings += [(4, self._expire), (2, self._compact)]
        weights = [weight for weight, _ in happenings]
        self.world.rng.choices([what for _, what in happenings], weights)[0]()

    def _start_one(self) -> None:
        if len(self.world.instances) < 5:
            self.world.start()

    def _one(self) -> Instance | None:
        return self.world.rng.choice(list(self.world.instances.values())) if self.world.instances else None

    def _stop_one(self) -> None:
        instance = self._one()
        if instance is not None:
            self.world.said(instance.name, "is told to stop")
            instance.stop()

    def _crash_one(self) -> None:
        instance = self._one()
        if instance is not None:
            instance.crash("killed")

    def _expel_one(self) -> None:
        instance = self._one()
        if instance is not None:
            self.expel(instance)

    def expel(self, instance: Instance) -> None:
        """It is thought dead and is not: for a while it goes on as if nothing had happened."""
        member = instance.source.member
        if member is None or not member.alive:
            return
        self.world.broker.leave(member, "session timed out, though it lives")
        self.world.loop.call_later(self.world.rng.choice((0.0, 0.5, 3.0)), instance.source.expelled)

    def _freeze_one(self) -> None:
        """A process stands still, as one that is stopped or gets no CPU, mostly beyond its session's end."""
        instance = self._one()
        if instance is None or instance.frozen:
            return
        seconds = self.world.rng.choice((self.world.rng.uniform(1.5, 8.0), self.world.rng.uniform(5.0, 70.0)))
        member = instance.source.member
        instance.freeze(seconds)
        if member is not None and seconds > SESSION_TIMEOUT:
            left = seconds - SESSION_TIMEOUT
            self.world.loop.call_later(SESSION_TIMEOUT, self._times_out, instance, member, left)

    def _times_out(self, instance: Instance, member: Member, left: float) -> None:
        """The group goes on without it; its consumer hears of that once it goes on, or some time later."""
        if member.alive and not instance.dead:
            self.world.broker.leave(member, "session timed out, as it stood still")
            later = left + self.world.rng.choice((0.0, 0.5, 3.0))
            self.world.loop.call_later(later, instance.source.expelled)

    def _jump_one(self) -> None:
        """Somebody sets a machine's clock, and no monotonic one."""
        instance = self._one()
        if instance is not None:
            jump = self.world.plan.jump
            instance.clock.jumped = self.world.rng.uniform(-jump, jump)
            self.world.said(instance.name, "has its wall clock off by", instance.clock.jumped)

    def _topic(self) -> None:
        self.world.broker.topic_exists = not self.world.broker.topic_exists
        self.world.said("the dead-letter topic is", "there" if self.world.broker.topic_exists else "gone")

    def _refuse(self) -> None:
        """Some records can't be written to the dead-letter topic for now."""
        records = list(self.world.logs.records)
        self.world.unwritable = set(self.world.rng.sample(records, len(records) // 3))

    def _bad_time(self) -> None:
        faults = random_faults(self.world.rng, self.world.plan.chaos / 2, self.world.plan.spoiler)
        self.world.said("the API gets", faults)
        self.world.audience.set_faults(faults, self.world.loop.time())

    def _expire(self) -> None:
        """The oldest records of a partition are deleted, whether somebody has read them or not."""
        log = self.world.rng.choice([*self.world.logs])
        log.expire(self.world.rng.randint(self.world.committed.get(log.partition, 0), log.end))
        self.world.said(log.partition, "begins at", log.begin)
        self.world.poke_owner(log.partition)

    def _compact(self) -> None:
        """What later records of the same devices replace is deleted from a part of a partition."""
        log = self.world.rng.choice([*self.world.logs])
        until = self.world.rng.randint(log.begin, log.end)
        log.compact(until)
        self.world.said(log.partition, "is compacted until", until)
        self.world.poke_owner(log.partition)

    def release_all(self) -> None:
        """Somebody has looked at what the brake stopped."""
        for instance in self.world.instances.values():
            instance.release()

    async def outage(self) -> None:
        """The API is down for longer than a job may take; the world goes on, though not as fast."""
        self.world.said("the API is down for", self.world.plan.outage)
        self._down = True
        self.world.audience.set_faults(
            no_answers(self.world.rng, self.world.plan.spoiler), self.world.loop.time()
        )
        self.world.audience.stand_still(self.world.plan.outage, self.world.loop.time())
        happenings = self.world.rng.choice((0, 0, 1, 3))
        for _ in range(happenings):
            await asyncio.sleep(self.world.plan.outage / (happenings + 1))
            self.something()
        await asyncio.sleep(self.world.plan.outage / (happenings + 1))
        self._down = False
        self.world.audience.set_faults(self.world.healthy, self.world.loop.time())
