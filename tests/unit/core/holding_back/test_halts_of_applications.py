"""What a halted application is to the others: where it stops them, and where it doesn't."""

from __future__ import annotations

import random

import pytest

from connector.answers import Denied, PollAnswer, PostAnswer, Unavailable
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.reading.event import Event
from connector.core.remembering.checkpoint import encode
from connector.core.settling.pressure import LOW_SHARE
from connector.model import Cause, TopicPartition
from tests.unit.core.builders import P0, P1, limits, tags, unfinished
from tests.unit.core.driving import Drive

HALTED = "BBBBB-BBBBB"
DENIED = Denied(Cause.UNAUTHORIZED, "unauthorized", 401)


def refuses_one(batch: Batch) -> PostAnswer | None:
    return DENIED if batch.application == HALTED else None


def event(at: int, partition: TopicPartition, *, halted: bool) -> Event:
    """An event of a device of its own, of the halted application or of the default one."""
    device = f"p{partition.partition}-{at}"
    if halted:
        return tags(at, device, partition=partition, application=HALTED)
    return tags(at, device, partition=partition)


def read_what_is_wanted(drive: Drive, backlogs: dict[TopicPartition, list[Event]], once: int = 5) -> bool:
    """Deliver what a consumer would, of partitions that are not paused, until nothing is wanted."""
    given = True
    found = False
    while given:
        given = False
        for partition, left in backlogs.items():
            if left and partition not in drive.paused:
                some = drive.engine.fetch_size(once)
                drive.read(*left[:some])
                del left[:some]
                given = found = True
                drive.plan()
    return found


def run(drive: Drive, backlogs: dict[TopicPartition, list[Event]], once: int = 5) -> None:
    """Read and answer until nothing more comes of it; the halted application stays halted."""
    while read_what_is_wanted(drive, backlogs, once):
        drive.run(refuses_one, seconds=2)


def test_with_a_topic_of_its_own_an_application_settles_all_it_has_beside_a_halted_one() -> None:
    drive = Drive(limits(max_events=64, max_devices=5))
    drive.assign(P0)
    drive.assign(P1)
    backlogs = {
        P0: [event(at, P0, halted=True) for at in range(500)],
        P1: [event(at, P1, halted=False) for at in range(500)],
    }
    run(drive, backlogs)
    assert drive.position(P1) == 500
    assert drive.position(P0) <= 0
    assert 64 * LOW_SHARE <= drive.engine.assignments[P0].events_held < 64, "it holds its share and no more"


@pytest.mark.parametrize("once", [5, 70, 1000])
def test_a_small_share_of_the_partitions_is_enough_not_to_be_stopped_by_a_halted_application(
    once: int,
) -> None:
    """Also where one fetch brings more events of the halted one than the buffer holds."""
    drive = Drive(limits(max_events=800, max_devices=5))
    partitions = [TopicPartition("events", number) for number in range(8)]
    for partition in partitions:
        drive.assign(partition)
    backlogs = {each: [event(at, each, halted=each != P0) for at in range(400)] for each in partitions[1:]}
    backlogs[P0] = [event(at, P0, halted=False) for at in range(400)]
    run(drive, backlogs, once)
    assert drive.position(P0) == 400
    held = sum(assignment.events_held for assignment in drive.engine.assignments.values())
    assert held <= 1.5 * 800 + min(400, once) / 2, "the bound, half a share of each, and what a fetch is more"


def test_in_one_partition_a_halted_application_stops_the_others_where_the_checkpoint_ends() -> None:
    """What is sent beyond it a crash would send again: the halted events hold back the position."""
    drive = Drive(limits(max_events=2000, max_devices=10, max_metadata=200))
    drive.assign(P0)
    backlogs = {P0: [event(at, P0, halted=at % 2 == 0) for at in range(1500)]}
    run(drive, backlogs)
    assignment = drive.engine.assignments[P0]
    assert drive.position(P0) == 0
    confirmed = assignment.offsets.settled_beyond()
    assert 20 < confirmed < 375
    assert assignment.bounded
    posts = drive.posts
    drive.later(5)
    drive.plan()
    assert drive.posts == posts, "the other application waits"

    drive.engine.credentials_changed(HALTED, drive.now)
    drive.run()
    assert drive.position(P0) == 1500
    assert drive.at_rest()


@pytest.mark.parametrize(("share", "others"), [(0.5, 12_000), (0.1, 48_000), (0.01, 280_000)])
def test_so_far_the_others_get_as_the_guide_says(share: float, others: int) -> None:
    """`deploy/README.md` tells these figures, for one partition and a checkpoint of the usual size."""
    dice = random.Random(7)
    settled = bytes(dice.random() >= share for _ in range(int(1.5 * others / (1 - share))))
    covers = encode(0, b"\0" + settled[1:], []).covers
    assert 0.9 * others < sum(settled[:covers]) < 1.2 * others


def test_the_time_of_a_halt_is_no_time_of_its_own_jobs_and_all_the_time_of_others() -> None:
    drive = Drive(limits(deadline=900.0, probe_interval=30.0, max_resubmissions=0))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(event(0, P0, halted=True))
    own = drive.start_job()
    began, hours = drive.now, 2 * 3600.0

    def poll(job: Job) -> PollAnswer | None:
        if job.application == HALTED:
            return DENIED if drive.now < began + hours else unfinished(50)
        return unfinished(50)

    drive.run(poll=poll, seconds=hours - 60)
    drive.read(event(0, P1, halted=False))
    other = drive.start_job()
    lost: dict[int, float] = {}
    while len(lost) < 2:
        drive.run(poll=poll, seconds=30)
        for job in (own, other):
            if job.serial not in drive.engine.components.tracking.jobs:
                lost.setdefault(job.serial, drive.now)
    assert lost[other.serial] - other.accepted_at < 900 + 120
    assert began + hours + 900 - 60 < lost[own.serial] < began + hours + 900 + 120


def test_that_an_application_is_not_configured_tells_nothing_of_an_outage() -> None:
    drive = Drive(limits(max_devices=1, probe_interval=5))
    drive.assign(P0)
    drive.read(*(event(at, P0, halted=at % 2 == 1) for at in range(8)))
    not_configured = Denied(Cause.UNKNOWN_APPLICATION, "it isn't configured any more", 0)

    def post(batch: Batch) -> PostAnswer:
        return not_configured if batch.application == HALTED else Unavailable("down", 503)

    drive.run(post, seconds=120)
    events = [notice.text for notice in drive.engine.notices]
    assert sorted(events) == ["halted", "the API is down"]
