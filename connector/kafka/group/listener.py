"""What the consumer calls when partitions come and go, or when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from connector.kafka.troubles import Trouble
from connector.model import Position, Start, TopicPartition


class Listener(Protocol):
    """Who owns the partitions' state.

    Called on the loop, while the consumer waits: no task of one's own may call the consumer meanwhile.
    """

    async def assigned(self, starts: Sequence[Start]) -> None:
        """Own these partitions from now on. Also called, again, for a partition that was created anew."""

    async def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position]:
        """Let go of these partitions; what is returned is committed before the next owner reads it."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Somebody else owns these already: write nothing."""

    def trouble(self, trouble: Trouble) -> None:
        """Something began, lasts or ended: a line for the log, a state for readiness."""
