"""What happens when partitions come and go.

The engine is told, and what was to be done for those that went is dropped: later it would be done in place of
their new owner. Called by the consumer, whose coroutine waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from connector.kafka.group.listener import Listener
from connector.kafka.troubles import Trouble
from connector.model import Position, Start, TopicPartition
from connector.pulse import Pulse
from connector.running.consuming import Consuming
from connector.running.ending import Ending
from connector.running.handing_over import HandingOver
from connector.running.incidents import Incidents
from connector.running.membership import Membership


class Rebalancing(Listener):
    """Listens to the consumer. `consuming` and `ending` return those: they need the consumer to be made."""

    def __init__(
        self,
        pulse: Pulse,
        log: FilteringBoundLogger,
        incidents: Incidents,
        membership: Membership,
        *,
        consuming: Callable[[], Consuming],
        ending: Callable[[], Ending | None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._log = log
        self._incidents = incidents
        self._membership = membership
        self._consuming = consuming
        self._ending = ending
        self.rebalances = 0

    async def assigned(self, starts: Sequence[Start]) -> None:
        """Partitions are ours from now on: tell the engine where each begins."""
        self.rebalances += 1
        ending = self._ending()
        ends: Mapping[TopicPartition, int] = {}
        if ending is not None:
            try:
                ends = await ending.ends(starts)
            except Exception as error:  # noqa: BLE001 -- without its end a partition would never be done
                self._consuming().fail(f"Kafka: where partitions end can't be told: {error}")
                return
        for start in starts:
            self._engine.assigned(start, ends.get(start.partition))
        self._membership.ask()
        self._log.info("assigned", partitions=len(starts), owned=len(self._engine.assignments))
        self._pulse.ring()

    async def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position]:
        """Hand partitions over, and the jobs under way in their checkpoints."""
        self.rebalances += 1
        consuming = self._consuming()
        await HandingOver(
            self._pulse, consuming.committing, consuming.writing, self._log, consuming.take_commit
        ).prepare()
        consuming.drop(partitions)
        positions = self._engine.revoked(partitions, self._pulse.clock())
        self._membership.ask()
        self._log.info("revoked", partitions=len(partitions), owned=len(self._engine.assignments))
        self._pulse.ring()
        return {} if consuming.writing.uncertain else positions

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions are somebody else's already: have the engine let go of them."""
        self.rebalances += 1
        self._consuming().drop(partitions)
        self._engine.lost(partitions, self._pulse.clock())
        self._membership.ask()
        self._log.warning("lost", partitions=len(partitions), owned=len(self._engine.assignments))
        self._pulse.ring()

    def trouble(self, trouble: Trouble) -> None:
        """Something is wrong with Kafka, or is no more."""
        self._incidents.tell(trouble)
