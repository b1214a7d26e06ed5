"""Jobs of an earlier owner are polled, not sent again; their records are read again and attached to them.

Given: the jobs in a partition's checkpoint, then its records. Gives: the jobs that may be polled.

Until every record of an adopted job has been read, not all of its devices are known: nothing new is
submitted, and the job is not polled. That takes one fetch of the records from the committed offset to the
newest one that was submitted. If these don't come for a while, nothing else is held up any longer, and each
job is polled for those of its records that were read.

Records may be gone by then (retention, compaction). Nobody knows their devices any more: until such a job has
ended, or is lost, nothing of that partition is submitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.batching.dispatch import Dispatch
from connector.core.following.job import Job
from connector.core.following.tracking import Tracking
from connector.core.notices import Notices
from connector.core.queueing.coalesce import merge
from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import Event
from connector.core.tally import JobOutcome, Tally

_ANY_SIZE = 1 << 62
"""No bound in bytes: the earlier owner's own bound was kept, and the row isn't sent as it is."""
PROGRESS_LIMIT = 30.0
"""Seconds without a further record of theirs after which adopted jobs hold up nothing else."""


class Adoption:
    """The adopted jobs whose records are still being read."""

    def __init__(
        self, lanes: Lanes, tracking: Tracking, dispatch: Dispatch, tally: Tally, notices: Notices
    ) -> None:
        self._lanes = lanes
        self._tracking = tracking
        self._dispatch = dispatch
        self._tally = tally
        self._notices = notices
        self.pending: dict[int, set[Assignment]] = {}
        """By the job's serial number, the partitions that have not been read far enough."""
        self._to_follow: list[Job] = []
        """Jobs of which no record is to be read."""
        self._displaced: list[Event] = []
        self._read_so_far = -1
        self._progress_at = 0.0

    def note_progress(self, now: float) -> None:
        """Note how far their records have been read. Call it before each plan."""
        self.make_way()
        if self._to_follow:
            to_follow, self._to_follow = self._to_follow, []
            self.follow([job for job in to_follow if job.serial not in self.pending], now)
        if not self.pending:
            self._read_so_far = -1
            return
        read = sum(
            assignment.offsets.next for assignments in self.pending.values() for assignment in assignments
        )
        if read != self._read_so_far:
            self._read_so_far, self._progress_at = read, now
        if not self.recalling(now):
            self._go_on_without_the_rest(now)

    def recalling(self, now: float) -> bool:
        """Whether records of adopted jobs are still to be read, and reading them makes progress.

        Without progress (a partition without a leader, an unavailable decoder) the other partitions go on. A
        device of another topic that is also in such a job may then be in two jobs at once.
        """
        unwatched = self._read_so_far < 0
        return bool(self.pending) and (unwatched or now - self._progress_at < PROGRESS_LIMIT)

    def patient_until(self) -> float | None:
        """Return until when records of adopted jobs are waited for."""
        return self._progress_at + PROGRESS_LIMIT if self.pending else None

    def expect(self, assignment: Assignment, slices: Sequence[JobSlice]) -> int:
        """Take over the unfinished jobs in a partition's checkpoint; return how many there are."""
        for part in slices:
            if not part.offsets:
                self._await(assignment, part)
                continue
            job = self._known(part) or self._take_over(part)
            job.polls.suspend()
            known = job.slices.get(assignment)  # from `_divide`, whose two parts become one again
            offsets = part.offsets if known is None else tuple(sorted({*known.offsets, *part.offsets}))
            self._tracking.add_slice(assignment, job, msgspec.structs.replace(part, offsets=offsets))
            assignment.adopted.update(dict.fromkeys(part.offsets, job.serial))
            recall_until = part.offsets[-1] + 1
            if assignment.until is not None:
                recall_until = min(recall_until, assignment.until)
            assignment.recall_until = max(assignment.recall_until, recall_until)
            self.pending.setdefault(job.serial, set()).add(assignment)
        return len({(part.endpoint, part.application, part.request_id) for part in slices})

    def _known(self, part: JobSlice) -> Job | None:
        return self._tracking.find(part.endpoint, part.application, part.request_id)

    def _take_over(self, part: JobSlice) -> Job:
        job = Job(
            self._dispatch.new_serial(),
            part.request_id,
            part.endpoint,
            part.application,
            [],
            accepted_at=part.accepted_at,
        )
        self._tracking.add(job)
        return job

    def _await(self, assignment: Assignment, part: JobSlice) -> None:
        """Submit nothing of this partition until a job has ended whose records here are gone."""
        job = self._known(part)
        if job is None:
            job = self._take_over(part)
            job.polls.suspend()
            self._to_follow.append(job)
        if assignment not in job.slices:
            self._tracking.add_slice(assignment, job, part)
        assignment.awaited.add(job.serial)

    def attach(self, event: Event, serial: int) -> None:
        """A record of an adopted job was read: it holds its device's lanes until the job's report is in."""
        job = self._tracking.jobs[serial]
        if self._takes_its_old_place(event, job):
            return
        job.events_as_sent = False
        head = self._lanes.holder(event.keys[0])
        if head is not None and not (head.bound_to == job.serial and head.assignment.live):
            # The lane has another holder: an event of another topic, or the same record as this process sent
            # it before the partition went and came back. The job's older record may wait behind that.
            head = next(
                (each for each in job.events if each.keys == event.keys and each.assignment.live), None
            )
        if head is not None and merge(head, event, _ANY_SIZE):
            return
        self._displaced += self._lanes.seize(event)
        event.bound_to = job.serial
        job.events.append(event)

    def _takes_its_old_place(self, event: Event, job: Job) -> bool:
        """Replace the event's older self, if its partition went and came back; return whether that was so."""
        gone = self._lanes.holder(event.keys[0])
        if gone is None or gone.bound_to != job.serial or gone.assignment.live or gone.merged is not None:
            return False
        before, again = (gone.assignment.partition, gone.offset), (event.assignment.partition, event.offset)
        if before != again or any(self._lanes.holder(key) is not gone for key in event.keys):
            return False
        self._lanes.replace(gone, [event])
        job.events[job.events.index(gone)] = event
        event.bound_to = job.serial
        return True

    def make_way(self) -> None:
        """Take out, in one go, the ready events that attached records displaced.

        All queues are gone through for that, which after each fetch would take seconds with 500 partitions.
        But call it before anything else is told: what was displaced must not be freed while it is queued.
        """
        displaced, self._displaced = self._displaced, []
        if displaced:
            back = {id(each) for each in displaced}
            self._dispatch.withdraw(lambda each: id(each) in back, 0.0)

    def read_on(self, assignment: Assignment, now: float) -> None:
        """If this partition has been read far enough, follow the jobs that waited for it alone."""
        if self.pending and not assignment.recalling:
            read = assignment.offsets.next
            gone = {serial for offset, serial in assignment.adopted.items() if offset < read}
            gone &= self._tracking.jobs.keys()  # one that was followed without the rest may have ended
            if gone:
                assignment.awaited |= gone
                text = "records of unfinished jobs are gone: their partition waits until these have ended"
                self._notices.tell_of(assignment.partition, "warning", text, jobs=len(gone))
            self.follow(self.forget(assignment), now)

    def forget(self, assignment: Assignment) -> list[Job]:
        """Await nothing more of this partition: return the jobs that waited for it alone."""
        assignment.adopted.clear()
        complete: list[Job] = []
        for serial in [serial for serial, assignments in self.pending.items() if assignment in assignments]:
            assignments = self.pending[serial]
            assignments.discard(assignment)
            if not assignments:
                del self.pending[serial]
                complete.append(self._tracking.jobs[serial])
        return complete

    def follow(self, jobs: Iterable[Job], now: float) -> None:
        """Begin to poll jobs whose records were all read again; forget those whose end nobody needs."""
        for job in jobs:
            if job.serial not in self._tracking.jobs:
                continue
            if not (job.events or job.awaited):
                self._tracking.remove(job)
                continue
            self._tally.jobs[job.endpoint, JobOutcome.ADOPTED] += job.adopted
            self._tracking.begin(job, now)

    def _go_on_without_the_rest(self, now: float) -> None:
        """Poll each job for the records that were read. The rest becomes a second job of that request_id."""
        jobs = self._tracking.jobs
        begun = [serial for serial in self.pending if jobs[serial].events or jobs[serial].awaited]
        for serial in begun:
            job, assignments = self._tracking.jobs[serial], self.pending.pop(serial)
            unread = {
                assignment
                for assignment in assignments
                if job.slices[assignment].offsets[-1] >= assignment.offsets.next
            }
            if unread:
                self._keep_for_later(job, unread)
            self.follow([job], now)

    def _keep_for_later(self, job: Job, unread: set[Assignment]) -> None:
        serial = self._dispatch.new_serial()
        rest = Job(serial, job.request_id, job.endpoint, job.application, [], job.accepted_at)
        rest.polls.suspend()
        self._tracking.add(rest)
        self.pending[serial] = unread
        for assignment in [each for each in job.slices if each in unread]:
            self._divide(assignment, job, rest)

    def _divide(self, assignment: Assignment, job: Job, rest: Job) -> None:
        """Leave the job the records of this partition that were read, and give `rest` the others."""
        part = job.slices[assignment]
        read = tuple(offset for offset in part.offsets if offset < assignment.offsets.next)
        unread = part.offsets[len(read) :]
        self._tracking.add_slice(assignment, rest, msgspec.structs.replace(part, offsets=unread))
        assignment.adopted.update(dict.fromkeys(unread, rest.serial))
        if read or job.serial in assignment.awaited:
            self._tracking.add_slice(assignment, job, msgspec.structs.replace(part, offsets=read))
        else:
            del job.slices[assignment], assignment.slices[job.serial]
