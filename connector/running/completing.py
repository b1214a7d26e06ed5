"""When a transaction without letters is due, because the last one may be incomplete.

A connection that is lost after a transaction was committed leaves that in doubt
(`connector/kafka/letters/doubt.py`). One more transaction with positions ends the doubt. If that fails,
positions don't wait for the next try: they are committed plainly meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.core.backoff import Backoff
from connector.kafka.letters.dead_letters import DeadLetters
from connector.model import TopicPartition
from connector.pulse import Pulse

ASK_FOR_COMMIT_EVERY = 1.0
"""Seconds between two requests for a commit while the doubt lasts."""
_BACKOFF = Backoff(2.0, 10.0)
"""Seconds until another try: there are several before a new owner stops waiting (`STUCK_AFTER`)."""


class Completing:
    """Asks for commits until the doubt is over, and says which of them go by a transaction."""

    def __init__(self, pulse: Pulse, letters: DeadLetters) -> None:
        self._pulse = pulse
        self._letters = letters
        self._failures = 0
        self._not_before = 0.0
        self._undone_in_vain = False
        self._ask_at = 0.0

    @property
    def due(self) -> bool:
        """Whether the next commit without letters is to be a transaction."""
        return self._letters.doubtful and self._pulse.clock() >= self._not_before

    def ask(self) -> None:
        """Ask the engine for a commit if a transaction is due."""
        if not self._letters.doubtful:
            self._failures, self._undone_in_vain = 0, False
        elif self.due and self._pulse.clock() >= self._ask_at:
            self._ask_at = self._pulse.clock() + ASK_FOR_COMMIT_EVERY
            self._pulse.engine.commit_soon()
            self._pulse.ring()

    def to_undo(self, unresolved: Collection[TopicPartition]) -> bool:
        """Whether to undo the transaction in doubt: a new assignment waits for offsets that it keeps back.

        Only where none of its partitions is owned here any more. After a failed attempt it is to be completed
        first, with the positions that are owned. `unresolved` are partitions whose offsets are waited for.
        """
        owned = self._pulse.engine.assignments
        if not self.due or (owned and self._undone_in_vain):
            return False
        homeless = self._letters.doubtful_partitions.difference(owned)
        return homeless == self._letters.doubtful_partitions and not homeless.isdisjoint(unresolved)

    def failed(self, *, undoing: bool = False) -> None:
        """A transaction without letters failed; `undoing`: the one that was to undo the last."""
        self._failures += 1
        self._undone_in_vain = undoing
        self._not_before = self._pulse.clock() + _BACKOFF.delay(self._failures, 0.5)
