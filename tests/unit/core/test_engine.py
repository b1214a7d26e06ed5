"""The way of a record through the whole engine."""

from __future__ import annotations

from connector.core.tally import JobOutcome
from connector.model import Endpoint
from tests.unit.core.builders import (
    NOW,
    P0,
    P1,
    limits,
    registration,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive, reading


def test_a_record_is_batched_posted_polled_and_committed() -> None:
    drive = reading(3)
    drive.run()
    assert drive.sent == [[0, 1, 2]]
    assert (drive.posts, drive.gets) == (1, 1)
    assert drive.position() == 3
    assert drive.at_rest()


def test_a_batch_waits_to_be_filled_but_not_for_ever() -> None:
    drive = reading(3, linger=0.5)
    assert drive.submitted() == []
    assert drive.engine.wake_at(drive.now) == NOW + 0.5
    drive.later(0.5)
    assert len(drive.submitted()) == 1


def test_a_busy_device_blocks_no_other_one() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "busy"))
    slow = drive.start_job()
    drive.read(tags(1, "busy"), tags(2, "A"))
    drive.read(tags(0, "busy", partition=P1), tags(1, "B", partition=P1))
    drive.run(poll=lambda job: unfinished() if job is slow else None, seconds=60)
    assert drive.sent == [[0], [1, 2]]
    drive.run()
    assert (drive.position(P0), drive.position(P1)) == (3, 2)


def test_a_device_is_in_one_unfinished_job_whatever_the_endpoint() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign()
    for event in (registration(0, "A"), tags(1, "A"), registration(2, "A")):
        drive.read(event)
    drive.run()  # which looks at each request for a device that is in an unfinished job
    assert drive.sent == [[0], [1], [2]]


def test_a_confirmed_batch_is_counted_at_each_stage() -> None:
    drive = reading(3)
    drive.run()
    tally = drive.engine.tally
    assert tally.submitted[Endpoint.TAGS] == 3
    assert tally.jobs[Endpoint.TAGS, JobOutcome.COMPLETED] == 1
    assert {stage for stage, _, _ in tally.stages} == {"queue", "submit", "job", "poll", "commit"}
    assert drive.engine.take_tally().submitted[Endpoint.TAGS] == 3
    assert drive.engine.take_tally().submitted == {}


# -- stopping ----------------------------------------------------------------------------------------
