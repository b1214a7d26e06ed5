"""A whole world from one seed: what happens in it, and when it counts as settled."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connector.model import TopicPartition
from tests.simulation.api import WatchedAudience, calm, quiet
from tests.simulation.broker import SESSION_TIMEOUT, Broker
from tests.simulation.happenings import Happenings
from tests.simulation.instance import Instance
from tests.simulation.loop import EPOCH, Broken, VirtualLoop
from tests.simulation.oracle import Oracle
from tests.simulation.plan import Plan, Trouble, choose_retention, choose_spoiler, plan
from tests.simulation.records import Id, Logs
from tests.simulation.rest import Rest
from tests.simulation.spoilers import Spoilers
from tests.simulation.tags import check_tags

_LAST_LINES = 60


@dataclass(frozen=True)
class Ending:
    """What a seed came to: nothing broken, or the words and the last steps."""

    seed: int
    style: str
    broken: str
    trace: Sequence[str]
    seconds: float
    """Virtual ones."""


class World:
    """Everything there is. `trace`, if given, is called with each line of what happens."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.rng = random.Random(seed)
        self.plan: Plan = plan(self.rng)
        spoiling = random.Random(f"spoiler {seed}")
        choose_spoiler(spoiling, self.plan)
        choose_retention(random.Random(f"retention {seed}"), self.plan)
        self._trace = trace
        self.lines: list[tuple[float, tuple[object, ...]]] = []
        self._failure: BaseException | None = None
        self.loop = VirtualLoop(self.failed)
        self.trouble = self.plan.trouble
        self.logs = Logs(
            self.rng,
            self.plan.partitions,
            self.plan.families,
            self.plan.applications,
            side=self.plan.side,
            spread=self.plan.spread,
            calm=self.plan.style == "calm",
            spoilers=Spoilers(spoiling, self.plan.most_spoilers),
        )
        self.oracle = Oracle(self)
        self.broker = Broker(self.loop, self.rng, list(self.logs.partitions), self.oracle)
        self.broker.max_metadata = self.plan.max_metadata
        self.committed: dict[TopicPartition, int] = {}
        self.unwritable: set[Id] = set()
        now = self.loop.time()
        latency = self.rng.choice((0.05, 0.5, 2.0))
        self.healthy = calm(latency) if self.plan.style == "calm" else quiet(latency, self.plan.spoiler)
        self.audience = WatchedAudience(self.rng, self.healthy, now, self.oracle.told, self.oracle.ended)
        self.audience.mistake(self.plan.mistaken)
        self.instances: dict[str, Instance] = {}
        self.happenings = Happenings(self)
        self._rest = Rest(self)
        self._ever = 0
        self._ending = False
        self.well_since = math.inf

    # -- what everybody uses -----------------------------------------------------------------------

    def said(self, *words: object) -> None:
        """One line of the trace; put into words only if somebody wants to read it."""
        self.lines.append((self.loop.time(), words))
        if self._trace is not None:
            self._trace(self._line(self.lines[-1]))

    @staticmethod
    def _line(entry: tuple[float, tuple[object, ...]]) -> str:
        return f"{entry[0] - EPOCH:9.3f} " + " ".join(map(str, entry[1]))

    def chance(self, share: float) -> bool:
        return share > 0 and self.rng.random() < share

    def delay(self) -> float:
        """Seconds that a step takes: often none, sometimes long."""
        dice = self.rng.random()
        if dice < 0.3:
            return 0.0
        return self.rng.expovariate(1 / self.plan.slowness)

    def failed(self, exception: BaseException) -> None:
        """Something went wrong that ends it all."""
        if self._failure is None:
            self._failure = exception
            self.loop.stop()

    # -- life ----------------------------------------------------------------------------------------

    def run(self) -> str:
        """Let it all happen. Return what was broken, in words; empty if nothing was."""
        asyncio.set_event_loop(self.loop)
        try:
            main = self.loop.create_task(self._history())
            main.add_done_callback(lambda _task: self.loop.stop())
            self.loop.run_forever()
        except Broken as standstill:
            self.failed(standstill)
        finally:
            self._close()
        if self._failure is None or isinstance(self._failure, Broken):
            return str(self._failure or "")
        return _where(self._failure)

    def last_lines(self, count: int) -> list[str]:
        """The end of the trace."""
        return [self._line(line) for line in self.lines[-count:]]

    def _close(self) -> None:
        self.loop.failed = lambda _exception: None  # whatever comes now is noise
        for instance in self.instances.values():
            self.loop.thaw(instance.tasks)
        for _ in range(10):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        asyncio.set_event_loop(None)
        self.loop.close()

    async def _history(self) -> None:
        self.said("plan:", self.plan)
        self.logs.append(self.loop.time(), self.plan.records // 2)
        for _ in range(self.plan.instances):
            self.start()
        await self._chaos(self.plan.records - self.plan.records // 2)
        await self._settle()
        self._check()
        await self._leave()

    async def _chaos(self, left: int) -> None:
        """The records that are left come, and things happen meanwhile."""
        until = self.loop.time() + self.plan.chaos
        outage_at = self.rng.uniform(self.loop.time(), until) if self.plan.outage else math.inf
        lull_at = self.rng.uniform(self.loop.time(), until) if self.plan.lull else math.inf
        while self.loop.time() < until:
            await asyncio.sleep(self.rng.expovariate(1 / self.plan.pace))
            count = min(left, self.rng.choice((0, 1, 5, 20)))
            left -= count
            self._append(count)
            if self.loop.time() >= outage_at:
                outage_at = math.inf
                await self.happenings.outage()
            if self.loop.time() >= lull_at:
                began, lull_at = self.loop.time(), math.inf
                await self._lull()
                until += self.loop.time() - began
            self.happenings.something()
        self._append(left)

    def _append(self, count: int) -> None:
        for partition in self.logs.append(self.loop.time(), count):
            self.poke_owner(partition)

    def poke_owner(self, partition: TopicPartition) -> None:
        """There is something to be heard of a partition: end its owner's wait."""
        owner = self.broker.owners[partition]
        if owner is not None:
            instance = self.instances.get(owner.client.name)
            if instance is not None:
                instance.source.poke()

    # -- processes -----------------------------------------------------------------------------

    def start(self) -> None:
        slots = {instance.slot for instance in self.instances.values()}
        free = [f"slot{n}" for n in range(8) if f"slot{n}" not in slots]
        self._ever += 1
        instance = Instance(self, self._ever, free[0])
        self.instances[instance.name] = instance
        self.said(instance.name, "starts in", instance.slot)
        instance.start()

    def gone(self, instance: Instance) -> None:
        """A process ended: by itself it has left the group; else the session times out first."""
        self.instances.pop(instance.name, None)
        member = instance.source.member
        if member is not None and member.alive:
            self.loop.call_later(SESSION_TIMEOUT, self.broker.leave, member, "session timed out")
        if not self.instances and not self._ending:
            self.start()

    # -- the end -------------------------------------------------------------------------------------

    async def _lull(self) -> None:
        """All is well for a time: whatever stands still now is not saved by a crash or a rebalance."""
        trouble = self._all_is_well()
        await self._rest.until(self._rest.unrest, self.rng.choice((60.0, 300.0, 900.0)))
        self.said("--- the lull is over")
        self.well_since = math.inf
        self.trouble = trouble

    async def _settle(self) -> None:
        """The faults cease; then everything must come to rest."""
        self._all_is_well()
        if self.plan.mistaken and self.plan.roomy:
            await self._come_to_rest(self._rest.held_up)
        self.audience.mistake("")
        await self._come_to_rest(self._rest.unrest)

    def _all_is_well(self) -> Trouble:
        """End all trouble; return what there was."""
        self.said("--- all is well from now on")
        self.well_since = self.loop.time()
        before = self.trouble
        self.trouble = Trouble(incomplete=before.incomplete)  # the last letters of all can be in one
        self.broker.topic_exists = True
        self.unwritable = set()
        self.audience.set_faults(self.healthy, self.loop.time())
        return before

    async def _come_to_rest(self, unrest: Callable[[], str]) -> None:
        if why := await self._rest.until(unrest):
            raise Broken(why)

    def _check(self) -> None:
        unsettled = self.oracle.unsettled
        if unsettled:
            raise Broken(f"never settled: {[record.id for record in unsettled]}")
        check_tags(self)
        stats = self.audience.stats(self.loop.time())
        if stats.violations.twice_in_one_job:
            raise Broken("a device twice in one job")
        if stats.operator_missing:
            raise Broken("a tags update without its operator")
        overlapping = (
            0 if self.plan.side or self.plan.spread else stats.violations.overlapping
        )  # two owners are no violation
        if self.plan.style == "calm" and (stats.submitted_again or overlapping):
            raise Broken(f"submitted twice without any fault: {stats.submitted_again}")

    async def _leave(self) -> None:
        """All stop, and nothing is left to be done."""
        self._ending = True
        for instance in self.instances.values():
            instance.stop()
        deadline = self.loop.time() + 60
        while self.instances:
            if self.loop.time() >= deadline:
                raise Broken(f"{[*self.instances]} don't stop")
            await asyncio.sleep(1.0)


def simulate(seed: int, trace: Callable[[str], None] | None = None) -> Ending:
    """Run one seed."""
    world = World(seed, trace)
    broken = world.run()
    lines = world.last_lines(_LAST_LINES) if broken else []
    return Ending(seed, world.plan.style, broken, lines, world.loop.time() - EPOCH)


def _where(error: BaseException) -> str:
    """An exception with the last lines that it came through."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} ({' > '.join(frames[-5:])})"
