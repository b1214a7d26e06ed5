"""Batches on their way and jobs under way: what the engine keeps about each. No decisions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connector.core.queueing.coalesce import contributors, row_of
from connector.core.reading.event import Event
from connector.core.remembering.assignment import Assignment
from connector.core.remembering.checkpoint import JobSlice
from connector.model import Endpoint

Call = Literal["post", "get"]
"""What is asked of the API: to take a batch, or about a job."""
OUTRUN = 4
"""Jobs that must have come and gone before one that is slow counts as stuck: a slow API is slow for all."""
PERSISTS = 3
"""Failures of a request in a row after which it is no accident."""


@dataclass(slots=True)
class Suspicion:
    """Whether a request fails by itself, as `Suspects` finds it; through all its repetitions."""

    failed_at: float = -math.inf
    failures: int = 0
    """Times in a row."""
    proven: int = 0
    """How many of those were proven to be its own doing."""
    others: int = 0
    """Before how many of those others had been answered since the one before: a hint, and no proof."""
    as_large: int = 0
    """How many of its kind that were about as large had been answered when it failed first."""
    answered: int = 0
    begun: int = 0
    """How many of its kind had been answered, and had begun to fail, when it failed last."""
    denied_at: float = math.inf
    """When it was denied first, all its failures since."""
    unsure: float = 0.0
    """Seconds in which nobody was answered, so that it may have been an outage that no gate closed for."""

    @property
    def persists(self) -> bool:
        """Whether it failed so often in a row that it can hardly be the others' doing."""
        return self.failures >= PERSISTS


@dataclass(slots=True)
class Search:
    """The hunt for the device that spoils a batch. One request of it is under way at a time."""

    aside: list[Event] = field(default_factory=list)
    """Events of which nothing is known yet: they are sent when it is over."""
    other_half: list[Event] = field(default_factory=list)
    """Of the batch under way: if that is accepted, these must have the spoilt one."""
    began: float = math.inf
    """When the batch was sent that it began with."""
    denied_at: float = math.inf
    """When the API's words first seemed to deny the whole application, of a request with such a device."""
    doubtful: bool = False
    """Whether there may be no such device: nothing was accepted since."""


@dataclass(slots=True)
class Halves:
    """The two halves of a batch whose jobs came to nothing, each of them a batch now."""

    one_is_good: bool = False
    """Whether a job of one of them is Completed: then the other must have the spoilt device."""


@dataclass(slots=True)
class History:
    """What the devices of a batch have been through together. Each batch that is made of them has a copy."""

    failures: int = 0
    """Times that they were in a job that Failed as a whole."""
    failed_at: float = math.inf
    """When the last of those was found to have Failed."""
    blamed: bool = False
    """Of a device that is alone: whether its last job Failed while others were Completed."""
    halves: Halves | None = None
    """Itself and the other half of what was halved last."""
    last_left: bool = False
    """Of a device that is alone and has Failed: whether the other half was Completed before it went again."""
    losses: int = 0
    """Times that their job was lost."""
    waits: int = 0
    """Times in a row that the API had no time for their job."""
    waited_at: float = math.inf
    """When it had none last."""
    denied_at: float = math.inf
    """When they were in a job whose words seemed to deny the whole application."""
    size_before: int = 0
    """Of what was too large: the bytes that had been right for a request until then."""
    apart: bool = False
    """Whether they go by themselves: a report had no rows of them."""

    def completed(self) -> None:
        """A job of them is Completed: the API had time for them, denied nothing and told of them."""
        self.waits, self.waited_at, self.denied_at, self.apart = 0, math.inf, math.inf, False
        if self.halves is not None:
            self.halves.one_is_good = True
        self.halves, self.blamed, self.last_left = None, False, False

    def failed_alone(self, *, others_do_well: bool) -> None:
        """The job of this one device Failed, which is to go once more."""
        self.blamed = others_do_well
        self.last_left = self.halves is not None and self.halves.one_is_good


@dataclass(slots=True, eq=False)
class Batch:
    """Devices for one request. No two of its events concern the same device.

    One that is handed to `Dispatch.exactly` is sent as it is, before most others: what was refused or
    lost as a whole is tried again as that whole or as its halves.
    """

    serial: int
    endpoint: Endpoint
    application: str
    events: list[Event]
    ready_at: float
    """When its oldest event became first in its lane, seconds; 0 where it is sent again."""
    search: Search | None = None
    """The hunt that it is part of."""
    history: History = field(default_factory=History)
    sent_at: float = 0.0
    place: int = 0
    """Of one that is sent as it is: in the order of all queues."""
    probe: bool = False
    """Whether it tries if a halt is over."""
    suspicion: Suspicion = field(default_factory=Suspicion)

    def rows(self) -> list[bytes]:
        """Return its devices as they are sent: JSON objects."""
        return [event.row if event.merged is None else row_of(event) for event in self.events]

    def strip(self, unwanted: Callable[[Event], bool], *, on_its_way: bool = False) -> list[Event]:
        """Take unwanted events out, unless it is on its way, and out of what its search knows."""
        removed: list[Event] = []
        lists = [] if on_its_way else [self.events]
        if self.search is not None:
            lists += [self.search.other_half, self.search.aside]
        for events in lists:
            removed += [event for event in events if unwanted(event)]
            events[:] = [event for event in events if not unwanted(event)]
        return removed

    def homes(self) -> set[Assignment]:
        """Return the partitions of its events and of all that they stand for."""
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
    """Of its devices. Of an adopted job nothing is known."""
    slices: dict[Assignment, JobSlice] = field(default_factory=dict)
    """For each partition its part of the job, as the checkpoint remembers it."""
    followed_since: float = 0.0
    """When it began to be asked about: when it was accepted, or all of its records were read again."""
    polls: int = 0
    polling: bool = False
    next_poll: float = 0.0
    unfinished_at: float = 0.0
    """Age in seconds at the last poll that found it unfinished."""
    progress: int = -1
    moved_at: float = 0.0
    """When its progress grew last, or it began to be followed."""
    without_details: bool = False
    """The API sends rows with unfinished jobs: ask without them until the end."""
    whole: bool = True
    """Whether `events` are all that was sent, in that order: of a job of two owners each has a part."""
    completed_at: float = 0.0
    """When the GET that found it Completed was sent, 0 before: rows may be waited for after that."""
    incomplete: int = 0
    """How often it was asked about again because verdicts were missing, though it was Completed."""
    down_at_start: float = 0.0
    """Seconds of all outages until it was taken in."""
    excused: float = 0.0
    """Seconds since in which it alone could not be asked about: like outages they are not its time."""
    suspicion: Suspicion = field(default_factory=Suspicion)
    unknown_since: float = 0.0
    unknown: int = 0
    """How often in a row the API said that it does not know this job."""
    denied: int = 0
    """GETs in a row that were answered with a denial: it is not asked about but by probes."""
    slow: bool = False
    """Whether it is unfinished for much longer than jobs usually take."""
    witness: bool = False
    """Whether it is no job under way, but what is asked about for what that tells of the others."""
    outrun: int = 0
    """Jobs that were accepted after it and have ended before it."""

    @property
    def sent_at(self) -> float:
        """When its POST was sent; of an adopted one when that was answered, which is all that is known."""
        return self.accepted_at if self.batch is None else self.batch.sent_at

    @property
    def failed_before(self) -> float:
        """When its devices' job before it was found to have Failed; when it was accepted, if none has."""
        return min(self.history.failed_at, self.accepted_at)

    @property
    def adopted(self) -> bool:
        """Whether an earlier owner submitted it."""
        return self.batch is None

    @property
    def held_up(self) -> bool:
        """Whether something of its own keeps it from ending, and not the work that the API has.

        It fails alone, waits for rows, for its records to be read again or for the end of a halt; or others
        come and go, and it stays.
        """
        waits = self.incomplete > 0 or self.next_poll == math.inf or self.denied > 0
        return waits or self.suspicion.proven > 0 or (self.slow and self.outrun >= OUTRUN)


def slices_of(job: Job) -> dict[Assignment, JobSlice]:
    """Partition by partition, the offsets that the job carries; of revoked partitions none."""
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
