"""Writing dead letters: one write at a time, with the positions that they free, and what came of it.

Where the delivery has transactions, letters and positions are one; else the positions are left to be
committed plainly once the letters are in the topic. The consumer's coroutine goes on fetching meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from structlog.typing import FilteringBoundLogger

from connector.core.actions import Commit
from connector.kafka.group.source import Source
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.model import TopicPartition
from connector.ops.log import name_devices
from connector.pulse import Pulse, fault
from connector.running.completing import Completing
from connector.running.membership import Membership


class Writing:
    """One write of dead letters at a time. `fail` is called with the reason if this process can't go on."""

    def __init__(
        self,
        pulse: Pulse,
        letters: DeadLetters,
        source: Source,
        membership: Membership,
        log: FilteringBoundLogger,
        fail: Callable[[str], None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._letters = letters
        self._source = source
        self._membership = membership
        self._log = log
        self._fail = fail
        self.completing = Completing(pulse, letters)
        self._task: asyncio.Task[object] | None = None
        self._left: set[TopicPartition] = set()
        """Partitions that were revoked or lost while letters were being written."""
        self.written: Commit | None = None
        """The commit whose letters are written and whose positions are still to be committed plainly."""
        self.failures = 0
        self.shut_out = False
        """Another process has our transactional id: nothing is written any more, and this one ends."""

    @property
    def busy(self) -> bool:
        """Whether a write is under way. There must not be another beside it, nor a commit."""
        return self._task is not None

    def wants(self, action: Commit) -> bool:
        """Whether this commit needs a write: it has letters, or completes the transaction in doubt."""
        return bool(action.letters) or self.completing.due

    @property
    def uncertain(self) -> bool:
        """Whether it can't be known any more if the last transaction was committed.

        Plain positions might undo it then, and the next owner would write its letters again.
        """
        return self.shut_out and self._letters.doubtful

    async def begin(self, action: Commit) -> asyncio.Task[bool]:
        """Begin a write; the engine is told of its outcome. The task returns what `at_once` does."""
        self._left.clear()
        try:
            metadata = await self._source.group_metadata() if self._letters.commits_positions else None
        except BaseException:  # the hand-over took too long
            self._engine.commit_withdrawn()
            raise
        self._task = writing = asyncio.create_task(self._write(action, metadata))
        return writing

    async def at_once(self, action: Commit) -> bool:
        """Write, and wait for the outcome: for hand-overs.

        Return whether no letter is left to write: then the positions are committed, or wait in `written`.
        """
        writing = await self.begin(action)
        # Should the hand-over end before the transaction does, its outcome still matters.
        return await asyncio.shield(writing)

    async def begin_undo(self) -> None:
        """Undo the last transaction: its records are read again."""
        self._task = asyncio.create_task(self._undo(await self._source.group_metadata()))

    def take_written(self) -> Commit | None:
        """Take the commit whose letters are written, to commit its positions; None if there is none."""
        written, self.written = self.written, None
        return written

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are another owner's: do not commit their positions any more."""
        self._left.update(partitions)
        self._letters.let_go(partitions)
        if self.written is not None and not self.written.positions.keys().isdisjoint(partitions):
            self.written = None
            self._engine.commit_withdrawn(written=True)

    async def _write(self, action: Commit, metadata: object) -> bool:
        standstills = self._membership.standstills
        try:
            await self._letters.write(action.letters, action.positions, metadata)
            if self._letters.commits_positions:
                self._engine.committed(self._pulse.clock())
                self._membership.proved(standstills)
            else:
                self._leave_positions(action)
            name_devices(self._log, action.letters)
        except LettersUnwritable as unwritable:
            return self._unwritable(action, unwritable)
        except Fenced as fenced:
            self._fenced(action, fenced)
            return False
        except Exception as error:  # noqa: BLE001 -- nobody waits for this task: it must not end unheard
            self._fail(f"dead letters: {fault(error)}")
            return False
        else:
            return True
        finally:
            self._letters.let_go(self._left)
            self._ended()

    def _unwritable(self, action: Commit, unwritable: LettersUnwritable) -> bool:
        """Report to the engine; return whether only positions are left to be committed."""
        if not action.letters:  # it was to complete the one before; these positions need no transaction
            self.completing.failed()
            self._leave_positions(action)
            return True
        self._not_written(unwritable.message, unwritable.refused)
        if unwritable.kind == "metadata_too_large":
            self._engine.checkpoint_too_long()
        return False

    def _fenced(self, action: Commit, fenced: Fenced) -> None:
        if action.letters:
            self._not_written(fenced.message, {})
        else:  # pause before the next one, or a hand-over would try it again and again
            self.completing.failed()
            self._engine.commit_failed((), self._pulse.clock())
        self._heed(fenced)

    def _heed(self, fenced: Fenced) -> None:
        if fenced.by == "producer":
            self.shut_out = True
            self._fail(f"another process uses the transactional id of this one: {fenced.message}")

    async def _undo(self, metadata: object) -> None:
        try:
            await self._letters.undo(metadata)
            self._log.warning("a transaction that was never completed is undone: its records are read again")
        except LettersUnwritable:
            self.completing.failed(undoing=True)
        except Fenced as fenced:
            self.completing.failed(undoing=True)
            self._heed(fenced)
        except Exception as error:  # noqa: BLE001 -- nobody waits for this task: it must not end unheard
            self._fail(f"dead letters: {fault(error)}")
        finally:
            self._ended()

    def _ended(self) -> None:
        self._task = None
        self._pulse.ring()

    def _leave_positions(self, action: Commit) -> None:
        """Have the positions committed plainly, unless one of their partitions has gone meanwhile."""
        if self._left.isdisjoint(action.positions):
            self.written = action
        else:
            self._engine.commit_withdrawn(written=True)

    def _not_written(self, message: str, refused: Mapping[int, str]) -> None:
        self.failures += 1
        self._log.warning("dead letters not written", message=message, refused=len(refused))
        self._engine.commit_failed(refused, self._pulse.clock())
