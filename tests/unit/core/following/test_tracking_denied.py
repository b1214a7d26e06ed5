"""Jobs that may not be asked about, and time that is not theirs: of each application by itself."""

from __future__ import annotations

import math

import pytest

from connector.core.batching.batch import Batch
from connector.core.following.job import DENIED_ALONE, Job
from connector.core.following.polls import Polls
from connector.core.following.tracking import Tracking
from connector.model import Endpoint
from tests.unit.core.builders import NOW, limits

OFTEN = DENIED_ALONE + 1
"""Denied GETs after which a job is asked about in turns."""
LATER = NOW + 500


def job(serial: int, application: str = "A", denied: int = 0, due: float = LATER) -> Job:
    batch = Batch(serial, Endpoint.TAGS, application, [], NOW)
    return Job(
        serial,
        f"r{serial}",
        Endpoint.TAGS,
        application,
        [],
        NOW,
        batch=batch,
        polls=Polls(due=due, denied_gets=denied),
    )


def tracking(*jobs: Job, **changed: object) -> Tracking:
    found = Tracking(limits(**changed))
    for each in jobs:
        found.add(each)
        found.poll_at(each, each.polls.due)
    return found


def test_when_one_may_be_asked_about_again_those_of_its_application_that_took_turns_are_at_once() -> None:
    answered, waits, polling = job(1, denied=OFTEN), job(2, denied=OFTEN), job(3, denied=OFTEN)
    polling.polls.under_way = True
    others = [
        job(4, denied=DENIED_ALONE),
        job(5, "B", denied=OFTEN),
        job(7, "", denied=OFTEN),
        job(6, denied=OFTEN, due=math.inf),
    ]
    some = tracking(answered, waits, polling, *others)
    some.no_longer_denied(answered, NOW + 9)
    assert some.due(NOW + 9, 9) == [waits]


def test_a_turn_comes_after_those_of_the_application_s_other_jobs_that_take_turns() -> None:
    mine = job(1, denied=OFTEN - 1)
    some = tracking(
        mine, job(2, denied=OFTEN), job(3, denied=OFTEN), job(4, denied=1), job(5, "", denied=OFTEN)
    )
    some.get_denied(mine, NOW + 10, NOW)
    assert mine.polls.due == NOW + 10 + 2 * some._limits.probe_interval
    some.get_denied(mine, NOW, NOW)
    assert mine.polls.due == NOW, "a probe that is due now is due now"


def test_a_job_that_was_denied_seldom_takes_no_turns() -> None:
    mine = job(1)
    some = tracking(mine, job(2, denied=OFTEN))
    some.get_denied(mine, NOW + 10, NOW)
    assert (mine.polls.denied_gets, mine.polls.due) == (1, NOW + 10)


@pytest.mark.parametrize(("application", "denied", "lost"), [("A", 1, False), ("A", 0, True), ("B", 1, True)])
def test_after_a_halt_its_time_is_not_that_of_the_jobs_it_kept_from_being_asked_about(
    application: str, denied: int, lost: bool
) -> None:
    one = job(1, application, denied)
    some = tracking(one, deadline=100.0)
    some.halt_over("A", NOW + 10, NOW + 90)
    assert (one.polls.due == NOW + 90) == (application == "A")
    assert some.expired(one, NOW + 101) == lost
    assert some.expired(one, NOW + 181)


def test_once_a_job_may_be_asked_about_again_the_time_since_its_first_denial_is_not_its_own() -> None:
    one = job(1, denied=1)
    one.suspicion.denied_at = NOW + 10
    some = tracking(one, deadline=100.0)
    some.no_longer_denied(one, NOW + 90)
    assert not some.expired(one, NOW + 179)
    assert some.expired(one, NOW + 180)


def test_an_outage_before_a_job_began_is_all_the_same_no_reason_to_wait_longer_for_it() -> None:
    one = job(1)
    some = tracking(deadline=100.0)
    some.outage(50.0)
    some.add(one)
    some.outage(7.0)
    assert not some.expired(one, NOW + 106)
    assert some.expired(one, NOW + 107)


def test_what_one_is_told_proves_that_those_of_its_application_that_are_denied_are_so_alone() -> None:
    jobs = [job(1, denied=1), job(2, denied=0), job(3, "B", denied=1)]
    some = tracking(*jobs)
    some.one_answered("A")
    assert [each.suspicion.proven for each in jobs] == [1, 0, 0]


def test_the_api_works_on_those_jobs_that_nothing_of_their_own_keeps_from_ending() -> None:
    some = tracking(job(1), job(2), job(3), job(4, denied=1), job(5, due=math.inf))
    assert some.working == 3
    assert some.occupying(16) == 3
