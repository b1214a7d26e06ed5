"""The state of an instance, read-only: for gauges, the status page and tools.

Given: the components. Gives: figures and the jobs and halts behind them, as they are at this moment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from connector.core.assigned.assignment import Assignment
from connector.core.components import Components
from connector.core.following.job import Job
from connector.core.holding_back.gate import Closing
from connector.core.holding_back.halts import Halt
from connector.core.holding_back.orders import Paused
from connector.core.settling.owed import Owed
from connector.core.settling.owed_words import by_reason
from connector.model import Cause, Endpoint, TopicPartition


class PartitionOverview(NamedTuple):
    """One partition that is ours."""

    partition: TopicPartition
    position: int
    """The committed offset."""
    settled: int
    """How many of the offsets from 0 to the end are settled, and known to be."""
    letters_under_way: int
    """How many of those are letters in the commit under way. For the commit they are settled, for whoever
    looks they are not before it is acknowledged."""
    oldest_unsettled: int
    """The timestamp of the oldest record that isn't settled, milliseconds since the epoch; 0 for none."""
    buffered: int
    """Events in memory."""
    paused: bool


class HaltsInForce(NamedTuple):
    """Why nothing is submitted, of all applications or of one."""

    of_instance: Mapping[Cause, Halt]
    """Halts of the whole instance, by cause."""
    applications: Mapping[str, Halt]
    """Halts of one application each, by its code; empty for the default one."""

    @property
    def halted(self) -> bool:
        """Whether somebody has to fix something."""
        return bool(self.applications or self.of_instance)


class Overview(NamedTuple):
    """One instance."""

    stopping: bool
    paused: Paused | None
    """Who paused it; None while nobody has."""
    halts: HaltsInForce
    closing: Closing | None
    """Why the gate is closed; None while it is open."""
    closed_until: float
    """When it is tried next, seconds since the epoch; 0 while it is open."""
    jobs: Sequence[Job]
    """The unfinished jobs, the oldest first."""
    in_flight: Mapping[Endpoint, int]
    """Jobs under way, and requests that may become one."""
    jobs_limit: int
    waiting_for_checkpoint: int
    """Events that wait until the checkpoint has room for them."""
    buffered_events: int
    buffered_bytes: int
    owed: Mapping[str, int]
    """Letters that are neither written nor on their way, by reason."""
    partitions: Sequence[PartitionOverview]
    """By name and number."""


def halts_in_force(components: Components) -> HaltsInForce:
    """Look at the halts alone."""
    of_instance = dict(components.halts.of_instance)
    if (braked := of_instance.get(Cause.BRAKE)) is not None:
        of_instance[Cause.BRAKE] = replace(braked, message=components.brakes.words or braked.message)
    return HaltsInForce(of_instance, components.halts.applications)


def overview(components: Components) -> Overview:
    """Look at everything once."""
    assignments = components.ledger.assignments
    posting = components.dispatch.posting.values()
    jobs = sorted(components.tracking.jobs.values(), key=lambda job: job.accepted_at)
    closed_until = components.gate.closed_until
    return Overview(
        components.orders.stopping,
        components.orders.paused,
        halts_in_force(components),
        None if closed_until is None else components.gate.closing,
        closed_until or 0.0,
        jobs,
        Counter([each.endpoint for each in jobs]) + Counter([each.endpoint for each in posting]),
        components.concurrency.limit,
        components.dispatch.count_waiting_for_checkpoint,
        sum(each.events_held for each in assignments.values()),
        sum(each.bytes_held for each in assignments.values()),
        by_reason(components.owed),
        _partitions(components),
    )


def _partitions(components: Components) -> list[PartitionOverview]:
    under_way = components.ledger.under_way
    letters: defaultdict[Assignment, list[Owed]] = defaultdict(list)
    for owed in under_way.owed if under_way else ():
        letters[owed.assignment].append(owed)
    assignments = components.ledger.assignments
    return [
        _partition(partition, assignments[partition], letters[assignments[partition]])
        for partition in sorted(assignments)
    ]


def _partition(
    partition: TopicPartition, assignment: Assignment, letters: Sequence[Owed]
) -> PartitionOverview:
    offsets = assignment.offsets
    timestamps = (offsets.oldest_timestamp() or 0, *(owed.timestamp for owed in letters))
    return PartitionOverview(
        partition,
        position=assignment.committed.offset,
        settled=offsets.safe() + offsets.settled_beyond(),
        letters_under_way=len(letters),
        oldest_unsettled=min((each for each in timestamps if each > 0), default=0),
        buffered=assignment.events_held,
        paused=assignment.paused,
    )
