"""What the core counted since it was last asked: plain figures that an edge turns into metrics.

The core knows nothing of metrics. A list of events adds one number; only what is refused adds to it
one by one. `Engine.take_tally` clears it.

Keys are the label values of the metrics (`connector.ops.metrics` and deploy/METRICS.md): an endpoint is an
`Endpoint`, or `NO_ENDPOINT` where a record was skipped or rejected before that was
known. None of them may ever name a device, a request or a tag.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TypeVar

from connector.answers import GateCause
from connector.model import Cause, Endpoint, Reason

_Key = TypeVar("_Key")

NO_ENDPOINT = "none"
"""The endpoint of a record that never got as far as having one."""


class RecordOutcome(StrEnum):
    """How a record was settled."""

    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"
    DEAD_LETTER = "dead_letter"
    SKIPPED = "skipped"


class JobOutcome(StrEnum):
    """What became of a job.

    An adopted one ends as one of the others later. A lost one counts as resubmitted, too, where its devices
    go again.
    """

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    ADOPTED = "adopted"
    RESUBMITTED = "resubmitted"


class Stage(StrEnum):
    """The stages between reading a record and confirming it, in order."""

    QUEUE = "queue"
    """From when a batch's oldest event is first in its lane until the batch is handed over for its POST.

    Counts for each of its events. Retries aren't timed: a batch that holds nothing else isn't counted, nor
    is half of a batch.
    """
    SUBMIT = "submit"
    """From a POST's request to its reply."""
    JOB = "job"
    """From the POST's reply until the GET is sent that brings the final report."""
    POLL = "poll"
    """From the request of that last GET to its reply."""
    DEAD_LETTER = "dead_letter"
    """From the refusal until the dead-letter topic has acknowledged the letter."""
    COMMIT = "commit"
    """From when an offset commit is asked for until it is acknowledged."""


def _counts() -> defaultdict[_Key, int]:
    return defaultdict(int)


@dataclass(slots=True)
class Tally:
    """Counts since the last `take`. Add with `tally.consumed[topic] += len(records)`."""

    consumed: defaultdict[str, int] = field(default_factory=_counts)
    """Records taken in, by topic."""
    settled: defaultdict[tuple[str, RecordOutcome], int] = field(default_factory=_counts)
    """Records settled, by endpoint and outcome."""
    latencies: list[tuple[str, list[int]]] = field(default_factory=list)
    """(endpoint, timestamps of the records just settled: ms since the epoch, without one left out)."""
    stages: list[tuple[Stage, float, int]] = field(default_factory=list)
    """(Stage, seconds, its weight: the events that took that long, 1 for a commit)."""
    dead_letters: defaultdict[Reason, int] = field(default_factory=_counts)
    """Letters acknowledged by the dead-letter topic."""
    jobs: defaultdict[tuple[Endpoint, JobOutcome], int] = field(default_factory=_counts)
    """Jobs, by what became of them."""
    submitted: defaultdict[str, int] = field(default_factory=_counts)
    """Devices in POSTs that were answered with a job, by endpoint."""
    resubmitted: defaultdict[str, int] = field(default_factory=_counts)
    """Devices sent again although an earlier POST may have applied them (lost reply or job), by endpoint."""
    retried: defaultdict[str, int] = field(default_factory=_counts)
    """Events queued for another attempt, by endpoint: their request or job came to nothing, or their verdict
    may pass. Parts of a batch that was refused aren't: those are `split_batches`."""
    gate_closures: defaultdict[GateCause, int] = field(default_factory=_counts)
    """Times the gate closed or its time was extended."""
    halts: defaultdict[Cause, int] = field(default_factory=_counts)
    """Times the flow was halted, or paused."""
    coalesced: int = 0
    """Events merged into one that was waiting for the same device."""
    split_batches: int = 0
    """Batches sent in parts, merged updates taken apart: the API refused the whole, or never answered it."""
    refused_tags: int = 0
    """Tags refused in reports, on devices whatever their own status."""
    partitions_paused: int = 0
    """Partitions paused: the buffer was full, or they were read too far ahead of an unsettled record."""
    unreadable_checkpoints: int = 0
    """Commit metadata that could not be read: their jobs are submitted again."""

    def take(self) -> Tally:
        """Return what was counted, and begin anew."""
        taken, new = replace(self), Tally()
        for each in fields(self):
            setattr(self, each.name, getattr(new, each.name))
        return taken
