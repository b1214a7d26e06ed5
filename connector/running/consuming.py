"""The consumer's coroutine: carries out the engine's actions on Kafka, and gives it what was fetched.

One coroutine makes all calls on the consumer: fetch, commit, pause, resume. A commit can therefore
never wait behind a fetch whose rebalance callback waits for that very commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from structlog.typing import FilteringBoundLogger

from connector.core.actions import Commit, Pause, Resume
from connector.core.reading.decode import Interpreter
from connector.kafka.group.source import Source, SourceFailed
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.troubles import Trouble
from connector.model import TopicPartition
from connector.pulse import Pulse, fault
from connector.running.committing import Committing
from connector.running.decoding import SHORT_WAIT, Decoding
from connector.running.ending import Ending
from connector.running.membership import Membership
from connector.running.wedged import Wedged
from connector.running.writing import Writing

MOST_RECORDS = 4000
"""Records of one fetch: some ten milliseconds of work at once. With half as many throughput was a tenth to a
fifth less, and the overhead's 99th percentile at half of it 61 ms instead of 41."""
FEW_RECORDS = 1000
"""Records of one fetch while enough is ready to be sent: answers of the API wait until a fetch is decoded,
and cost more then. With MOST_RECORDS throughput was a sixth less where jobs take 0.1 s."""
FETCH_WAIT = 0.003
"""Seconds that a fetch waits for more records while they flow; commits wait behind it."""
EMPTY_WAIT = 0.01
"""Seconds that a fetch waits after one that brought nothing, and that a full buffer sleeps at a time: a
shorter wait would cost CPU."""
IDLE_WAIT = 0.025
"""Seconds that a fetch waits for its first record while nothing is under way that a commit could be for."""
FULL_WAIT = 0.2
"""Seconds that nothing is fetched while the buffer is full, before its partitions are paused."""


class Consuming:
    """The consumer's coroutine. `tell` hears of an outage of a decoder, `beat` that the coroutine goes on."""

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        pulse: Pulse,
        interpreters: Mapping[str, Interpreter],
        log: FilteringBoundLogger,
        *,
        source: Source,
        letters: DeadLetters,
        membership: Membership,
        ending: Ending | None,
        tell: Callable[[Trouble], None],
        beat: Callable[[str], None],
    ) -> None:
        """`ending` is there for an instance that runs until the end."""
        self._pulse = pulse
        self._engine = pulse.engine
        self._source = source
        self._letters = letters
        self._membership = membership
        self._ending = ending
        self._decoding = Decoding(pulse, interpreters, self._wake_for_decoder, tell)
        self._beat = beat
        self._pending_commit: Commit | None = None
        self._pauses: list[Pause | Resume] = []
        self._wake_up = asyncio.Event()
        """Set when there is something to do that `_sleep` should not wait for."""
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._full_since: float | None = None
        self._last_fetch_brought = True
        """Whether the last fetch brought something."""
        self.committing = Committing(pulse, source, membership, log)
        self.writing = Writing(pulse, letters, source, membership, log, self.fail)
        self._round_began: float | None = None
        """When the coroutine began what it is doing; None while it doesn't run."""
        self.wedged = Wedged(pulse, source.answers_another, self.fail)
        self.failure = ""
        """Why this process can't go on, once that is so."""

    def fail(self, why: str) -> None:
        """End this process for this reason."""
        self.failure = why

    # -- what is to be done ----------------------------------------------------------------------

    def commit(self, action: Commit) -> None:
        """Have these positions committed; where there are letters, `Writing` writes both, in a thread."""
        self._pending_commit = action
        self._wake_up.set()

    def take_commit(self) -> Commit | None:
        """Take the commit that is to be made and isn't begun yet; None if there is none."""
        pending, self._pending_commit = self._pending_commit, None
        return pending

    def pause_or_resume(self, action: Pause | Resume) -> None:
        """Have partitions paused or resumed."""
        self._pauses.append(action)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what was to be done for these: they are another owner's now."""
        gone = set(partitions)
        self._decoding.let_go(gone)
        for change in self._pauses:
            change.partitions = [each for each in change.partitions if each not in gone]
        if self._pending_commit is not None and not gone.isdisjoint(self._pending_commit.positions):
            self._pending_commit = None
            self._engine.commit_withdrawn()
        self.writing.let_go(gone)

    # -- the coroutine ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Join the group, once letters could be written."""
        self._membership.standstill.start()
        await self._letters.start()
        await self._source.start()

    async def leave(self) -> None:
        """Leave the group, which asks for what is to be committed last. Call it once `run` has returned."""
        await self._source.close()

    async def close(self) -> None:
        """Let go of the rest."""
        await self._letters.close()
        self._membership.standstill.stop()

    async def run(self) -> None:
        """Fetch and commit until `stop`, or until it can't any more: then `failure` says why."""
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopped:
                self._round_began = self._pulse.clock()
                await self._carry_out_actions()
                await self._fetch()
                if self._ending is not None:
                    await self._ending.ask_about_others()
                self._beat("consumer")
        except SourceFailed as failed:
            self.fail(f"Kafka: {failed}")
        except Exception as error:  # noqa: BLE001 -- whatever it is, the group is to be left in order
            self.fail(f"what Kafka delivered: {fault(error)}")
        self._round_began = None
        self._pulse.ring()

    def watch_calls(self) -> None:
        """Call at each step: report a commit that has had no answer for long, and end what never gets any.

        Beats for the consumer's coroutine while it waits for a commit, because it can't do so itself.
        """
        self.wedged.watch(self._round_began)
        self._source.tell_silence()
        if self._source.waits():
            self._beat("consumer")

    def stop(self) -> None:
        """Have `run` return once it has done what it is doing."""
        self._stopped = True

    async def _fetch(self) -> None:
        engine = self._engine
        now = self._pulse.clock()
        if self._decoding.parked and await self._wait_for_decoder():
            return
        if engine.full:
            self._full_since = now if self._full_since is None else self._full_since
            if now - self._full_since < FULL_WAIT:
                await self._sleep(EMPTY_WAIT)
                return
            self._pulse.ring()
        else:
            self._full_since = None
        if engine.idle and not self._last_fetch_brought:
            fetched = await self._source.fetch(1, IDLE_WAIT)  # one is enough to end the wait
        else:
            wait = FETCH_WAIT if self._last_fetch_brought else EMPTY_WAIT
            usual = FEW_RECORDS if engine.supplied else MOST_RECORDS
            fetched = await self._source.fetch(engine.fetch_size(usual), wait)
        self._last_fetch_brought = bool(fetched)
        if fetched:
            self._decoding.take(fetched)
            self._pulse.ring()

    async def _sleep(self, longest: float) -> None:
        """Sleep until there is something to do, at most `longest` seconds."""
        timer = asyncio.get_running_loop().call_later(longest, self._wake_up.set)
        await self._wake_up.wait()
        timer.cancel()
        self._wake_up.clear()

    async def _wait_for_decoder(self) -> bool:
        """Retry the records that wait for their decoder. True if it is better not to fetch now.

        Partitions that have to wait for longer are paused and the others are read on, because a fetch also
        serves rebalances.
        """
        decoding = self._decoding
        if decoding.retry():
            self._pulse.ring()
        free = decoding.to_resume()
        if free:
            assignments = self._engine.assignments
            await self._source.resume(
                [each for each in free if each in assignments and not assignments[each].paused]
            )
        if decoding.soon_over():
            await self._sleep(SHORT_WAIT)
            return True
        waiting = decoding.to_pause()
        if waiting:
            await self._source.pause(waiting)
        return False

    def _wake_for_decoder(self) -> None:
        """From any thread: have the records that wait for their decoder retried."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._retry_soon)

    def _retry_soon(self) -> None:
        self._decoding.wake()
        self._wake_up.set()

    async def _carry_out_actions(self) -> None:
        pauses, self._pauses = self._pauses, []
        for change in pauses:
            if isinstance(change, Pause):
                await self._source.pause(change.partitions)
            else:
                await self._source.resume(self._decoding.keep_paused(change.partitions))
        self.writing.completing.ask()
        if not self.writing.busy and not self.writing.shut_out:
            await self._commit_next()

    async def _commit_next(self) -> None:
        """Begin the next commit, if there is one. Call it only while no write is under way."""
        written = self.writing.take_written()
        if written is not None:
            await self.committing.commit(written.positions, written=True)
        elif self.writing.completing.to_undo(self._source.unresolved):
            await self.writing.begin_undo()
        elif (action := self.take_commit()) is not None:
            if self.writing.wants(action):
                await self.writing.begin(action)
            else:
                await self.committing.commit(action.positions)
