"""A batch that the API accepted, until it has ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.batching.batch import Batch
from connector.core.following.polls import Polls
from connector.core.following.uncounted import Uncounted
from connector.core.past.history import History
from connector.core.past.suspicion import Suspicion
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.model import Endpoint, Route

MIN_OUTRUN = 4
"""Later jobs that must have ended before a slow one counts as stuck: a slow API is slow for all."""
DENIED_ALONE = 3
"""Denied GETs in a row, of each job there is, after which it may be these jobs alone that are denied: a
minute of probes, in which nothing is submitted. Then one new job is sent, which may tell more. Jobs that were
denied more often are polled in turns: what one of them is told holds for all."""


@dataclass(slots=True, eq=False)
class Job:
    """A batch that the API accepted, or one adopted from an earlier owner of a partition."""

    serial: int
    request_id: str
    endpoint: Endpoint
    application: str
    events: list[Event]
    accepted_at: float
    """When the POST was answered, seconds since the epoch."""
    batch: Batch | None = None
    """What was sent; None for an adopted job."""
    history: History = field(default_factory=History)
    """What its devices went through before; empty for an adopted job."""
    slices: dict[Assignment, JobSlice] = field(default_factory=dict)
    """For each partition its part of the job, as the checkpoint remembers it."""
    polls: Polls = field(default_factory=Polls)
    events_as_sent: bool = True
    """Whether `events` are all that was sent, in that order. Of an adopted job others may have a part."""
    uncounted: Uncounted = field(default_factory=Uncounted)
    suspicion: Suspicion = field(default_factory=Suspicion)
    slow: bool = False
    """Whether it is unfinished for much longer than jobs usually take."""
    is_witness: bool = False
    """Whether it has ended and is only polled as a witness (`following/witness.py`)."""
    stuck: bool = False
    """Whether it is slow, and it is not the API that is slow for all, as far as can be told."""
    outrun: int = 0
    """How many jobs that were accepted after it have ended before it."""
    overtaken: bool = False
    """Whether one of these was of its application and endpoint."""
    like_it_ended_at: float = 0.0
    """When a job of its application and endpoint ended last, since it was accepted; 0 if none has."""

    @property
    def route(self) -> Route:
        """Its application and endpoint."""
        return Route(self.application, self.endpoint)

    @property
    def sent_at(self) -> float:
        """When its POST was sent; of an adopted job when that was answered, as more isn't known."""
        return self.accepted_at if self.batch is None else self.batch.sent_at

    @property
    def failed_before(self) -> float:
        """When the last job of its devices was found to have Failed; if none has, when it was accepted."""
        return min(self.history.failed_at, self.accepted_at)

    @property
    def denied_before(self) -> float:
        """When its devices' last job seemed to deny the application; if none has, when it was accepted."""
        return min(self.history.denied_at, self.accepted_at)

    @property
    def overloaded_before(self) -> float:
        """When its devices' last job found the API overloaded; if none has, when it was accepted."""
        return min(self.history.overloaded_at, self.accepted_at)

    @property
    def adopted(self) -> bool:
        """Whether an earlier owner submitted it."""
        return self.batch is None

    @property
    def awaited(self) -> bool:
        """Whether records of it are gone, so that others wait for its end."""
        return any(self.serial in assignment.awaited for assignment in self.slices)

    def excuse(self, since: float, now: float) -> None:
        """Count no time since then in which its GETs were denied, and none twice."""
        self.uncounted.add(max(since, self.accepted_at), now)

    def heard(self, *, denied: bool) -> None:
        """A GET of the job was answered, if perhaps by a denial: it does not fail any more."""
        self.uncounted.add_unsure(self.suspicion.unsure)
        self.suspicion = Suspicion(denied_at=self.suspicion.denied_at) if denied else Suspicion()
        if not denied:
            self.polls.no_longer_denied()

    @property
    def is_probe(self) -> bool:
        """Whether the job was sent as the probe of a halt."""
        return self.batch is not None and self.batch.probe

    @property
    def denied_alone(self) -> bool:
        """Whether the job's GETs were denied so often that it may be the job alone, not its application."""
        return self.polls.denied_gets >= DENIED_ALONE

    @property
    def polled_in_turns(self) -> bool:
        """Whether the job is polled in turns with others that were denied as often."""
        return self.polls.denied_gets > DENIED_ALONE

    def left_behind(self, now: float) -> bool:
        """Whether others of the job's kind have ended without it: a later one, or all before it long ago."""
        since, age = now - self.like_it_ended_at, now - self.accepted_at
        return self.overtaken or (self.like_it_ended_at > 0 and since > age / 2)

    @property
    def kept_from_ending(self) -> bool:
        """Whether the job is kept from ending by something of its own, and not by the work that the API has.

        It fails alone; it waits for rows, for its records to be read again or for the end of a halt; or later
        jobs have ended, and it has not.
        """
        polls = self.polls
        waits = polls.waits_for_rows > 0 or polls.suspended or polls.denied_gets > 0
        return waits or self.suspicion.proven > 0 or (self.slow and self.outrun >= MIN_OUTRUN)


def slices_of(job: Job) -> dict[Assignment, JobSlice]:
    """Return the offsets that the job carries, by partition; none of revoked partitions."""
    offsets: defaultdict[Assignment, list[int]] = defaultdict(list)
    for event in job.events:
        if event.merged is None:
            offsets[event.assignment].append(event.offset)
        else:
            for each in contributors(event):
                offsets[each.assignment].append(each.offset)
    return {
        assignment: JobSlice(
            job.request_id, job.endpoint, job.application, job.accepted_at, tuple(sorted(mine))
        )
        for assignment, mine in offsets.items()
        if assignment.live
    }
