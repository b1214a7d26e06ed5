"""The partitions of this member: where each is read from, which can't be read yet, and which not at all.

Given partitions, it finds where they begin and has librdkafka assign them; given records, it says which
count. It knows the consumer, but nothing of the group's life: membership and commits are `source`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from confluent_kafka import OFFSET_END, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.group.listener import Listener
from connector.kafka.group.start_decision import StartDecision
from connector.kafka.group.start_lookup import MOST_SILENT, StartLookup, name
from connector.kafka.troubles import CONNECTION, DATA_LOSS, Troubles
from connector.model import Fetched, Start, TopicPartition


class Owned:
    """The partitions that this member was assigned. `client` returns the consumer.

    `failed` gets what librdkafka raises while offsets are asked for or partitions let go; it may raise.
    """

    def __init__(
        self,
        client: Callable[[], AIOConsumer],
        start_lookup: StartLookup,
        listener: Listener,
        troubles: Troubles,
        failed: Callable[[Exception], None],
    ) -> None:
        self._client = client
        self._lookup = start_lookup
        self._listener = listener
        self._troubles = troubles
        self._failed = failed
        self._offsets: dict[TopicPartition, int] = {}
        """Partitions that the listener owns, each with the next offset to be read."""
        self._unresolved: set[TopicPartition] = set()
        """Assigned, but where to begin isn't known yet."""
        self._halted: set[TopicPartition] = set()
        """Assigned, but not read: records are gone, or there is no offset to begin at."""
        self._misplaced: dict[TopicPartition, KafkaError] = {}
        """Owned, but the next offset isn't in the log, and where to go on isn't known yet."""
        self._paused: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        """Where each ends, as far as is known."""
        self._stale: list[TopicPartition] = []
        """Not fetched, so that no fetch reply tells where they end."""
        self._passed_over: dict[TopicPartition, int] = {}
        """Partitions whose records before this offset turned out to be gone; the listener isn't told yet."""
        self._records_lost: Counter[str] = Counter()
        """By topic, records that were gone before they were read and were passed over."""

    def __contains__(self, partition: TopicPartition) -> bool:
        return partition in self._offsets

    # -- reading ---------------------------------------------------------------------------

    def take_in(self, fetched: list[Fetched]) -> list[Fetched]:
        """Drop what isn't owned; remember how far each partition was read."""
        kept = [f for f in fetched if f.partition in self._offsets and f.partition not in self._halted]
        for one in kept:
            after = one.records[-1].offset() + 1 if one.records else 0
            reached = max(after, one.end or 0)
            self._offsets[one.partition] = reached
            if reached > self._ends.get(one.partition, -1) or one.end is not None:
                self._ends[one.partition] = reached
            if self._troubles.active:
                self._troubles.works(CONNECTION)
                self._troubles.works(("topic_authorization", "topic_missing"), one.partition.topic)
        return kept

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing more from these; what isn't owned is left out."""
        chosen = [p for p in partitions if p in self._offsets]
        self._paused.update(chosen)
        if chosen:
            await self._client().pause(bare(chosen))

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`."""
        chosen = [p for p in partitions if p in self._offsets]
        self._paused.difference_update(chosen)
        if going := [p for p in chosen if p not in self._halted]:
            await self._client().resume(bare(going))

    @property
    def unresolved(self) -> Collection[TopicPartition]:
        """The partitions of which it isn't known yet where they begin."""
        return self._unresolved

    @property
    def topics(self) -> Collection[str]:
        """The topics of which anything is assigned, whether it can be read or not."""
        return {p.topic for some in (self._offsets, self._unresolved, self._halted) for p in some}

    # -- where they end --------------------------------------------------------------------

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask the brokers where these end: the first offset that a read_committed reader can't see yet.

        In one question: of fetched partitions each takes as long as a fetch waits. Where a broker doesn't
        answer it is what it said last, for each partition was asked about to be assigned.
        """
        try:
            self._ends.update(await self._lookup.ends_of(partitions))
        except KafkaException as exception:
            self._failed(exception)
        return {partition: self._ends[partition] for partition in partitions}

    async def _ask_end(self, partition: TopicPartition) -> None:
        try:
            _, self._ends[partition] = await self._lookup.watermarks(partition)
        except KafkaException as exception:
            self._failed(exception)

    def known_ends(self) -> dict[TopicPartition, int]:
        """Where each owned partition ends, as last heard: a few seconds old at most. Costs no request."""
        return {p: max(self._ends.get(p, 0), reached) for p, reached in self._offsets.items()}

    def heard_of(self, ends: Mapping[TopicPartition, int]) -> None:
        """Note where partitions end as fetch replies told; `ask_again` asks about others, one at a time."""
        for partition, end in ends.items():
            if partition in self._offsets:
                self._ends[partition] = max(end, self._ends.get(partition, 0))
        self._stale = [p for p in self._offsets if p in self._paused or p in self._halted]

    # -- coming and going ------------------------------------------------------------------

    async def begin(
        self, partitions: Collection[TopicPartition], found: Mapping[TopicPartition, StartDecision]
    ) -> None:
        """Assign: what is resolved at its offset, the rest at the end of its log, paused."""
        self._ends.update({p: decision.end for p, decision in found.items()})
        reading = {p: decision for p, decision in found.items() if not decision.halted}
        waiting = [p for p in partitions if p not in reading]
        self._offsets.update({p: decision.offset for p, decision in reading.items()})
        self._halted.difference_update(reading)
        self._halted.update(p for p, decision in found.items() if decision.halted)
        self._unresolved.difference_update(found)
        self._unresolved.update(p for p in partitions if p not in found)
        places = [
            KafkaTopicPartition(p.topic, p.partition, decision.offset) for p, decision in reading.items()
        ]
        places += [KafkaTopicPartition(p.topic, p.partition, OFFSET_END) for p in waiting]
        await self._client().incremental_assign(places)
        if waiting:
            await self._client().pause(bare(waiting))
        if reading:  # librdkafka keeps a partition's pause for when it comes back
            await self._client().resume(bare(reading))
        for partition, decision in found.items():
            self._tell_of_loss(partition, decision)
        if reading:
            starts = [Start(p, d.offset, d.metadata, d.committed) for p, d in reading.items()]
            await self._listener.assigned(starts)

    async def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these, and have librdkafka fetch them no more."""
        for partition in partitions:
            self._offsets.pop(partition, None)
            self._ends.pop(partition, None)
            self._misplaced.pop(partition, None)
            self._passed_over.pop(partition, None)
            self._troubles.works((DATA_LOSS, "no_offset", "no_leader"), name(partition))
        for some in (self._unresolved, self._halted, self._paused):
            some.difference_update(partitions)
        self._lookup.forget(partitions)
        try:
            await self._client().incremental_unassign(bare(partitions))
        except KafkaException as exception:
            self._failed(exception)

    # -- records that are gone -------------------------------------------------------------

    async def relocate(self, misplaced: Iterable[tuple[TopicPartition, KafkaError]]) -> set[TopicPartition]:
        """Go on where the log still is, or halt: the next offset of owned partitions isn't in it.

        Returns those whose log was begun anew: the listener lost them, and was assigned them again.
        After `MOST_SILENT` questions without an answer the others wait for `ask_again`, as when they begin.
        """
        owned = {p: error for p, error in misplaced if p in self._offsets and p not in self._halted}
        self._misplaced.update(owned)
        begun_anew: set[TopicPartition] = set()
        unanswered = 0
        for partition in sorted(owned, key=self._lookup.silent):
            found = await self._lookup.find_again(partition, self._offsets[partition], owned[partition])
            if found is not None:
                del self._misplaced[partition]
                await self._go_on(partition, found)
                if found.rewound:
                    begun_anew.add(partition)
            unanswered += self._lookup.silent(partition)
            if unanswered == MOST_SILENT:
                break
        return begun_anew

    async def _go_on(self, partition: TopicPartition, found: StartDecision) -> None:
        """Read a partition from where its log still is, or not at all."""
        self._ends[partition] = found.end
        if found.halted:
            self._halted.add(partition)
            self._tell_of_loss(partition, found)
            await self._client().pause(bare([partition]))
            return
        await self._client().incremental_unassign(bare([partition]))
        if found.rewound:
            del self._offsets[partition]
            self._paused.discard(partition)
            self._listener.lost([partition])
            await self.begin([partition], {partition: found})
            return
        self._tell_of_loss(partition, found)
        self._offsets[partition] = self._passed_over[partition] = found.offset
        place = KafkaTopicPartition(partition.topic, partition.partition, found.offset)
        await self._client().incremental_assign([place])
        if partition in self._paused:
            await self._client().pause(bare([partition]))

    def _tell_of_loss(self, partition: TopicPartition, found: StartDecision) -> None:
        if not found.trouble:
            return
        self._troubles.notice(
            found.trouble, found.words, name(partition), blocking=found.halted, mend=found.mend
        )
        if not found.halted:
            self._records_lost[partition.topic] += found.gone
            self._troubles.works((found.trouble,), name(partition))

    def take_passed_over(self) -> list[Fetched]:
        """Take the ends of gaps, for the listener: a commit that records them counts no loss again."""
        passed_over, self._passed_over = self._passed_over, {}
        return [Fetched(partition, [], offset) for partition, offset in passed_over.items()]

    def take_records_lost(self) -> Counter[str]:
        """Take the count, by topic, of records that were passed over since the last call."""
        lost, self._records_lost = self._records_lost, Counter()
        return lost

    # -- what could not be done yet --------------------------------------------------------

    async def ask_again(self) -> None:
        """Ask about partitions of which it isn't known where they begin or go on, and for the end of one."""
        if self._unresolved:
            found = await self._lookup.find(list(self._unresolved))
            if found:
                await self._client().incremental_unassign(bare(found))
                await self.begin(list(found), found)
        await self.relocate(list(self._misplaced.items()))
        if self._stale:
            await self._ask_end(self._stale.pop())


def bare(partitions: Iterable[TopicPartition]) -> list[KafkaTopicPartition]:
    """Name partitions as librdkafka does, without an offset."""
    return [KafkaTopicPartition(p.topic, p.partition) for p in partitions]
