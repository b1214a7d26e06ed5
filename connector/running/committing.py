"""Plain commits of positions, and what their answers mean to the engine.

The consumer's coroutine waits for each, so one at a time is under way and none can overtake a later one.
While no broker can be reached librdkafka waits without limit, and so does the coroutine (`Source.waits`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.group.source import Source
from connector.model import Position, TopicPartition
from connector.pulse import Pulse
from connector.running.membership import Membership


class Committing:
    """Commits positions without a transaction."""

    def __init__(
        self,
        pulse: Pulse,
        source: Source,
        membership: Membership,
        log: FilteringBoundLogger,
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._source = source
        self._membership = membership
        self._log = log
        self.failures = 0

    async def commit(self, positions: Mapping[TopicPartition, Position], *, written: bool = False) -> bool:
        """Commit, and return whether the group took it. It may take long: only a hand-over bounds the time.

        `written`: the letters that these positions depend on are in the topic already.
        """
        standstills = self._membership.standstills
        try:
            await self._source.commit(positions)
        except CommitRefused as refused:
            self.failures += 1
            tell = self._log.info if refused.kind == "fenced" else self._log.warning  # rebalances do that
            tell("commit refused", kind=refused.kind, message=refused.message)
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
        self._membership.proved(standstills)
        return True
