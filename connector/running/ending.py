"""When `--until-end` has reached the end: the group has committed all that was there at the start.

This member's own partitions are not enough. Others may belong to a member that is slow or has just died, and
a topic may be missing: a scheduler must not take the work for done then.
"""

from __future__ import annotations

from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from connector.kafka.group.source import Source
from connector.model import Start, TopicPartition
from connector.pulse import Pulse

ASK_REMAINDER_EVERY = 1.0
"""Seconds between two questions about the partitions of other members."""
AFTER_SILENCE = 5.0
"""Seconds after a question that was not answered: the consumer's coroutine waits for each."""


class Ending:
    """Knows whether the end is reached.

    The consumer's coroutine calls `ask_about_others`, the runner's loop `reached`.
    """

    def __init__(self, pulse: Pulse, source: Source, log: FilteringBoundLogger) -> None:
        self._engine = pulse.engine
        self._pulse = pulse
        self._source = source
        self._log = log
        self._ends: dict[TopicPartition, int] = {}
        self._ask_at = 0.0
        self._noted = False
        self._others_done = False
        self._told: list[TopicPartition] | None = None

    async def ends(self, starts: Sequence[Start]) -> dict[TopicPartition, int]:
        """Return how far to read these partitions: to where they ended at the start, as far as that is known.

        Else to where they ended when they were first assigned here.
        """
        self._ends = {**self._source.remainder.ends, **self._ends}
        unknown = [start.partition for start in starts if start.partition not in self._ends]
        self._ends.update(await self._source.end_offsets(unknown))
        return self._ends

    @property
    def _own_done(self) -> bool:
        assignments = self._engine.assignments.values()
        known = self._source.joined and not self._source.unresolved
        return known and self._engine.idle and all(each.done for each in assignments)

    def reached(self) -> bool:
        """Whether all that was there at the start is settled and committed, by us or by others."""
        return self._others_done and self._own_done

    async def ask_about_others(self) -> None:
        """Note where all partitions end; once our own are done, ask whether the others are."""
        now = self._pulse.clock()
        if self._others_done or now < self._ask_at or (self._noted and not self._own_done):
            return
        self._ask_at = now + AFTER_SILENCE
        self._noted = self._noted or await self._source.remainder.note()
        if not self._noted:
            return
        self._ask_at = now
        if not self._own_done:
            return
        left = await self._source.remainder.left(self._engine.assignments)
        self._ask_at = now + (AFTER_SILENCE if left is None else ASK_REMAINDER_EVERY)
        if left is not None:
            self._others_done = not left
            self._tell(left)
            self._pulse.ring()

    def _tell(self, left: list[TopicPartition]) -> None:
        if left and left != self._told:
            self._told = left
            partitions = [f"{topic}/{partition}" for topic, partition in sorted(left)]
            self._log.info("waiting for partitions of other members", partitions=partitions)
