"""The commits without letters, and what their answers mean to the engine.

Made by the consumer's coroutine, which waits for each: one at a time is under way, and none can come after a
later one. While no broker is left librdkafka waits without an end; then it is told, and is no fault of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from connector.kafka.commits import CommitRefused
from connector.kafka.source import Source
from connector.membership import Membership
from connector.model import Position, TopicPartition
from connector.pulse import Pulse

BEAT_EVERY = 5.0
"""Seconds between two signs of life while a commit is waited for."""
SILENCE = 20.0
"""Seconds without an answer from which it is told: a broker answers within milliseconds."""


class Committing:
    """Commits positions. `written`: the letters that they free are in the topic already."""

    def __init__(
        self,
        pulse: Pulse,
        source: Source,
        membership: Membership,
        log: FilteringBoundLogger,
        beat: Callable[[], None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._source = source
        self._membership = membership
        self._log = log
        self._beat = beat
        self.failures = 0

    async def patiently(self, positions: Mapping[TopicPartition, Position], *, written: bool = False) -> None:
        """Commit, however long that takes: nothing else of the consumer is heard of meanwhile."""
        work = asyncio.create_task(self.commit(positions, written=written))
        waited = 0.0
        try:
            while not (await asyncio.wait({work}, timeout=BEAT_EVERY))[0]:
                waited += BEAT_EVERY
                self._beat()
                if waited >= SILENCE:
                    self._source.unanswered(waited)
        finally:
            work.cancel()
        work.result()

    async def commit(self, positions: Mapping[TopicPartition, Position], *, written: bool = False) -> bool:
        """Commit and tell whether that was taken; within a hand-over, which bounds the time."""
        doubts = self._membership.doubts
        try:
            await self._source.commit(positions)
        except CommitRefused as refused:
            self.failures += 1
            self._log.warning("commit refused", kind=refused.kind, message=refused.message)
            if refused.kind == "too_large":
                self._engine.checkpoint_too_long()
            self._engine.commit_failed((), self._pulse.clock(), written=written)
            return False
        except asyncio.CancelledError:  # the hand-over took too long
            self._engine.commit_failed((), self._pulse.clock(), written=written)
            raise
        finally:
            self._pulse.ring()
        self._engine.committed(self._pulse.clock())
        self._membership.proved(doubts)
        return True
