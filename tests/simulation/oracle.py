"""Checks the promises while things happen: knows the truth, and shares no code with the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from connector.core.remembering import checkpoint
from connector.core.remembering.checkpoint import Checkpoint
from connector.core.settling.holds import HOLD_LIMIT
from connector.model import Letter, Position, Reason, Record, Start, TopicPartition
from tests.simulation.broker import Member
from tests.simulation.jobs import Jobs
from tests.simulation.records import Id, LogRecord, application_of
from tests.simulation.seen import Seen
from tests.simulation.spoilers import SPOILING

if TYPE_CHECKING:
    from tests.simulation.instance import Instance
    from tests.simulation.world import World

COMPLETED_WITHIN = 40.0
"""Seconds in which whoever still commits ends what the broker left incomplete, back-off included."""

_EVIDENCE = {
    Reason.DEVICE_FAILED: "failed",
    Reason.TAG_REFUSED: "refused",
    Reason.DEVICE_NOT_FOUND: "not found",
    Reason.REFUSED_BY_API: "refused alone",
    Reason.NO_VERDICT: "missing",
    Reason.JOB_FAILED: "job failed",
}
"""What must have been seen of a record that was alone in its row before it is dead-lettered for this."""


class Oracle(Jobs):
    """Raises `Broken` as soon as a promise is broken."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.letters: dict[Id, list[Letter]] = defaultdict(list)
        self._orderly: set[TopicPartition] = set()
        self._proved: set[Id] = set()
        self._unsure: set[Id] = set()
        """Records whose letter was written by a transaction that the broker left incomplete; or though no
        checkpoint can remember it, because it had held up its device for so long."""
        self._behind: set[TopicPartition] = set()
        """Partitions that somebody began before what may still be committed by such a transaction."""
        self._read_by_owner: dict[TopicPartition, set[Id]] = defaultdict(set)
        """What the owner of each partition was given of it: that much it has to settle, gone or not."""
        self._decoded: dict[tuple[str, int], Checkpoint | None] = {}

    def commits(self, member: Member, positions: Mapping[TopicPartition, Position]) -> None:
        """Somebody asks for a commit: plain, or by a transaction that comes to its end later."""
        for partition in positions:
            if self._world.broker.owners[partition] is not member:
                self.broken(member.client.name, "commits for", partition, "which is not its own")

    def committed(self, member: Member, positions: Mapping[TopicPartition, Position]) -> None:
        """Offsets were committed, by whom."""
        name = member.client.name
        self.said(name, "committed", {(*p, q.offset): len(q.metadata) for p, q in positions.items()})
        for partition, position in positions.items():
            before = self._world.committed.get(partition, 0)
            if position.offset < before and partition not in self._behind:
                self.broken(name, "went back from", before, "to", position.offset, "on", partition)
            log = self._world.logs.partitions[partition]
            if position.offset > log.end:
                self.broken(name, "committed", position.offset, "beyond the end of", partition)
            for record in log.after(before, position.offset - before):
                if record.id[2] < position.offset:
                    self._prove(record, f"{name} committed {position.offset} of {partition}")
            self._world.committed[partition] = position.offset
            self._remembered(name, partition, position)

    def _remembered(self, name: str, partition: TopicPartition, position: Position) -> None:
        if not position.metadata:
            return
        known = self._read(position.metadata, position.offset)
        if known is None:
            self.broken(name, "committed metadata that nobody can read on", partition)
            return
        log = self._world.logs.partitions[partition]
        remembered = len(known.settled)
        for record in log.after(position.offset, remembered):
            index = record.id[2] - position.offset
            if index < remembered and known.settled[index]:
                self._prove(record, f"{name} remembers it as settled")

    def _read(self, metadata: str, offset: int) -> Checkpoint | None:
        """Decode metadata, each once: what is committed is looked at again when somebody begins there."""
        if (metadata, offset) not in self._decoded:
            self._decoded[metadata, offset] = checkpoint.decode(metadata, offset)
        return self._decoded[metadata, offset]

    def reads(self, member: Member | None, partition: TopicPartition, records: Sequence[Record]) -> None:
        """A member is given records."""
        if self._world.broker.owners[partition] is member:
            self._read_by_owner[partition].update(cast(LogRecord, each).id for each in records)

    def _prove(self, record: LogRecord, what: str) -> None:
        if record.id in self._proved:
            return
        if record.gone and record.id not in self._read_by_owner[TopicPartition(*record.id[:2])]:
            return  # nobody could read it any more
        if not self.settled(record):
            self.broken(what, "but", record.id, record.kind, record.plain, "is not settled")
        self._proved.add(record.id)

    def settled(self, record: LogRecord) -> bool:
        """Whether its fate is known: told to be good, dead-lettered, skipped, or replaced by a good one."""
        if record.kind == "tombstone" or record.id in self.letters:
            return True
        if record.kind == "bad":
            return False
        return record.id in self.good or (record.overwrites and self._replaced(record))

    def _replaced(self, record: LogRecord) -> bool:
        """Whether each of its values was replaced by that of a later update, which was told to be good."""
        left = set(record.tags)
        log = self._world.logs.partitions[TopicPartition(record.id[0], record.id[1])]
        for later in log.after(record.id[2] + 1, len(log.records)):
            if later.overwrites and later.names == record.names and later.id in self.good:
                left.difference_update(later.tags)
        return not left

    def lettered(self, letters: Sequence[Letter], *, surely: bool = True) -> None:
        """Letters became visible. Not `surely`: the offsets that they free did not, and may never."""
        for letter in letters:
            record = cast(LogRecord, letter.record)
            self.letters[record.id].append(letter)
            plan = self._world.plan
            ahead = plan.skew + plan.jump  # by so much the clock may be off that the attempt was timed by
            since = self._world.loop.time() - letter.last_attempt + ahead
            held_up = letter.last_attempt and since >= HOLD_LIMIT
            if not surely or (plan.forgetful and held_up):
                self._unsure.add(record.id)
            twice = plan.exactly_once and len(self.letters[record.id]) > 1
            if twice and record.id not in self._unsure:
                self.broken("dead-lettered twice:", record.id)
            if not self._deserved(record, letter.rejection.reason):
                self.broken("dead-lettered without need:", record.id, record.plain, letter.rejection)

    def _deserved(self, record: LogRecord, reason: Reason) -> bool:
        """Whether the API, or the decoder, really said so of this record alone."""
        if record.kind != "event":
            return record.kind == "bad" and reason in (Reason.UNDECODABLE, Reason.INVALID_EVENT)
        spoils = str(record.plain.get("hwid")).startswith(SPOILING)
        if spoils and reason in (Reason.NO_VERDICT, Reason.JOB_FAILED):
            return not self.alone.isdisjoint(record.names)
        losses = self._losses[record.id] if record.id in self.lost_alone else 0
        if reason is Reason.NO_VERDICT and losses > self._world.plan.limits.max_resubmissions:
            return True
        if reason is Reason.JOB_FAILED and self.denied_for_itself(record.id):
            return True
        return reason in _EVIDENCE and _EVIDENCE[reason] in self._evidence[record.id]

    def undone(self, partitions: Iterable[TopicPartition]) -> None:
        """What was committed of these, as its owner believed, is not: it is read again."""
        self._orderly.difference_update(partitions)

    def regardless(self, partition: TopicPartition) -> None:
        """Somebody begins with a partition whose last position nobody will end."""
        self._orderly.discard(partition)
        self._behind.add(partition)
        for transaction in self._world.broker.incomplete:
            client = transaction.member.client if transaction.member else None
            if client is None or partition not in transaction.offsets:
                continue
            if self._world.loop.time() - client.owning_since > COMPLETED_WITHIN:
                self.broken(client.name, "left a transaction incomplete that keeps back", partition)

    def undoes(self, instance: Instance, partitions: Collection[TopicPartition]) -> None:
        """An instance is about to have what it had committed for these read again."""
        if mine := instance.engine.assignments.keys() & set(partitions):
            self.broken(instance.name, "undoes what it committed for", mine, "which it owns")

    def hands_over(self, member: Member, partitions: Iterable[TopicPartition], *, orderly: bool) -> None:
        """An owner lets go; `orderly`: nothing kept it from writing down what it knows."""
        for partition in partitions:
            if orderly and self._world.broker.owners[partition] is member:
                self._orderly.add(partition)

    def begins(self, instance: Instance, start: Start) -> None:
        """An owner begins: what it can't know of earlier jobs may be sent again, if there was a reason."""
        if self._world.broker.owners[start.partition] is not instance.source.member:
            return  # it only thinks so: the group has expelled it meanwhile
        known = self._read(start.metadata, start.offset)
        settled = known.settled if known else b""
        jobs: defaultdict[str, set[int]] = defaultdict(set)
        for part in known.jobs if known else ():  # one of which records are gone comes twice
            jobs[part.request_id].update(part.offsets)
        orderly = start.partition in self._orderly and not self._world.plan.forgetful
        self._orderly.discard(start.partition)
        self._read_by_owner[start.partition].clear()
        for seen in self.jobs.values():
            for each in seen.records:
                if (each[0], each[1]) != start.partition or self._needs_nobody(each, seen, start, jobs):
                    continue
                seen.adopted = True
                index = each[2] - start.offset
                if each in seen.forgotten or (0 <= index < len(settled) and settled[index]):
                    continue
                if each[2] in jobs.get(seen.request_id, ()):
                    continue
                seen.forgotten.add(each)
                if orderly and not (seen.orphan or seen.concluded):
                    self.broken(
                        f"the hand-over of {start.partition} to {instance.name} forgot that {each} is in job",
                        seen.request_id[:4],
                    )

    def _needs_nobody(self, record: Id, job: Seen, start: Start, known: Collection[str]) -> bool:
        """Whether nobody has to know any more that this record is in this job, or somebody does in any case.

        Where a record is gone, it is enough that its job is known: nothing of its partition goes before that
        has ended.
        """
        if self._world.logs.records[record].gone:
            return job.request_id not in self._untold or job.request_id in known
        return record[2] < start.offset

    def unsettled_but_for(self, application: str) -> list[LogRecord]:
        """What is not settled, of all applications but one."""
        return [record for record in self.unsettled if application_of(record.plain) != application]

    @property
    def unsettled(self) -> list[LogRecord]:
        return [
            record
            for record in self._world.logs.records.values()
            if not (self.settled(record) or record.gone)
        ]
