"""Jobs of an earlier owner: polled, not sent again. Their records are read again and attached to them.

Given: the jobs in a partition's checkpoint, then its records. Gives: the jobs that may be polled.

Until every record of an adopted job has been read, its devices are not all known: nothing new is
submitted and the job is not polled. That takes one fetch of the records between the committed
offset and the newest one that was submitted. Where they don't come for a while, others are no longer held up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from connector.core.assignment import Assignment
from connector.core.checkpoint import JobSlice
from connector.core.coalesce import merge
from connector.core.dispatch import Dispatch
from connector.core.event import Event
from connector.core.jobs import Job
from connector.core.lanes import Lanes
from connector.core.tracking import Tracking

_ANY_SIZE = 1 << 62
"""Bytes: no bound. What the earlier owner merged was within its own; the row isn't sent again as it is."""
PROGRESS_LIMIT = 30.0
"""Seconds without a further record of theirs after which adopted jobs hold up nothing else."""


class Adoption:
    """The adopted jobs whose records are still being read."""

    def __init__(self, lanes: Lanes, tracking: Tracking, dispatch: Dispatch) -> None:
        self._lanes = lanes
        self._tracking = tracking
        self._dispatch = dispatch
        self.pending: dict[int, set[Assignment]] = {}
        """By the job's serial number, the partitions that are not read far enough."""
        self._displaced: list[Event] = []
        self._read_so_far = -1
        self._progress_at = 0.0

    def watch(self, now: float) -> None:
        """Note how far their records have been read, each time before anything is planned."""
        if not self.pending:
            self._read_so_far = -1
            return
        read = sum(home.offsets.next for homes in self.pending.values() for home in homes)
        if read != self._read_so_far:
            self._read_so_far, self._progress_at = read, now

    def awaited(self, now: float) -> bool:
        """Whether records of adopted jobs are still being read, and getting on.

        Where they are not (a partition without a leader, a decoder that is down), the other partitions go on.
        A device of another topic may be in such a job, too: it is then in two.
        """
        unwatched = self._read_so_far < 0
        return bool(self.pending) and (unwatched or now - self._progress_at < PROGRESS_LIMIT)

    def patient_until(self) -> float | None:
        """Return until when records of adopted jobs are waited for."""
        return self._progress_at + PROGRESS_LIMIT if self.pending else None

    def expect(self, home: Assignment, slices: Sequence[JobSlice]) -> int:
        """Take over the unfinished jobs of a partition's checkpoint; return how many."""
        for part in slices:
            job = self._tracking.find(part.endpoint, part.application, part.request_id)
            if job is None:
                job = Job(
                    self._dispatch.serial(),
                    part.request_id,
                    part.endpoint,
                    part.application,
                    [],
                    accepted_at=part.submitted_at,
                )
                self._tracking.add(job)
            job.next_poll = math.inf
            self._tracking.lies_in(home, job, part)
            home.adopted.update(dict.fromkeys(part.offsets, job.serial))
            recall_until = part.offsets[-1] + 1
            if home.until is not None:
                recall_until = min(recall_until, home.until)
            home.recall_until = max(home.recall_until, recall_until)
            self.pending.setdefault(job.serial, set()).add(home)
        return len(slices)

    def attach(self, event: Event, serial: int) -> None:
        """A record of an adopted job was read: its device's lane is shut until the report is in."""
        job = self._tracking.jobs[serial]
        head = self._lanes.holder(event.keys[0])
        if head is not None and not (head.bound_to == job.serial and head.home.live):
            # The job's older records of this device wait behind another event: another topic's, or what was
            # sent of themselves by this process before the partition went and came back.
            head = next((each for each in job.events if each.keys == event.keys and each.home.live), None)
        if head is not None and merge(head, event, _ANY_SIZE):
            return
        self._displaced += self._lanes.seize(event)
        event.bound_to = job.serial
        job.events.append(event)

    def attached(self) -> None:
        """All records of a fetch were: take back, in one go, what was ready to be sent before them."""
        displaced, self._displaced = self._displaced, []
        if displaced:
            back = {id(each) for each in displaced}
            self._dispatch.withdraw(lambda each: id(each) in back, 0.0)
            for home in {each.home for each in displaced}:
                home.beyond = [each for each in home.beyond if id(each) not in back]

    def complete(self, home: Assignment) -> list[Job]:
        """If this partition has been read far enough, return the jobs that may be polled now."""
        return [] if home.recovering else self._without(home)

    def forget(self, home: Assignment) -> list[Job]:
        """The partition is revoked: return the jobs that waited for it alone."""
        return self._without(home)

    def _without(self, home: Assignment) -> list[Job]:
        home.adopted.clear()
        known: list[Job] = []
        for serial in [serial for serial, homes in self.pending.items() if home in homes]:
            homes = self.pending[serial]
            homes.discard(home)
            if not homes:
                del self.pending[serial]
                known.append(self._tracking.jobs[serial])
        return known
