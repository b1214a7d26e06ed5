"""Checks the promises while things happen: knows the truth, and shares no code with the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from connector.core import checkpoint
from connector.core.checkpoint import Checkpoint
from connector.model import (
    JobReport,
    JobState,
    Letter,
    PollAnswer,
    Position,
    Reason,
    Start,
    TopicPartition,
)
from connector.sandbox.jobs import Job
from connector.sandbox.outcomes import Row
from connector.sandbox.replies import Reply
from tests.simulation.broker import Member
from tests.simulation.loop import Broken
from tests.simulation.records import Id, LogRecord, names_of, records_in
from tests.simulation.seen import Device, Seen, named_as, verdict_of

if TYPE_CHECKING:
    from tests.simulation.instance import Instance
    from tests.simulation.world import World

_MANY_LOSSES = 4
"""Lost jobs of a device after which it may be given up: one and `max_resubmissions` more."""

_EVIDENCE = {
    Reason.DEVICE_FAILED: "failed",
    Reason.TAG_REFUSED: "refused",
    Reason.DEVICE_NOT_FOUND: "not found",
    Reason.REFUSED_BY_API: "refused alone",
    Reason.NO_VERDICT: "missing",
    Reason.JOB_FAILED: "job failed",
}
"""What must have been seen of a record that was alone in its row before it is dead-lettered for this."""


class Oracle:
    """Raises `Broken` as soon as a promise is broken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jobs: dict[str, Seen] = {}
        self._unfinished: dict[str, Seen] = {}
        self.good: set[Id] = set()
        self.letters: dict[Id, list[Letter]] = defaultdict(list)
        self._evidence: dict[Id, list[str]] = defaultdict(list)
        self._losses: dict[Id, int] = defaultdict(int)
        self._orderly: set[TopicPartition] = set()
        self._proved: set[Id] = set()
        self._decoded: dict[tuple[str, int], Checkpoint | None] = {}

    def broken(self, *words: object) -> None:
        """A promise was broken."""
        text = " ".join(map(str, words))
        self._world.said("BROKEN:", text)
        broken = Broken(text)
        self._world.failed(broken)  # whoever raises it may catch it, too
        raise broken

    def said(self, *words: object) -> None:
        self._world.said(*words)

    # -- what the API does -----------------------------------------------------------------------

    def homes(self, instance: Instance) -> dict[TopicPartition, object]:
        """The partitions that are this instance's, by its own books and by the group's."""
        owners = self._world.broker.owners
        return {
            partition: home
            for partition, home in instance.engine.assignments.items()
            if owners[partition] is instance.source.member
        }

    def posted(
        self,
        instance: Instance,
        body: bytes,
        reply: Reply,
        homes: Mapping[TopicPartition, object],
        known: set[str],
    ) -> None:
        """A POST reached the API. `homes` and `known` jobs are those of when it was sent."""
        sent = msgspec.json.decode(body)["devices"]
        devices = [Device(each, records_in(each.get("tags")), names_of(each)) for each in sent]
        request_id = ""
        if reply.status == 200:
            found = msgspec.json.decode(reply.body) if reply.body.startswith(b"{") else {}
            request_id = found.get("request_id", "")
        if not request_id:
            if reply.status in (400, 422) and len(devices) == 1:
                for each in devices[0].records:
                    self._evidence[each].append("refused alone" if len(devices[0].records) == 1 else "")
            return
        job = self._world.audience.newest()
        seen = Seen(request_id, instance.name, devices, orphan=job.orphan)
        self._no_overlap(seen, homes, known)
        now_mine = {} if instance.dead else self.homes(instance)
        for each in seen.records:
            part = TopicPartition(each[0], each[1])
            if part not in homes or now_mine.get(part) is not homes[part]:
                seen.forgotten.add(each)
        if job.orphan:
            for each in seen.records:
                self._losses[each] += 1
        self.jobs[request_id] = self._unfinished[request_id] = seen
        self.said(
            instance.name, "API takes", request_id[:4], [d.records for d in devices], "orphan" * job.orphan
        )

    def _no_overlap(self, new: Seen, homes: Mapping[TopicPartition, object], known: set[str]) -> None:
        names: set[str] = set()
        for device in new.devices:
            if not names.isdisjoint(device.names):
                self.broken("a device twice in one request:", device.names)
            names.update(device.names)
        for old in self._unfinished.values():
            if old.orphan:
                continue
            for device in old.devices:
                if names.isdisjoint(device.names):
                    continue
                mine = [
                    each
                    for each in device.records
                    if each not in old.forgotten and TopicPartition(each[0], each[1]) in homes
                ]
                if mine:
                    how = "which it follows" if old.request_id in known else "which it should know of"
                    self.broken(
                        f"{new.poster} sent a device that is in job {old.request_id[:4]} of {old.poster},",
                        how,
                        device.names,
                        mine,
                    )

    def told(self, job: Job, rows: list[Row]) -> None:
        """A job is Completed; these rows are its report, each named."""
        seen = self.jobs[job.request_id]
        for device in seen.devices:
            plain = device.plain
            mine = [
                row
                for row in rows
                if (row.hwid == plain["hwid"] if plain.get("hwid") else named_as(row, plain))
            ]
            verdict = verdict_of(mine)
            if verdict == "good":
                seen.good.update(device.records)
            elif len(device.records) == 1:
                seen.verdicts[device.records[0]] = verdict

    def ended(self, job: Job) -> None:
        """A job is over: its devices may be in another one."""
        seen = self._unfinished.pop(job.request_id)
        seen.ended = True
        if job.end == "failed" and len(seen.devices) == 1 and len(seen.records) == 1:
            seen.verdicts[seen.records[0]] = "job failed"

    def polled(self, request_id: str, answer: PollAnswer) -> None:
        """A status reached an instance."""
        seen = self.jobs.get(request_id)
        if seen is None or not seen.ended or not isinstance(answer, JobReport):
            if seen is not None and seen.ended:
                seen.concluded = True
            return
        if answer.state is JobState.COMPLETED and answer.rows is None:
            return
        seen.concluded = True
        self.good |= seen.good
        for each, verdict in seen.verdicts.items():
            self._evidence[each].append(verdict)
        for device in seen.devices:
            if (
                len(device.records) == 1
                and answer.rows is not None
                and not any(row.hwid or row.user_id for row in answer.rows)
            ):
                self._evidence[device.records[0]].append("missing")

    # -- what the broker does ----------------------------------------------------------------------

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
            if position.offset < before:
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

    def _prove(self, record: LogRecord, what: str) -> None:
        if record.id in self._proved:
            return
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

    def lettered(self, letters: Sequence[Letter]) -> None:
        """Letters became visible."""
        for letter in letters:
            record = cast(LogRecord, letter.record)
            self.letters[record.id].append(letter)
            if self._world.plan.exactly_once and len(self.letters[record.id]) > 1:
                self.broken("dead-lettered twice:", record.id)
            if not self._deserved(record, letter.rejection.reason):
                self.broken("dead-lettered without need:", record.id, record.plain, letter.rejection)

    def _deserved(self, record: LogRecord, reason: Reason) -> bool:
        """Whether the API, or the decoder, really said so of this record alone."""
        if record.kind != "event":
            return record.kind == "bad" and reason in (Reason.UNDECODABLE, Reason.INVALID_EVENT)
        if reason is Reason.NO_VERDICT and self._losses[record.id] >= _MANY_LOSSES:
            return True
        return reason in _EVIDENCE and _EVIDENCE[reason] in self._evidence[record.id]

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
        jobs = {part.request_id: set(part.offsets) for part in known.jobs} if known else {}
        orderly = start.partition in self._orderly and not self._world.plan.forgetful
        self._orderly.discard(start.partition)
        for seen in self.jobs.values():
            for each in seen.records:
                if (each[0], each[1]) != start.partition or each[2] < start.offset:
                    continue
                index = each[2] - start.offset
                if each in seen.forgotten or (index < len(settled) and settled[index]):
                    continue
                if each[2] in jobs.get(seen.request_id, ()):
                    continue
                seen.forgotten.add(each)
                if orderly and not seen.orphan and not seen.concluded:
                    self.broken(
                        f"the hand-over of {start.partition} to {instance.name} forgot that {each} is in job",
                        seen.request_id[:4],
                    )

    @property
    def unsettled(self) -> list[LogRecord]:
        return [record for record in self._world.logs.records.values() if not self.settled(record)]
