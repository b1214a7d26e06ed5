"""Requests and devices a second: how much may go, and when."""

from __future__ import annotations

import random

import pytest

from connector.answers import PollAnswer, Unavailable
from connector.core.following.job import Job
from connector.core.holding_back.orders import Paused
from connector.core.holding_back.pace import BURST, Pace, most_at_once
from connector.model import Cause
from tests.strength import in_full
from tests.unit.core.builders import NOW, UNDECODABLE, devices, limits, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.looking import all_halts


def test_without_a_limit_everything_may_go_at_once() -> None:
    pace = Pace(0, 0)
    for _ in range(10):
        pace.posted(1000, NOW)
        pace.polled(NOW)
    assert pace.unlimited
    assert max(pace.post_at(), pace.get_at()) <= NOW


def test_a_batch_goes_whole_and_is_paid_for_afterwards() -> None:
    pace = Pace(0, 100)
    assert pace.post_at() <= NOW
    pace.posted(1000, NOW)
    assert pace.post_at() == pytest.approx(NOW + 10 - BURST)
    assert pace.get_at() <= NOW


def test_unused_time_is_no_credit_for_later() -> None:
    pace = Pace(10, 0)
    pace.polled(NOW)
    later, sent = NOW + 3600, 0
    while pace.get_at() <= later:
        pace.polled(later)
        sent += 1
    assert sent == 10 * BURST + 1


@pytest.mark.parametrize(
    ("requests", "rate", "most"),
    [
        (0, 0, 1000),
        (5, 0, 1000),
        (0, 100, 100),  # a second's worth
        (0, 5000, 1000),
        (0, 0.5, 1),
        (10, 100, 100),
        (2, 100, 200),  # a job each two seconds
        (0.1, 100, 1000),
    ],
)
def test_a_batch_is_a_seconds_worth_or_what_falls_due_between_two_jobs(
    requests: float, rate: float, most: int
) -> None:
    assert most_at_once(1000, requests, rate) == most


def run_for(drive: Drive, seconds: float) -> None:
    """Answer everything for so long."""
    end = drive.now + seconds
    while drive.now < end:
        drive.plan()
        for submit in list(drive.submits):
            drive.posted(submit)
        for poll in list(drive.polls):
            drive.polled(poll)
        if drive.commit is not None:
            drive.committed()
        wake_at = drive.engine.wake_at(drive.now)
        drive.now = min(end, max(drive.now + 0.001, end if wake_at is None else wake_at))


def test_devices_a_second_are_bounded() -> None:
    drive = Drive(limits(max_devices=10, devices_per_second=50.0))
    drive.assign()
    drive.read(*devices(range(3000)))
    run_for(drive, 20.0)
    assert 950 <= sum(len(batch) for batch in drive.sent) <= 1000 + 10 * BURST * 50


def test_polls_share_the_budget_of_requests() -> None:
    drive = Drive(limits(max_devices=10, requests_per_second=20.0))
    drive.assign()
    drive.read(*devices(range(3000)))
    run_for(drive, 30.0)
    assert 570 <= drive.posts + drive.gets <= 610
    assert drive.posts >= 200  # polls leave room for them


@pytest.mark.parametrize(("rate", "ceiling", "stuck"), [(0.5, 10.0, 5), (1.0, 10.0, 12), (5.0, 2.0, 12)])
def test_jobs_that_never_end_leave_room_for_others_in_the_budget(
    rate: float, ceiling: float, stuck: int
) -> None:
    """Asked about once each `ceiling` they alone use as much as is allowed."""
    drive = Drive(limits(max_devices=1, linger=0.0, requests_per_second=rate, poll_ceiling=ceiling))
    drive.assign()
    drive.read(*devices(range(5)))
    drive.run()

    def poll(job: Job) -> PollAnswer | None:
        return unfinished() if job.events[0].offset < 5 + stuck else None

    drive.read(*devices(range(5, 5 + stuck)))
    drive.run(poll=poll, seconds=150 / rate)
    before = drive.posts
    drive.read(*devices(range(5 + stuck, 55 + stuck)))
    drive.run(poll=poll, seconds=250 / rate)
    assert drive.posts - before == 50


def test_polls_that_are_due_together_go_as_the_limit_lets_them() -> None:
    drive = Drive(limits(max_devices=1, linger=0.0, requests_per_second=10.0))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(6)))
    for _ in range(6):
        drive.start_job()
    drive.later(60.0)
    drive.plan()
    for poll in list(drive.polls):
        drive.polled(poll, unfinished())
    drive.later(60.0)
    drive.plan()
    assert 1 <= len(drive.polls) <= 10 * BURST + 1


def test_waking_up_is_at_the_time_when_something_may_go() -> None:
    drive = Drive(limits(max_devices=10, linger=0.0, devices_per_second=10.0))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(20)))
    drive.plan()
    assert len(drive.submits) == 1
    assert drive.engine.wake_at(drive.now) == pytest.approx(NOW + 1 - BURST)
    drive.later(1.0 - BURST)
    drive.plan()
    assert len(drive.submits) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_api_says_now_and_then_leaves_as_many_jobs_as_before(status: int) -> None:
    assert usual_limit(status, share=0.03) >= 12


@pytest.mark.parametrize("status", [429, 503])
def test_what_it_says_every_second_time_whatever_is_under_way_does_so_too(status: int) -> None:
    assert usual_limit(status, share=0.5) >= 12


_MANY = 2_000 if in_full() else 600


def usual_limit(status: int, share: float) -> int:
    """Return how many jobs may go at once most of the time, if such a share of all calls is told so."""
    drive, dice = Drive(limits(max_devices=5, max_in_flight=16), seed=1), random.Random(7)
    drive.assign()
    drive.read(*devices(range(_MANY)))
    busy = Unavailable("too many", status)
    seen: list[int] = []

    def maybe(_: object) -> Unavailable | None:
        seen.append(drive.engine.components.concurrency.limit)
        return busy if dice.random() < share else None

    def poll(job: Job) -> PollAnswer | None:
        return maybe(job) or (unfinished() if drive.now - job.accepted_at < 2 else None)

    drive.run(maybe, poll)
    assert drive.position() == _MANY
    return sorted(seen)[len(seen) // 2]


def test_an_api_that_is_not_there_is_not_overloaded() -> None:
    drive = Drive(limits(max_devices=1, max_in_flight=10, linger=0.0))
    drive.assign()
    drive.read(*devices(range(50)))
    drive.plan()
    drive.posted(drive.submits[0], Unavailable("connection refused", 0))
    assert drive.engine.components.concurrency.limit == 10


def test_one_that_is_not_there_is_not_overloaded_either_where_errors_came_before() -> None:
    drive = Drive(limits(max_devices=1, max_in_flight=10, linger=0.0))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(50)))
    drive.engine.components.concurrency.overloaded(drive.now)
    assert (left := drive.engine.components.concurrency.limit) < 10
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0])
    drive.polled(drive.next_poll(), Unavailable("connection refused", 0))
    assert drive.engine.components.gate.closed_until is not None
    assert drive.engine.components.concurrency.limit == left


def test_a_pause_submits_nothing_but_follows_and_commits_what_is_under_way() -> None:
    drive = Drive(limits(max_devices=2, linger=0.0, max_in_flight=2))
    drive.assign()
    drive.read(*devices(range(6)))
    drive.start_job()
    paused_at = drive.now
    assert drive.engine.pause("10.0.0.3", paused_at)
    assert not drive.engine.pause("10.0.0.4", drive.now)
    posts = drive.posts
    run_for(drive, 60)
    assert drive.posts == posts
    assert drive.position() == 2 * posts
    assert drive.engine.paused == Paused("10.0.0.3", paused_at)
    assert all_halts(drive.engine.components.halts) == []
    drive.engine.release(drive.now)  # after the brake: this is another thing
    run_for(drive, 60)
    assert drive.posts == posts
    assert drive.engine.resume("10.0.0.5")
    assert not drive.engine.resume("10.0.0.5")
    drive.run()
    assert drive.position() == 6
    told = [(notice.text, notice.fields["by"]) for notice in drive.engine.notices if "by" in notice.fields]
    assert told == [("paused", "10.0.0.3"), ("going on", "10.0.0.5")]


def test_what_was_refused_is_dead_lettered_during_a_pause_but_not_during_a_halt() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign()
    drive.engine.pause("10.0.0.3", drive.now)
    drive.read(UNDECODABLE)
    drive.engine.halt(Cause.BRAKE, "too many", drive.now)
    drive.plan()
    assert not drive.engine.components.ledger.under_way
    drive.engine.release(drive.now)
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    assert len(drive.commit.letters) == 1


def test_a_batch_is_held_back_only_while_it_could_go_but_for_the_limits() -> None:
    drive = Drive(limits(max_devices=10, linger=0.0, devices_per_second=10.0))
    drive.assign()
    drive.let_many_go()
    assert not drive.engine.held_back(drive.now)
    drive.read(*devices(range(20)))
    drive.plan()
    assert drive.engine.held_back(drive.now)
    drive.engine.pause("10.0.0.3", drive.now)
    assert not drive.engine.held_back(drive.now), "that is the pause"
    drive.engine.resume("10.0.0.3")
    drive.later(1.0)
    assert not drive.engine.held_back(drive.now)


def test_polls_go_before_posts_when_the_gate_lets_one_request_through() -> None:
    drive = Drive(limits(max_devices=1, linger=0.0, max_in_flight=8))
    drive.assign()
    drive.read(*devices(range(5)))
    job = drive.start_job()
    drive.wait_for(lambda: bool(drive.polls))
    drive.polled(drive.polls[0], unfinished())
    drive.engine.polled(job, Unavailable("down", 503), drive.now, drive.now)
    posts = drive.posts
    drive.later(120)
    drive.plan()
    assert [poll.job for poll in drive.polls] == [job]
    assert drive.posts == posts
