"""The commits without letters: one at a time, and what their answers mean to the engine.

Made by the consumer's coroutine, which goes on fetching meanwhile: the answer comes with that. Within a
hand-over nothing is fetched, so there a commit is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from structlog.typing import FilteringBoundLogger

from connector.kafka.commits import CommitRefused
from connector.kafka.source import Source
from connector.membership import Membership
from connector.model import Position, TopicPartition
from connector.pulse import Pulse


@dataclass(eq=False)
class _UnderWay:
    positions: dict[TopicPartition, Position]
    written: bool
    doubts: int
    """Of the membership, before it was asked for."""


class Committing:
    """Commits positions. `written`: the letters that they free are in the topic already."""

    def __init__(
        self, pulse: Pulse, source: Source, membership: Membership, log: FilteringBoundLogger
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._source = source
        self._membership = membership
        self._log = log
        self._under_way: tuple[_UnderWay, asyncio.Future[None]] | None = None
        self.failures = 0

    @property
    def busy(self) -> bool:
        """Whether there is one that was not answered yet. There must not be another beside it."""
        return self._under_way is not None

    async def begin(self, positions: Mapping[TopicPartition, Position], *, written: bool = False) -> None:
        """Commit; the engine is told of the answer once it comes."""
        commit = _UnderWay(dict(positions), written, self._membership.doubts)
        answer = await self._source.begin_commit(positions)
        self._under_way = commit, answer
        answer.add_done_callback(partial(self._answered, commit))

    def _answered(self, commit: _UnderWay, answer: asyncio.Future[None]) -> None:
        if answer.cancelled():
            return
        self._under_way = None
        refused = answer.exception()
        if refused is None:
            self._worked(commit)
        else:
            self._failed(commit, refused)
        self._pulse.ring()

    async def at_once(self, positions: Mapping[TopicPartition, Position], *, written: bool = False) -> bool:
        """Commit and wait for the answer; tell whether it was taken. For hand-overs."""
        commit = _UnderWay(dict(positions), written, self._membership.doubts)
        try:
            await self._source.commit(positions)
        except CommitRefused as refused:
            self._failed(commit, refused)
            return False
        except asyncio.CancelledError:  # the hand-over took too long
            self._engine.commit_failed((), self._pulse.clock(), written=written)
            raise
        finally:
            self._pulse.ring()
        self._worked(commit)
        return True

    async def finish(self) -> bool:
        """Make the one under way once more and wait for that; False where it was not taken.

        It goes the same way to the broker, so that it is taken after the first one.
        """
        if self._under_way is None:
            return True
        (commit, answer), self._under_way = self._under_way, None
        answer.cancel()
        return await self.at_once(commit.positions, written=commit.written)

    def let_go(self, partitions: Iterable[TopicPartition]) -> None:
        """These are somebody else's: should they come back, what is under way for them is out of date."""
        if self._under_way is not None:
            commit, _ = self._under_way
            for partition in partitions:
                commit.positions.pop(partition, None)

    def _worked(self, commit: _UnderWay) -> None:
        self._engine.committed(self._pulse.clock())
        self._membership.proved(commit.doubts)

    def _failed(self, commit: _UnderWay, refused: BaseException) -> None:
        kind = refused.kind if isinstance(refused, CommitRefused) else "retry"
        self.failures += 1
        self._log.warning("commit refused", kind=kind, message=str(refused))
        if kind == "too_large":
            self._engine.checkpoint_too_long()
        self._engine.commit_failed((), self._pulse.clock(), written=commit.written)
