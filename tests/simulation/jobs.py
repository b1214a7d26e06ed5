"""Checks what instances send: watches the API's jobs, and what of their ends was told to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from connector.answers import Denied, JobReport, JobState, PollAnswer
from connector.model import TopicPartition
from connector.sandbox.jobs import Job
from connector.sandbox.outcomes import Row
from connector.sandbox.replies import Reply
from tests.simulation.loop import Broken
from tests.simulation.records import TOKENS, Id, application_of, names_of, records_in
from tests.simulation.seen import Device, Seen, named_as, verdict_of

if TYPE_CHECKING:
    from tests.simulation.instance import Instance
    from tests.simulation.world import World

LATE = 45.0
"""Seconds: more than any job takes while nothing is down, and than any back-off."""


class Jobs:
    """The part of the oracle that the API tells. Raises `Broken` as soon as a promise is broken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jobs: dict[str, Seen] = {}
        self._untold: dict[str, Seen] = {}
        """Jobs whose end nobody was told: whoever follows one has to wait for that."""
        self.good: set[Id] = set()
        self._evidence: dict[Id, list[str]] = defaultdict(list)
        self._losses: dict[Id, int] = defaultdict(int)
        self.alone: set[str] = set()
        """Names of devices that were in a job by themselves."""
        self.lost_alone: set[Id] = set()
        """Records of devices that were so in a job that was lost."""
        self._denied: dict[Id, list[Seen]] = defaultdict(list)
        """Jobs of a record that an instance was told to be denied, by words that may mean a device."""
        self._completed: list[Seen] = []

    def broken(self, *words: object) -> None:
        """A promise was broken."""
        text = " ".join(map(str, words))
        self._world.said("BROKEN:", text)
        broken = Broken(text)
        self._world.failed(broken)  # whoever raises it may catch it, too
        raise broken

    def said(self, *words: object) -> None:
        self._world.said(*words)

    def assignments(self, instance: Instance) -> dict[TopicPartition, object]:
        """The partitions that are this instance's, by its own books and by the group's."""
        owners = self._world.broker.owners
        return {
            partition: assignment
            for partition, assignment in instance.engine.assignments.items()
            if owners[partition] is instance.source.member
        }

    def sends(self, instance: Instance) -> None:
        """A process sends something: not after a standstill in which it lost its partitions."""
        member = instance.source.member
        if member is not None and member is instance.outlived:
            self.broken(instance.name, "stood still, lost what it owned, and sends all the same")

    def posted(
        self,
        instance: Instance,
        body: bytes,
        reply: Reply,
        assignments: Mapping[TopicPartition, object],
        known: set[str],
    ) -> None:
        """A POST reached the API. `assignments` and `known` jobs are those of when it was sent."""
        sent = msgspec.json.decode(body)
        devices = [
            Device(each, records_in(each.get("tags")), names_of(each, sent["application"]))
            for each in sent["devices"]
        ]
        self._for_whom(sent["application"], sent["auth"], devices)
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
        now = self._world.loop.time()
        orphan = job.orphan or (bool(job.unreadable) and self._world.plan.spoiler == "unreadable")
        seen = Seen(request_id, instance.name, devices, since=now, orphan=orphan)
        self._no_overlap(seen, assignments, known)
        now_mine = {} if instance.dead else self.assignments(instance)
        for each in seen.records:
            part = TopicPartition(each[0], each[1])
            if part not in assignments or now_mine.get(part) is not assignments[part]:
                seen.forgotten.add(each)
        if orphan:
            for each in seen.records:
                self._losses[each] += 1
            self.lost_alone.update(seen.records if len(devices) == 1 else ())
        self.alone.update(devices[0].names if len(devices) == 1 else ())
        self.jobs[request_id] = self._untold[request_id] = seen
        self.said(instance.name, "API takes", request_id[:4], [d.records for d in devices], "orphan" * orphan)

    def _for_whom(self, application: str, token: str, devices: Sequence[Device]) -> None:
        if token != TOKENS[application]:
            self.broken("a request for", application, "with the token of another")
        for device in devices:
            for each in device.records:
                if application_of(self._world.logs.records[each].plain) != application:
                    self.broken("a request for", application, "with a record of another:", each)

    def _no_overlap(self, new: Seen, assignments: Mapping[TopicPartition, object], known: set[str]) -> None:
        names: set[str] = set()
        for device in new.devices:
            if not names.isdisjoint(device.names):
                self.broken("a device twice in one request:", device.names)
            names.update(device.names)
        for old in self._untold.values():
            if old.orphan:
                continue
            for device in old.devices:
                if names.isdisjoint(device.names):
                    continue
                mine = [
                    each
                    for each in device.records
                    if each not in old.forgotten and TopicPartition(each[0], each[1]) in assignments
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
        seen = self.jobs[job.request_id]
        seen.ended_at = self._world.loop.time()
        if job.end == "failed" and len(seen.devices) == 1 and len(seen.records) == 1:
            seen.verdicts[seen.records[0]] = "job failed"

    def polled(self, request_id: str, answer: PollAnswer) -> None:
        """A status reached an instance."""
        seen = self.jobs.get(request_id)
        if seen is None or not seen.ended:
            return
        if not isinstance(answer, JobReport):
            self._not_reported(seen, request_id, answer)
            return
        if answer.state is JobState.COMPLETED and answer.rows is None:
            return
        if self._untold.pop(request_id, None):
            self._in_time(seen)
        seen.concluded = True
        if answer.state is JobState.COMPLETED:
            self._completed.append(seen)
        self.good |= seen.good
        for each, verdict in seen.verdicts.items():
            self._evidence[each].append(verdict)
        for device in seen.devices:
            if (
                len(device.records) == 1
                and answer.rows
                and not any(row.hwid or row.user_id for row in answer.rows)
            ):
                self._evidence[device.records[0]].append("missing")

    def _not_reported(self, seen: Seen, request_id: str, answer: PollAnswer) -> None:
        seen.concluded = True
        if isinstance(answer, Denied) and answer.of_job:  # it failed, as if for that reason
            self._untold.pop(request_id, None)
            for each in seen.records:
                self._denied[each].append(seen)

    def denied_for_itself(self, record: Id) -> bool:
        """Whether a record was alone in a job that was denied, the second such job of it at least.

        And another job of the application, accepted since the first of these, is Completed: what is denied
        is not the application.
        """
        denials = self._denied[record]
        if len(denials) < 2 or len(denials[-1].records) > 1:
            return False
        since = denials[0].since
        mine = self._application(record)
        later = [job for job in self._completed if job.since >= since]
        return any(self._application(job.records[0]) == mine for job in later)

    def _application(self, record: Id) -> str:
        return application_of(self._world.logs.records[record].plain)

    def _in_time(self, job: Seen) -> None:
        """Once all is well nobody waits for long after the end of a job before it is asked about."""
        late = self._world.loop.time() - job.ended_at
        if job.since > self._world.well_since and not job.adopted and late > LATE:
            self.broken(f"job {job.request_id[:4]} was asked about {late:.0f} s after its end")
