"""Tallies and snapshots with something in every field, and what is exported of them."""

from __future__ import annotations

from collections import defaultdict

from prometheus_client import CollectorRegistry

from connector.answers import GateCause
from connector.core.tally import NO_ENDPOINT, JobOutcome, RecordOutcome, Stage, Tally
from connector.model import Cause, Endpoint, Reason
from connector.ops.families import PREFIX
from connector.ops.status import GateView, ObstacleView, PartitionView, Snapshot

NOW = 1_790_000_000.0


def full_tally() -> Tally:
    """A tally with something in every field."""
    return Tally(
        consumed=defaultdict(int, {"profile-tags": 5}),
        settled=defaultdict(
            int, {(Endpoint.TAGS, RecordOutcome.CONFIRMED): 4, (NO_ENDPOINT, RecordOutcome.SKIPPED): 1}
        ),
        latencies=[("bulkSetTags", [int(NOW * 1000) - 2_000])],
        stages=[(Stage.QUEUE, 0.2, 4)],
        dead_letters=defaultdict(int, {Reason.TAG_REFUSED: 1}),
        jobs=defaultdict(int, {(Endpoint.TAGS, JobOutcome.COMPLETED): 1}),
        submitted=defaultdict(int, {"bulkSetTags": 4}),
        resubmitted=defaultdict(int, {"bulkSetTags": 2}),
        retried=defaultdict(int, {"bulkSetTags": 2}),
        gate_closures=defaultdict(int, {GateCause.SERVER_ERROR: 1}),
        halts=defaultdict(int, {Cause.BRAKE: 1}),
        coalesced=3,
        split_batches=1,
        refused_tags=2,
        partitions_paused=1,
        unreadable_checkpoints=1,
    )


def full_snapshot() -> Snapshot:
    """A snapshot with something in every field that a gauge shows."""
    return Snapshot(
        applications=["AAAAA-BBBBB"],
        halts=[ObstacleView("unauthorized", "401", "check the token", NOW)],
        gate=GateView("server_error", "503", 7.5, NOW),
        troubles=[ObstacleView("topic_missing", "unknown topic", "create it", NOW)],
        partitions=[PartitionView("t", 0, position=5, end=12, backlog=6, oldest_unsettled_seconds=1.5)],
        jobs_in_flight={"bulkSetTags": 2},
        jobs_limit=16,
        held_back=True,
        waiting_for_checkpoint=2,
        buffered_events=3,
        buffered_bytes=400,
    )


def exported(registry: CollectorRegistry) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample values by name and by label values, sorted by label name."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in registry.collect():
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name.removeprefix(PREFIX), {})[labels] = sample.value
    return found
