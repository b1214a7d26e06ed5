"""Batches on their way and jobs under way: what the engine keeps about each, and plain questions about it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connector.core.queueing.coalesce import contributors, row_of, size_of
from connector.core.reading.event import Event
from connector.core.remembering.assignment import Assignment
from connector.core.remembering.checkpoint import JobSlice
from connector.model import Endpoint

Call = Literal["post", "get"]
"""The two requests to the API: to take a batch, and for the status of a job."""
OUTRUN = 4
"""Later jobs that must have ended before a slow one counts as stuck: a slow API is slow for all."""
DENIED_ALONE = 3
"""Denied GETs in a row, of each job there is, after which it may be these jobs alone that are denied: a
minute of probes, in which nothing is submitted. Then one new job is sent, which may tell more. Jobs that were
denied more often are polled in turns: what one of them is told holds for all."""
PERSISTS = 3
"""Failures of one request in a row that can't be chance."""


@dataclass(slots=True)
class Suspicion:
    """What is known of a request that fails: is it the API, or this request alone? Judged by `Suspects`.

    Kept through all its repetitions, until it is answered.
    """

    failed_at: float = -math.inf
    """When it failed last."""
    failures: int = 0
    """How often it failed in a row."""
    proven: int = 0
    """How many of these failures were proven to be of this request alone."""
    others: int = 0
    """How many of them came after others had been answered since the last one: a hint, not a proof."""
    as_large: int = 0
    """How many calls of its kind, of about its size or more, had been answered when it failed first."""
    answered: int = 0
    begun: int = 0
    """How many calls of its kind had been answered, and had begun to fail, when it failed last."""
    denied_at: float = math.inf
    """When it was first denied."""
    unsure: float = 0.0
    """Seconds in which nothing else was answered either, so that it may have been an outage."""

    @property
    def persists(self) -> bool:
        """Whether it failed too often in a row for chance."""
        return self.failures >= PERSISTS


@dataclass(slots=True)
class HuntState:
    """The state of one hunt for the device that spoils a batch. It has one request under way at a time."""

    aside: list[Event] = field(default_factory=list)
    """Events of which nothing is known: they are sent when the hunt is over."""
    other_half: list[Event] = field(default_factory=list)
    """The other half of the batch under way: if that one is accepted, the bad device must be in here."""
    began: float = math.inf
    """When the batch was sent that the hunt began with."""
    denied_at: float = math.inf
    """When the API's words about one of its requests first seemed to deny the whole application."""
    perhaps_nobody: bool = False
    """Whether there may be no such device, because nothing was accepted since."""


@dataclass(slots=True)
class Halves:
    """The two halves of a batch whose jobs came to nothing, each of them a batch now."""

    one_is_good: bool = False
    """Whether a job of one of them is Completed: then the bad device must be in the other."""


@dataclass(slots=True)
class History:
    """What the devices of a batch went through together. Each batch made of some of them has a copy of it."""

    failures: int = 0
    """How many jobs of theirs Failed as a whole."""
    failed_at: float = math.inf
    """When the last of these was found to have Failed."""
    blamed: bool = False
    """Of a single device: whether its last job Failed while jobs of others were Completed."""
    halves: Halves | None = None
    """The halves that the last halving made, one of which these devices are; shared, by copies too."""
    last_left: bool = False
    """Of a single device whose job Failed: whether the other half was Completed before it was sent again."""
    losses: int = 0
    """How many jobs of theirs were lost."""
    waits: int = 0
    """How often in a row the API had no time for their job."""
    waited_at: float = math.inf
    """When the API last had no time for it."""
    denied_at: float = math.inf
    """When they were in a job whose words seemed to deny the whole application."""
    size_before: int = 0
    """If they were refused as too large: the bytes that a request was allowed to have until then."""
    apart: bool = False
    """Whether they are sent by themselves, because a report had no rows of them."""
    found: int = 0
    """How many hunts, one after the other, have found a device among those that were sent with them."""

    def completed(self) -> None:
        """A job of theirs is Completed: the API had time for it, denied nothing and reported on it."""
        self.waits, self.waited_at, self.denied_at, self.apart = 0, math.inf, math.inf, False
        if self.halves is not None:
            self.halves.one_is_good = True
        self.halves, self.blamed, self.last_left = None, False, False

    def failed_alone(self, *, others_do_well: bool) -> None:
        """The job of this single device Failed; the device is sent once more."""
        self.blamed = others_do_well
        self.last_left = self.halves is not None and self.halves.one_is_good


@dataclass(slots=True, eq=False)
class Batch:
    """Devices for one request. No two of its events concern the same device.

    One that is handed to `Dispatch.send_whole` is sent as it is, before most others: a batch that was refused
    or lost as a whole is tried again as a whole, or as its halves.
    """

    serial: int
    endpoint: Endpoint
    application: str
    events: list[Event]
    ready_at: float
    """When its oldest event became first in its lane, seconds; 0 if it is sent again."""
    hunt: HuntState | None = None
    """The hunt that it is part of."""
    history: History = field(default_factory=History)
    sent_at: float = 0.0
    place: int = 0
    """Of an exact batch: its place in the order of all queues."""
    probe: bool = False
    """Whether it is the probe of a halt."""
    suspicion: Suspicion = field(default_factory=Suspicion)

    def rows(self) -> list[bytes]:
        """Return its devices as they are sent: JSON objects."""
        return [event.row if event.merged is None else row_of(event) for event in self.events]

    @property
    def size(self) -> int:
        """Bytes of its devices as they are sent."""
        return sum([size_of(event) for event in self.events])

    def strip(self, unwanted: Callable[[Event], bool], *, on_its_way: bool = False) -> list[Event]:
        """Take unwanted events out of it, unless it is on its way, and out of its hunt."""
        removed: list[Event] = []
        lists = [] if on_its_way else [self.events]
        if self.hunt is not None:
            lists += [self.hunt.other_half, self.hunt.aside]
        for events in lists:
            removed += [event for event in events if unwanted(event)]
            events[:] = [event for event in events if not unwanted(event)]
        return removed

    def homes(self) -> set[Assignment]:
        """Return the partitions of its events, with those that were merged into them."""
        merged = [event.merged for event in self.events if event.merged is not None]
        return {event.home for event in self.events} | {each.home for one in merged for each in one.events}


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
    """Of its devices; empty for an adopted job."""
    slices: dict[Assignment, JobSlice] = field(default_factory=dict)
    """For each partition its part of the job, as the checkpoint remembers it."""
    followed_since: float = 0.0
    """When polling began: when it was accepted or, if adopted, when all of its records were read again."""
    polls: int = 0
    polling: bool = False
    next_poll: float = 0.0
    unfinished_age: float = 0.0
    """Age in seconds at the last poll that found it unfinished."""
    progress: int = -1
    moved_at: float = 0.0
    """When its progress last grew; at first, when polling began."""
    without_details: bool = False
    """Poll without details until it has ended: the API sends rows of unfinished jobs, too, or knows a report
    with details only of those that have ended."""
    polls_without_details: int = 0
    """How often it was polled without details because a poll with them doesn't know it."""
    whole: bool = True
    """Whether `events` are all that was sent, in that order. Of an adopted job others may have a part."""
    completed_at: float = 0.0
    """When the GET that found it Completed was sent, 0 before: rows may be waited for after that."""
    incomplete: int = 0
    """How often it was polled again, though Completed, because verdicts were missing."""
    down_at_start: float = 0.0
    """The total of all outages, in seconds, when it was taken in."""
    excused: float = 0.0
    """Seconds since then in which it alone could not be polled: no part of its age, as outages aren't."""
    excused_until: float = 0.0
    """Until when denials are counted in that."""
    suspicion: Suspicion = field(default_factory=Suspicion)
    unknown_since: float = 0.0
    unknown: int = 0
    """How often in a row the API said that it doesn't know this job."""
    denied: int = 0
    """How many GETs in a row were denied. Until one is not, only probes poll it."""
    slow: bool = False
    """Whether it is unfinished for much longer than jobs usually take."""
    witness: bool = False
    """Whether it has ended and is only polled as a witness (`following/witness.py`)."""
    outrun: int = 0
    """How many jobs that were accepted after it have ended before it."""

    @property
    def sent_at(self) -> float:
        """When its POST was sent; of an adopted job when that was answered, as more isn't known."""
        return self.accepted_at if self.batch is None else self.batch.sent_at

    @property
    def failed_before(self) -> float:
        """When the last job of its devices was found to have Failed; if none has, when it was accepted."""
        return min(self.history.failed_at, self.accepted_at)

    @property
    def adopted(self) -> bool:
        """Whether an earlier owner submitted it."""
        return self.batch is None

    def excuse(self, since: float, now: float) -> None:
        """Count no time since then in which its GETs were denied, and none twice."""
        self.excused += max(0.0, now - max(since, self.accepted_at, self.excused_until))
        self.excused_until = now

    @property
    def is_probe(self) -> bool:
        """Whether it was sent as the probe of a halt."""
        return self.batch is not None and self.batch.probe

    @property
    def denied_alone(self) -> bool:
        """Whether its GETs were denied so often that it may be this job alone, and not its application."""
        return self.denied >= DENIED_ALONE

    @property
    def asked_in_turns(self) -> bool:
        """Whether it is polled in turns with others that were denied as often."""
        return self.denied > DENIED_ALONE

    @property
    def held_up(self) -> bool:
        """Whether it is kept from ending by something of its own, and not by the work that the API has.

        It fails alone; it waits for rows, for its records to be read again or for the end of a halt; or later
        jobs have ended, and it has not.
        """
        waits = self.incomplete > 0 or self.next_poll == math.inf or self.denied > 0
        return waits or self.suspicion.proven > 0 or (self.slow and self.outrun >= OUTRUN)


def slices_of(job: Job) -> dict[Assignment, JobSlice]:
    """Return the offsets that the job carries, by partition; none of revoked partitions."""
    offsets: defaultdict[Assignment, list[int]] = defaultdict(list)
    for event in job.events:
        if event.merged is None:
            offsets[event.home].append(event.offset)
        else:
            for each in contributors(event):
                offsets[each.home].append(each.offset)
    return {
        home: JobSlice(job.request_id, job.endpoint, job.application, job.accepted_at, tuple(sorted(mine)))
        for home, mine in offsets.items()
        if home.live
    }
