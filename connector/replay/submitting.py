"""Submits letters to the API by the connector's own engine: its lanes, batches, retries and verdicts.

The engine is given the letters as one partition of a made-up topic, numbered in the order in which they
go. What it would commit is what is confirmed; what it would dead-letter is reported and stays where it is.

A letter counts as sent again once it is confirmed and that is committed, so a run that is killed submits
again what it had under way: at least once, as all that goes to the API.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from connector.answers import Accepted, PostAnswer, Unavailable
from connector.core.actions import Commit, Poll, Submit
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.queueing.coalesce import contributors
from connector.credentials import Credentials
from connector.model import Rejection, Start, TopicPartition
from connector.ops.mends import mend_for
from connector.options import Failed
from connector.parts import audience_client, limits
from connector.pulse import Clock, Pulse
from connector.replay.choosing import Standing
from connector.replay.failed import Interrupted
from connector.replay.letter import SourceRecord
from connector.replay.progress import Spot
from connector.replay.replaying import Ready, Replay
from connector.replay.stopping import MOST_AT_ONCE, RateLimit, Stop
from connector.running.sending import Sending
from connector.settings import Settings
from connector.tracing.watch import Observer

DOWN_LIMIT = 60.0
"""Seconds that the API may be down before the run ends."""
_MADE_UP = TopicPartition("dead letters", 0)
_LINGER = 0.1
"""Seconds that a batch waits to fill at most: nobody will bring more."""
_TICK = 0.2
"""Seconds between two looks at whether it should end."""


class _Whereabouts(Observer):
    """Knows which events, by their number, are at the API or may be: accepted, or the reply was lost."""

    def __init__(self) -> None:
        self._sent: set[int] = set()
        self._on_the_way: dict[int, set[int]] = {}

    def submitting(self, batch: Batch) -> None:
        numbers = {each.offset for event in batch.events for each in contributors(event)}
        self._on_the_way[batch.serial] = numbers

    def posted(self, batch: Batch, answer: PostAnswer) -> None:
        numbers = self._on_the_way.pop(batch.serial, set())
        if isinstance(answer, Accepted) or (isinstance(answer, Unavailable) and answer.maybe_accepted):
            self._sent |= numbers

    def maybe_there(self) -> set[int]:
        """Return the numbers of all that the API has or may have."""
        return self._sent.union(*self._on_the_way.values())


class Submission:
    """One run against the API. `confirmed` counts letters; `tell` hears how many have their verdict."""

    def __init__(self, settings: Settings, replay: Replay, stop: Stop, tell: Callable[[int], None]) -> None:
        self.confirmed = 0
        self._refused = 0
        self.open: dict[int, Ready] = {}
        """Letters that the engine has, by their number."""
        self._settings = settings
        self._replay = replay
        self._stop = stop
        self._tell = tell
        self._limit = RateLimit(replay.wish.rate, MOST_AT_ONCE)
        self._most_open = max(MOST_AT_ONCE, 2 * settings.batch.max_devices)
        self._given = 0
        self._next_at = 0.0
        self._all_given = False
        self._ending: Exception | None = None
        self._down_since: float | None = None
        self._whereabouts = _Whereabouts()
        bounds = replace(limits(settings), brake_share=0.0, linger=min(settings.batch.linger, _LINGER))
        self._engine = Engine(bounds, random.random)
        self._engine.assigned(Start(_MADE_UP, 0, ""))
        self._pulse = Pulse(self._engine, Clock())

    async def run(self) -> None:
        """Submit and confirm everything. Raises Interrupted or Failed, with what was under way settled."""
        credentials = Credentials.of(self._settings)
        client = audience_client(self._settings, credentials)
        watch = self._whereabouts
        sending = Sending(self._pulse, client, self._settings.pushwoosh, credentials, watch)
        began, give_up_at = time.monotonic(), 0.0
        try:
            while not self._finished():
                if self._ending is None:
                    await self._give(began)
                await self._carry_out(sending)
                self._look_for_trouble()
                if self._ending is not None:
                    give_up_at = give_up_at or time.monotonic() + self._settings.jobs.stop_timeout
                    if time.monotonic() >= give_up_at:
                        break
                now = self._pulse.clock()
                wake_at = self._engine.wake_at(now)
                await self._pulse.wait(min(_TICK, _TICK if wake_at is None else wake_at - now))
        finally:
            await sending.close()
        if self._ending is not None:
            raise self._ending

    @property
    def without_verdict(self) -> int:
        """How many are at the API, or may be, and what became of them isn't known."""
        return len(self.open.keys() & self._whereabouts.maybe_there())

    def _finished(self) -> bool:
        if self._ending is None:
            return self._all_given and not self.open
        engine = self._engine
        return engine.idle and not engine.letters_owed and not engine.assignments[_MADE_UP].dirty

    # -- giving ------------------------------------------------------------------------------------

    async def _give(self, began: float) -> None:
        """Give the engine the next letters, unless it has enough or it is too early."""
        if self._all_given or len(self.open) >= self._most_open or time.monotonic() < self._next_at:
            return
        try:
            batch = await asyncio.to_thread(self._replay.next_batch, self._limit.at_once)
        except (Interrupted, Failed) as why:
            self._end(why)
            return
        self._all_given = not batch
        if batch:
            self._take(batch)
            elapsed = time.monotonic() - began
            self._next_at = time.monotonic() + self._limit.wait(self._given, elapsed)

    def _take(self, batch: Sequence[Ready]) -> None:
        records, events = [], []
        for number, ready in enumerate(batch, self._given):
            event = ready.event
            if event is None:
                raise TypeError(f"{ready.letter.id} has nothing to submit")
            event.record, event.offset = SourceRecord(ready.letter, number), number
            records.append(event.record)
            events.append(event)
            self.open[number] = ready
        self._given += len(batch)
        self._engine.received(_MADE_UP, records, events, self._pulse.clock())

    # -- carrying out --------------------------------------------------------------------------------

    async def _carry_out(self, sending: Sending) -> None:
        for action in self._engine.plan(self._pulse.clock()):
            match action:
                case Submit():
                    sending.submit(action)
                case Poll():
                    sending.poll(action)
                case Commit():
                    await self._settle(action)

    async def _settle(self, commit: Commit) -> None:
        """Remember what is confirmed; report what is refused."""
        refused: dict[int, Rejection] = {each.record.offset(): each.rejection for each in commit.letters}
        offsets = self._engine.assignments[_MADE_UP].offsets
        over = [number for number in self.open if offsets.is_settled(number)]
        progress = self._replay.progress
        good = self._spots(number for number in over if number not in refused)
        bad = self._spots(number for number in over if number in refused)
        if good or bad:
            progress.done(good)
            progress.refused(bad, "api")
            positions = progress.positions({place for place, _ in (*good, *bad)})
            await asyncio.to_thread(self._replay.desk.reader.commit, positions)
        self._engine.committed(self._pulse.clock())
        for number in over:
            candidate = self.open.pop(number).candidate
            rejection = refused.get(number)
            if rejection is None:
                candidate.standing = Standing.SENT
                self.confirmed += 1
            else:
                candidate.stay(Standing.REFUSED, f"{rejection.reason}: {rejection.detail}")
                self._refused += 1
        self._tell(self.confirmed + self._refused)

    def _spots(self, numbers: Iterable[int]) -> list[Spot]:
        """Return where letters lie, but for those that are sent already."""
        spots = (spot for number in numbers for spot in self.open[number].candidate.spots)
        return [spot for spot in spots if not self._replay.progress.is_done(spot)]

    # -- trouble -------------------------------------------------------------------------------------

    def _look_for_trouble(self) -> None:
        if self._stop.asked:
            self._end(Interrupted())
        self._look_for_halts()
        self._engine.take_notices()
        words = self._engine.outage
        if words is None:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
            sys.stderr.write(f"the API is down ({words}): trying again\n")
        elif time.monotonic() - self._down_since >= DOWN_LIMIT:
            self._end(
                Failed(
                    f"the API has been down for {DOWN_LIMIT:g} s ({words}); see that this machine "
                    "reaches pushwoosh.url"
                )
            )

    def _look_for_halts(self) -> None:
        """End where nothing more can be sent. One application's halt is no reason while there is another."""
        halts = self._engine.halts
        for halt in halts.of_instance.values():
            self._end(Failed(f"the API refuses everything ({halt.cause}): {halt.message}; {mend_for(halt)}"))
        halted = halts.applications
        if not halted:
            return
        whose = {each.event.application for each in self.open.values() if each.event is not None}
        all_there = self._all_given or len(self.open) >= self._most_open
        if not (whose and all_there and whose <= halted.keys()):
            return
        halt = halted[min(whose)]
        what = "everything"
        if self._settings.applications:
            what += f" of application {self._settings.pushwoosh.code_of(halt.application)}"
        self._end(Failed(f"the API refuses {what} ({halt.cause}): {halt.message}; {mend_for(halt)}"))

    def _end(self, why: Exception) -> None:
        """Submit nothing more; follow what is under way for a bounded time."""
        if self._ending is None:
            self._ending = why
            self._engine.stop()
