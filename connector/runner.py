"""The life of one instance: starts the parts, has the engine's actions carried out, stops in order.

First signal: nothing new is submitted, jobs under way get a bounded time, everything that is settled is
committed with the checkpoint, and the group is left. Second signal: leave at once. That loses nothing either,
but costs what a crash costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from connector import parts
from connector.core.actions import Commit, Pause, Poll, Resume, Submit
from connector.core.engine import Engine
from connector.core.reading.decode import Interpreter
from connector.credentials import Credentials
from connector.interpreters import interpreters
from connector.ops.admin import AdminServer, AdminUnavailableError
from connector.ops.log import summary
from connector.ops.metrics import Metrics
from connector.ops.status import Status
from connector.ops.watch import Heartbeat, RecentErrors
from connector.process import OwnProcess, Surroundings
from connector.pulse import Clock, Pulse
from connector.running.control import Control
from connector.running.kafka_side import KafkaSide
from connector.running.reporting import Reporting
from connector.running.sending import Sending
from connector.running.token_files import TokenFiles
from connector.running.view import View
from connector.settings import Settings
from connector.tracing.choice import observer_of

CUT_OFF_LIMIT = 2.0
"""Seconds that a stop waits for jobs, and then for the shutdown, while no broker can be reached."""
LEAVE_LIMIT = 12.0
"""Seconds that the whole shutdown may take otherwise, however long its steps would take one after the other.

Longer than a hand-over waits for requests under way. Whatever isn't over by then is left behind.
"""
LONGEST_WAIT = 1.0
"""Seconds after which the loop looks again even if nothing happened: the time of a stop may be up."""
LIVENESS = 60.0
"""Seconds without progress of one of the loops after which the process is not alive."""
LOOK_EVERY = 1.0
"""Seconds between two looks at the token's file, and at how fast everything goes."""


def run(settings: Settings, *, until_end: bool = False) -> int:
    """Run until a signal, a fault or, with `until_end`, the end. Return the exit code."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every platform

        factory = uvloop.new_event_loop
    process = OwnProcess()
    try:
        with asyncio.Runner(loop_factory=factory) as loop:
            return loop.run(Runner(settings, process, until_end=until_end).run())
    finally:
        process.finish()


class Runner:
    """One instance of the connector, and the loop that has the engine's actions carried out."""

    def __init__(self, settings: Settings, surroundings: Surroundings, *, until_end: bool = False) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._until_end = until_end
        self._credentials = Credentials.of(settings)
        secrets = parts.secrets(settings, self._credentials)
        self._mask, self._log = surroundings.set_up_log(settings.log, secrets)
        self._end_unreachable = ""
        """Why it can't read to the end any more, as `until_end` demands; empty while it can."""
        self.failure = ""
        """Why it ended without being told to; empty otherwise."""
        self.admin_port = settings.admin.port
        """The port of the admin endpoints; once they are up, the one that was chosen if the setting is 0."""
        clock = Clock()
        self._engine = Engine(parts.limits(settings), random.random)
        self._observer = observer_of(os.environ, settings, self._engine, self._log)
        self._pulse = Pulse(self._engine, clock)
        self._errors = RecentErrors()
        self._heartbeat = Heartbeat(clock, LIVENESS)
        self._registry = CollectorRegistry()
        contents = settings.kafka.contents
        self._metrics = Metrics(self._registry, contents)
        decoders = interpreters(settings)
        kafka = KafkaSide(
            self._pulse,
            decoders,
            self._log,
            source=lambda listener: parts.source(settings, listener, clock),
            letters=lambda tell, may_reopen: parts.dead_letters(settings, tell, may_reopen, clock),
            until_end=until_end,
            beat=self._heartbeat.beat,
            remember=lambda words: self._errors.add(clock(), words),
        )
        self._incidents, self._membership, self._ending = kafka.incidents, kafka.membership, kafka.ending
        self._consuming = kafka.consuming
        self._view = self._viewer(kafka)
        self._reporting = self._reporter(kafka, decoders)
        self._sending = self._sender()
        self._token_files = TokenFiles(
            self._pulse, self._credentials, settings.pushwoosh.code_of, self._mask, self._log, self._errors
        )
        self._told_to_stop_at: float | None = None
        self._next_look = 0.0
        self._next_summary = clock() + settings.log.summary_interval

    def _viewer(self, kafka: KafkaSide) -> View:
        return View(
            self._settings,
            self._pulse,
            kafka.source,
            kafka.incidents,
            self._metrics,
            self._heartbeat,
            self._errors,
            lambda: kafka.membership.in_doubt or kafka.consuming.wedged.suspected,
        )

    def _reporter(self, kafka: KafkaSide, decoders: Mapping[str, Interpreter]) -> Reporting:
        return Reporting(
            self._pulse,
            kafka,
            decoders,
            self._settings.pushwoosh.code_of,
            self._metrics,
            self._observer,
            self._log,
            self._errors,
        )

    def _sender(self) -> Sending:
        return Sending(
            self._pulse,
            parts.audience_client(self._settings, self._credentials, self._metrics.http_request),
            self._settings.pushwoosh,
            self._credentials,
            self._observer,
            may_still_send=lambda: self._membership.may_still_send,
        )

    async def run(self) -> int:
        """Run until told to stop, or until it can't go on. Return the exit code."""
        settings = self._settings
        admin = AdminServer(
            settings.admin.host,
            settings.admin.port,
            self._view,
            self._registry,
            self._mask,
            Control.of(settings.admin, self._pulse, self._mask, self._log),
        )
        try:
            # Before the producer: two processes on one port must not share a transactional id.
            await admin.start()
        except AdminUnavailableError as unavailable:
            self.failure = str(unavailable)
            self._log.error("admin endpoints unavailable", reason=self.failure)
            return 1
        self.admin_port = admin.port
        self._metrics.gauges_from(self._view.snapshot)
        self._surroundings.take_over(self.stop, self.release)
        self._log.info("started", admin_port=admin.port, until_end=self._until_end)
        try:
            return await self._live()
        finally:
            self._report()
            await admin.stop()

    async def _live(self) -> int:
        consuming = self._consuming
        await consuming.start()
        reading = asyncio.create_task(consuming.run())
        try:
            while not self._finished(reading):
                self._step()
                now = self._pulse.clock()
                wake_at = self._engine.wake_at(now)
                await self._pulse.wait(LONGEST_WAIT if wake_at is None else min(LONGEST_WAIT, wake_at - now))
            if self._end_out_of_reach:
                self._end_unreachable = "records were lost before they were read (see above)"
        finally:
            await self._wait_for(asyncio.create_task(self._shut_down(reading)))
        self._report()  # what was settled last counts too, and what was said last comes before the end
        self.failure = self._known_failure
        if self.failure:
            self._log.error("failed", reason=self.failure)
            return 1
        self._log.info("stopped", **{key: value for key, value in self._metrics.settled().items() if value})
        return 0

    async def _shut_down(self, reading: asyncio.Task[None]) -> None:
        consuming = self._consuming
        self._engine.stop()
        consuming.stop()
        await reading
        await consuming.leave()
        await self._sending.close()
        await self._observer.close()
        await consuming.close()

    async def _wait_for(self, shutdown: asyncio.Task[None]) -> None:
        """Wait for the shutdown, but not for ever: librdkafka's calls may never return without a broker."""
        began = self._pulse.clock()
        clean = not self._known_failure and not self._engine.assignments and self._engine.idle
        while not shutdown.done():
            await asyncio.wait({shutdown}, timeout=0.1)
            limit = CUT_OFF_LIMIT if self._incidents.cut_off else LEAVE_LIMIT
            if not shutdown.done() and self._pulse.clock() - began >= limit:
                if self._known_failure:
                    self.failure = self._known_failure
                    self._log.error("failed", reason=self.failure)
                cost = "costs nothing" if clean else "costs what a crash costs, nothing is lost"
                self._log.warning(f"left without Kafka's answer: that {cost}")
                self._surroundings.abandon(0 if clean else 1)
                return
        shutdown.result()

    # -- one step --------------------------------------------------------------------------------

    def _step(self) -> None:
        self._membership.note_standstill()
        self._consuming.watch_calls()
        now = self._pulse.clock()
        for action in self._engine.plan(now):
            match action:
                case Submit():
                    self._sending.submit(action)
                case Poll():
                    self._sending.poll(action)
                case Commit():
                    self._consuming.commit(action)
                case Pause() | Resume():
                    self._consuming.pause_or_resume(action)
        self._report()
        self._heartbeat.beat("runner")
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            self._token_files.look()
            self._view.sample()
        if self._settings.log.summary_interval and now >= self._next_summary:
            self._next_summary = now + self._settings.log.summary_interval
            summary(self._log, self._view.status())

    def _report(self) -> None:
        self._reporting.report()
        self._metrics.log_lines_lost.add(self._surroundings.lines_lost())

    # -- the end ---------------------------------------------------------------------------------

    @property
    def _known_failure(self) -> str:
        return self._consuming.failure or self._sending.failure or self._end_unreachable

    def _finished(self, reading: asyncio.Task[None]) -> bool:
        if reading.done() or self._known_failure or self._end_out_of_reach:
            return True
        if self._told_to_stop_at is not None:
            return self._engine.quiet or self._waited_enough(self._told_to_stop_at)
        return self._ending is not None and self._ending.reached()

    @property
    def _end_out_of_reach(self) -> bool:
        """Whether it is to run until the end, but records were lost before that."""
        to_the_end = self._ending is not None and self._told_to_stop_at is None
        return to_the_end and self._incidents.lost_records

    def _waited_enough(self, told_at: float) -> bool:
        """Whether jobs have had their time, or their outcome can't be committed anyway."""
        now = self._pulse.clock()
        cannot_commit = self._incidents.cut_off and now >= told_at + CUT_OFF_LIMIT
        return cannot_commit or now >= told_at + self._settings.jobs.stop_timeout

    def stop(self) -> None:
        """Begin to stop: nothing new is submitted, jobs under way get their time. Later calls do nothing."""
        if self._told_to_stop_at is None:
            self._told_to_stop_at = self._pulse.clock()
            self._engine.stop()
            self._pulse.ring()

    def release(self) -> None:
        """End the brake's halt, and probe each halted application at once."""
        if self._engine.release(self._pulse.clock()):
            self._log.info("going on as told")
        self._pulse.ring()

    def status(self) -> Status:
        """Return what `/status.json` shows."""
        return self._view.status()
