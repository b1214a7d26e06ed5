"""For how long a job may be unfinished."""

from __future__ import annotations

import pytest

from connector.answers import PollAnswer
from connector.core.following.deadline import MOST_DOUBLINGS, deadline_of
from connector.core.following.job import Job
from connector.model import Endpoint
from tests.strength import in_full
from tests.unit.core.builders import NOW, P0, devices, limits, registration, unfinished
from tests.unit.core.driving import Drive


def a_job(**changed: object) -> Job:
    job = Job(1, "request-1", Endpoint.TAGS, "", [], NOW)
    for name, value in changed.items():
        setattr(job, name, value)
    return job


@pytest.mark.parametrize(("usual", "expected"), [(0.0, 10.0), (5.0, 10.0), (6.0, 12.0)])
def test_it_is_no_less_than_twice_what_jobs_usually_take(usual: float, expected: float) -> None:
    assert deadline_of(a_job(), 10.0, usual, left_behind=False) == expected


def test_it_is_twice_as_long_for_each_loss_that_others_shared_but_not_without_end() -> None:
    job = a_job()
    found = []
    for job.history.losses_with_others in (0, 1, 2, MOST_DOUBLINGS, MOST_DOUBLINGS + 1):
        found.append(deadline_of(job, 10.0, 0.0, left_behind=False))
    assert found == [10.0, 20.0, 40.0, 640.0, 640.0]


@pytest.mark.parametrize(
    ("changed", "left_behind"),
    [
        ({}, False),
        ({"overtaken": True}, True),
        ({"like_it_ended_at": NOW + 99}, False),
        ({"like_it_ended_at": NOW + 10}, True),
    ],
    ids=["none has ended", "a later one has", "earlier ones end just now", "earlier ones ended long ago"],
)
def test_a_job_that_others_left_behind_has_no_longer_than_it_was_given(
    changed: dict[str, object], *, left_behind: bool
) -> None:
    job = a_job(**changed)
    job.history.losses_with_others = 1
    assert job.left_behind(NOW + 100) == left_behind
    assert deadline_of(job, 10.0, 0.0, left_behind=left_behind) == (10.0 if left_behind else 20.0)


def test_a_stuck_job_that_is_the_only_one_of_its_kind_is_given_up_as_soon_as_any_other() -> None:
    drive = Drive(limits(deadline=60.0, max_devices=1))
    drive.assign()
    drive.read(registration(0))
    for offset in range(1, 400):
        drive.read(*devices([offset]))
        drive.run(
            poll=lambda job: unfinished() if job.endpoint is Endpoint.REGISTRATIONS else None, seconds=1
        )
    assert drive.letters == [(P0, 0, "no_verdict")]


@pytest.mark.parametrize("others", ["nothing else is sent", "all are stuck"])
def test_after_a_time_that_told_nothing_a_stuck_job_is_given_up_as_soon_as_others_end(others: str) -> None:
    drive = Drive(limits(deadline=60.0, max_devices=1))
    drive.assign()
    drive.read(*devices(range(1 if others == "nothing else is sent" else 10)))
    told_nothing_until = drive.now + 450

    def poll(job: Job) -> PollAnswer | None:
        stuck = job.events[0].offset == 0 or drive.now < told_nothing_until
        return unfinished() if stuck else None

    drive.run(poll=poll, seconds=450)
    for offset in range(10, 200):
        drive.read(*devices([offset]))
        drive.run(poll=poll, seconds=2)
    assert drive.letters == [(P0, 0, "no_verdict")]
    drive.run(poll=poll)
    assert drive.at_rest()


@pytest.mark.parametrize("in_flight", [1, 16])
@pytest.mark.parametrize("size", [1, 20 if in_full() else 5])
@pytest.mark.parametrize("times", [1.5, 7.0, 60.0])
def test_an_api_that_takes_longer_than_the_deadline_for_all_costs_nobody_its_event(
    times: float, size: int, in_flight: int
) -> None:
    drive = Drive(limits(deadline=8.0, max_devices=size, max_in_flight=in_flight))
    drive.assign()
    count = 20 * size

    def poll(job: Job) -> PollAnswer | None:
        return unfinished() if drive.now < job.accepted_at + 8.0 * times else None

    for first in range(0, count, count // 10):
        drive.read(*devices(range(first, first + count // 10)))
        drive.run(poll=poll, seconds=10)
    drive.run(poll=poll)
    assert drive.letters == []
    assert drive.position() == count
    assert drive.at_rest()
