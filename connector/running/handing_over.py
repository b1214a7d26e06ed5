"""What is done before partitions go to another member: what was sent is known, what is decided is written.

Given: what the engine has under way and which commit it planned. Gives: nothing; whatever could be committed
within `HAND_OVER_LIMIT` is. It runs inside a callback of the consumer, where the consumer may be called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from connector.core.actions import Commit
from connector.pulse import Pulse
from connector.running.committing import Committing
from connector.running.writing import Writing

HAND_OVER_LIMIT = 10.0
"""Seconds that a hand-over waits for answers of requests under way and for a transaction."""
_HELD_FOR = "handing over"
_UNANSWERED = "handing over with requests unanswered: their devices may be sent twice"
_UNCOMMITTED = "handing over without an answer to the last commit: what it settles may be done again"


class HandingOver:
    """Prepares partitions to go. `take_commit` takes the commit that was planned and isn't begun yet."""

    def __init__(
        self,
        pulse: Pulse,
        committing: Committing,
        writing: Writing,
        log: FilteringBoundLogger,
        take_commit: Callable[[], Commit | None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._committing = committing
        self._writing = writing
        self._log = log
        self._take_commit = take_commit

    async def prepare(self) -> None:
        """Wait for what only this process can learn, then commit; nothing is submitted meanwhile.

        No draining: jobs under way travel in the checkpoint. Waited for are only requests that were not
        answered yet, because nobody else could ever learn what became of them, and a write of letters
        under way, whose offsets are committed with it.
        """
        self._engine.hold_submissions(_HELD_FOR)
        try:
            async with asyncio.timeout(HAND_OVER_LIMIT):
                await self._wait_for_answers()
                await self._flush()
        except TimeoutError:
            self._log.warning(_UNANSWERED if self._engine.posting else _UNCOMMITTED)
        finally:
            self._engine.allow_submissions(_HELD_FOR)

    async def _wait_for_answers(self) -> None:
        while self._engine.posting or self._writing.busy:  # noqa: ASYNC110 -- two owners
            await asyncio.sleep(0.002)

    async def _flush(self) -> None:
        """Commit all there is, one commit after the other, until one fails.

        Nothing for one that may write no letters any more: what is settled goes with the partitions.
        """
        if self._writing.shut_out or not await self._commit_written():
            return
        if self._writing.completing.due:
            self._engine.commit_soon()
        commit = self._take_commit() or self._engine.flush(self._pulse.clock())
        while commit is not None:
            if self._writing.wants(commit):
                if not await self._writing.at_once(commit) or not await self._commit_written():
                    return
            elif not await self._committing.commit(commit.positions):
                return
            commit = self._engine.flush(self._pulse.clock())

    async def _commit_written(self) -> bool:
        written = self._writing.take_written()
        return written is None or await self._committing.commit(written.positions, written=True)
