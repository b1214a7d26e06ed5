"""One process of the connector: the real engine, `KafkaSide` and `Sending`, on simulated edges."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from structlog.typing import FilteringBoundLogger

from connector.core.actions import Commit, Pause, Poll, Resume, Submit
from connector.core.engine import Engine
from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.credentials import Credentials, Token
from connector.kafka.group.source import Source
from connector.kafka.letters.dead_letters import DeadLetters
from connector.model import DecoderUnavailable, Record, Rejection
from connector.pulse import Pulse
from connector.pushwoosh.client import AudienceClient
from connector.running.kafka_side import KafkaSide
from connector.running.sending import Sending
from connector.settings import Pushwoosh
from tests.simulation.api import SimulatedClient
from tests.simulation.broker import Member
from tests.simulation.letters import SimulatedLetters
from tests.simulation.loop import Broken
from tests.simulation.machine import VirtualClock, VirtualStandstill
from tests.simulation.records import CONTENTS, DEFAULT, TOKENS
from tests.simulation.source import SimulatedSource
from tests.unit.core.looking import waiting_in

if TYPE_CHECKING:
    from tests.simulation.world import World

STOP_LIMIT = 10.0
"""Seconds that a stop waits for jobs under way."""


class _Log:
    """Takes the lines of the log into the trace, and counts warnings."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def info(self, event: str, **fields: Any) -> None:
        """Not worth a line: the trace says it already."""

    def warning(self, event: str, **fields: Any) -> None:
        self._instance.warnings += 1
        self._instance.world.said(self._instance.name, "warns:", event, fields)

    error = warning

    def is_enabled_for(self, _level: int) -> bool:
        """No line is one of debug."""
        return False


class _Interpreter(Interpreter):
    """The real one, but now and then its decoder can't work for a moment."""

    world: World

    def read(self, records: Sequence[Record]) -> list[Event | Rejection | None]:
        if self.world.chance(self.world.trouble.undecoded):
            raise DecoderUnavailable("simulated")
        return super().read(records)


class Instance:
    """From its start to its crash or its stop. `slot` gives the transactional id."""

    def __init__(self, world: World, number: int, slot: str) -> None:
        self.world = world
        self.name = f"i{number}"
        self.slot = slot
        self.dead = False
        self.warnings = 0
        self.frozen = False
        self.thaws = 0
        """How often it stood still."""
        self.thawed_at = -math.inf
        self.outlived: Member | None = None
        """The membership that it lost while it stood still."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.engine = Engine(world.plan.limits, world.rng.random)
        skew = world.plan.skew
        self.clock = VirtualClock(world.loop, world.rng.uniform(-skew, skew) if skew else 0.0)
        self._pulse = Pulse(self.engine, self.clock)
        others = [each for each in world.plan.applications if each != DEFAULT]
        interpreters: dict[str, Interpreter] = {}
        for topic, content in CONTENTS.items():
            interpreter = _Interpreter(content, application=DEFAULT, applications=others)
            interpreter.world = world
            interpreters[topic] = interpreter
        self.source = SimulatedSource(self)
        self.letters = SimulatedLetters(self, exactly_once=world.plan.exactly_once)
        kafka = KafkaSide(
            self._pulse,
            interpreters,
            cast(FilteringBoundLogger, _Log(self)),
            source=lambda _listener: cast(Source, self.source),
            letters=lambda _tell, _may_reopen: cast(DeadLetters, self.letters),
            until_end=False,
            beat=lambda _what: None,
            remember=lambda _words: None,
        )
        self.consuming = kafka.consuming
        self.rebalancing = kafka.rebalancing
        self._membership = kafka.membership
        self._standstill = self._membership.standstill = VirtualStandstill()
        self._sending = Sending(
            self._pulse,
            cast(AudienceClient, SimulatedClient(self)),
            Pushwoosh(application=DEFAULT),
            Credentials(Token(TOKENS[DEFAULT]), {each: Token(TOKENS[each]) for each in others}),
            may_still_send=lambda: self._membership.may_still_send,
        )
        self._stop_at: float | None = None

    def start(self) -> None:
        """Run, as a task of its own."""
        self._main = self.world.loop.start_process(self._live(), self.tasks)
        self._main.add_done_callback(lambda _task: self.world.gone(self))

    async def _live(self) -> None:
        """What `Runner._live` does, less metrics and signals. No tick: `wake_at` alone must be enough."""
        consuming = self.consuming
        await self.letters.start()
        await self.source.start()
        reading = asyncio.get_running_loop().create_task(consuming.run())
        while not self._finished(reading):
            await self._come_late()
            self._step()
            now = self.clock()
            wake_at = self.engine.wake_at(now)
            limit = self._stop_at if wake_at is None or (self._stop_at or wake_at) < wake_at else wake_at
            await self._pulse.wait(1e9 if limit is None else limit - now)
        self._no_fault()
        consuming.stop()
        self.source.poke()
        await reading
        await self.source.close()
        for task in list(self.tasks):
            if task is not self._main:
                task.cancel()
        await self.letters.close()
        self._no_fault()
        self.dead = True

    async def _come_late(self) -> None:
        """Other things of the process go first: what they find out is told before the next plan."""
        late = self.world.plan.late_turns
        if late and self.world.chance(0.3):
            await self.world.loop.sleep(self.world.rng.expovariate(1 / late))

    def _no_fault(self) -> None:
        """While it ran, or while it said goodbye: nothing may end it but what the world does to it."""
        if failure := self.consuming.failure or self._sending.failure:
            self.world.failed(Broken(f"{self.name} ended by a fault of its own: {failure}"))

    def _step(self) -> None:
        self._membership.note_standstill()
        for action in self.engine.plan(self.clock()):
            match action:
                case Submit():
                    self._sending.submit(action)
                case Poll():
                    self._sending.poll(action)
                case Commit():
                    self.consuming.commit(action)
                    self.source.poke()
                case Pause() | Resume():
                    self.consuming.pause_or_resume(action)
                    self.source.poke()
        waits = self.consuming._pending_commit or self.consuming.writing.written
        if waits and not self.consuming.writing.busy:
            self.source.poke()
        if self.engine.tally.consumed:
            self.engine.take_tally()
        for notice in self.engine.take_notices():
            self.world.said(self.name, notice.text, notice.fields)

    def _finished(self, reading: asyncio.Task[None]) -> bool:
        if reading.done() or self.consuming.failure or self._sending.failure:
            return True
        if self._stop_at is None:
            return False
        quiet = self.engine.idle and not self.engine.components.ledger.letters_owed
        return quiet or self.clock() >= self._stop_at

    # -- what the world does to it ---------------------------------------------------------------

    def stop(self) -> None:
        """The first signal."""
        if self._stop_at is None:
            self._stop_at = self.clock() + STOP_LIMIT
            self.engine.stop()
            self._pulse.ring()

    def release(self) -> None:
        """A person has looked at what the brake stopped, and lets it go on."""
        self.engine.release(self.clock())
        self._pulse.ring()

    def crash(self, why: str) -> None:
        """It dies now: nothing that it was about to do happens."""
        if self.dead:
            return
        self.world.said(self.name, "CRASHES:", why)
        self.dead = True
        self.world.loop.thaw(self.tasks)
        for task in list(self.tasks):
            task.cancel()

    def freeze(self, seconds: float) -> None:
        """Nothing of it goes on for so long; then it wakes up as if no time had passed."""
        if self.dead or self.frozen:
            return
        self.world.said(self.name, "stands still for", seconds)
        self.frozen = True
        self.world.loop.freeze(self.tasks, seconds, lambda: self._thawed(seconds))

    def _thawed(self, seconds: float) -> None:
        self.frozen = False
        if self.dead:
            return
        self.world.said(self.name, "goes on")
        self.thaws += 1
        self.thawed_at = self.world.loop.time()
        if self.source.member is not None and not self.source.member.alive:
            self.outlived = self.source.member
        self._standstill.ended(seconds)
        self._pulse.ring()

    async def nap(self, what: str) -> None:
        """Some time passes, and much may happen meanwhile."""
        if self.dead:
            raise asyncio.CancelledError
        if self.world.chance(self.world.trouble.crash):
            self.crash(what)
            raise asyncio.CancelledError
        await self.world.loop.sleep(self.world.delay())
        if self.dead:
            raise asyncio.CancelledError

    @property
    def leftovers(self) -> list[str]:
        """What is still in memory; nothing once everything is settled."""
        engine = self.engine
        checks: dict[str, Callable[[], object]] = {
            "devices in lanes": lambda: engine.components.lanes.busy or engine.components.lanes.waiters(),
            "jobs": lambda: engine.components.tracking.jobs,
            "waiting events": lambda: waiting_in(engine.components.dispatch),
            "events that wait for a checkpoint": lambda: (
                engine.components.dispatch.count_waiting_for_checkpoint
            ),
            "requests": lambda: engine.components.dispatch.posting,
            "letters": lambda: engine.components.ledger.letters_owed,
            "unrecorded jobs": lambda: engine.components.ledger.unrecorded,
            "a commit": lambda: engine.components.ledger.under_way,
            "adoptions": lambda: engine.components.adoption.pending,
            "halts of the instance": lambda: engine.components.halts.of_instance,
            "a pause": lambda: engine.components.orders.paused,
        }
        found = [f"{what}: {left}" for what, look in checks.items() if (left := look())]
        for assignment in engine.assignments.values():
            found += [
                f"{what} of {assignment.partition}: {left}"
                for what, left in (
                    ("events", assignment.events_held),
                    ("bytes", assignment.bytes_held),
                    ("adopted", assignment.adopted),
                    ("slices", assignment.slices),
                    ("unsettled", assignment.offsets.unsettled()),
                    ("paused", assignment.paused),
                )
                if left
            ]
        return found
