"""Halts by the answer to a POST, by a job and by a poll, and the probes that end them."""

from __future__ import annotations

import pytest

from connector.answers import PollAnswer, Refused, Unavailable
from connector.core.following.job import Job
from connector.core.holding_back.halts import May
from connector.core.holding_back.proofs import Where
from connector.model import Cause
from connector.pushwoosh.wire import read_poll
from tests.unit.core.adopting import adopting
from tests.unit.core.builders import P0, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.halting import (
    DENIED,
    JOB_DENIED,
    halted_by_a_job,
    halted_by_a_poll,
    halted_by_a_post,
    requests_in,
)
from tests.unit.core.looking import all_halts

# -- by a POST --------------------------------------------------------------------------------------


def test_while_halted_nothing_goes_but_one_probe_an_interval() -> None:
    drive = halted_by_a_post(100)
    assert requests_in(drive, 299, DENIED, None) == 9


def test_while_a_probe_has_no_answer_there_is_no_second_one() -> None:
    drive = halted_by_a_post(100)
    drive.wait_for(lambda: bool(drive.submits))
    drive.later(300)
    drive.plan()
    assert len(drive.submits) == 1


def test_a_halt_by_a_post_ends_by_itself_once_a_post_is_accepted() -> None:
    drive = halted_by_a_post(100)
    drive.run(lambda _: DENIED, seconds=100)
    drive.run()
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 100
    assert drive.letters == []


def test_a_halt_says_so_once_and_that_it_is_over_once() -> None:
    drive = halted_by_a_post(100)
    drive.run(lambda _: DENIED, seconds=100)
    drive.run()
    told = [(notice.level, notice.text) for notice in drive.engine.notices]
    assert told == [("error", "halted"), ("info", "going on")]


def test_a_probe_that_finds_the_api_down_is_followed_by_another() -> None:
    drive = halted_by_a_post()
    drive.run(lambda _: Unavailable("down"), seconds=100)
    drive.run()
    assert drive.position() == 1


def test_a_refused_probe_proves_that_the_credentials_are_good() -> None:
    drive = halted_by_a_post()
    drive.run(lambda _: Refused("bad", 400))
    assert all_halts(drive.engine.components.halts) == []
    assert drive.written == [0]


def test_a_late_answer_to_what_went_before_the_halt_does_not_end_it() -> None:
    drive = Drive(limits(max_devices=2))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(4)))
    drive.plan()
    first, second = drive.submits
    drive.later(1)
    drive.posted(first, DENIED)
    drive.later(1)
    drive.posted(second)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == ["unauthorized"]


def test_a_probe_whose_partition_went_meanwhile_is_followed_by_another() -> None:
    drive = halted_by_a_post()
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.revoked([P0], drive.now)
    drive.posted(drive.submits[0])  # accepted, but it carries nothing of ours any more
    drive.later(1)
    drive.engine.components.halts.denied("", DENIED, Where.JOB, drive.now, drive.now)
    drive.assign()
    drive.read(tags(0))
    drive.run()
    assert drive.position() == 1


def test_what_was_sent_before_the_token_changed_halts_nothing() -> None:
    drive = Drive(limits(max_devices=2))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(2)))
    drive.wait_for(lambda: bool(drive.submits))
    drive.later(0.1)
    drive.engine.credentials_changed("", drive.now)
    drive.later(0.1)
    drive.posted(drive.submits[0], DENIED)
    assert all_halts(drive.engine.components.halts) == []
    drive.run()
    assert drive.sent == [[0, 1], [0, 1]]
    assert drive.position() == 2


def test_a_probe_with_the_old_token_is_followed_at_once_by_one_with_the_new_one() -> None:
    drive = halted_by_a_post()
    drive.wait_for(lambda: bool(drive.submits))
    drive.later(0.1)
    drive.engine.credentials_changed("", drive.now)
    drive.posted(drive.submits[0], DENIED)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == ["unauthorized"]
    drive.plan()
    assert len(drive.submits) == 1
    drive.posted(drive.submits[0], DENIED)
    assert requests_in(drive, 299, DENIED, None) == 9, "the new one is no better: once an interval again"


def test_a_job_that_was_asked_about_with_the_old_token_is_asked_about_again_at_once() -> None:
    drive = Drive(limits(probe_interval=30.0))
    drive.assign()
    drive.read(*devices(range(2)))
    drive.start_job()
    poll = drive.next_poll()
    polled_at = drive.now
    drive.later(0.1)
    drive.engine.credentials_changed("", drive.now)
    drive.polls.remove(poll)
    drive.engine.polled(poll.job, DENIED, polled_at, drive.now)
    assert all_halts(drive.engine.components.halts) == []
    before = drive.now
    drive.next_poll()
    assert drive.now - before < 0.1


# -- by a job ---------------------------------------------------------------------------------------


def test_a_job_that_was_denied_is_sent_again_by_the_probe() -> None:
    drive = halted_by_a_job()
    assert requests_in(drive, 299, None, JOB_DENIED) == 18, "a POST and a GET each 30 s"
    drive.run()
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 2
    assert drive.letters == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"status_code": 401, "status_message": "unauthorized", "response": null}',
        b'{"message": "unauthorized"}',
        b'{"code": 16, "message": "unauthenticated", "details": []}',
        b'{"request_id": "r", "message": "unauthorized"}',
        b'{"request_id": "r", "status": "Pending", "message": "unauthorized"}',
    ],
)
def test_a_job_that_may_not_be_asked_about_is_kept_however_that_is_said(body: bytes) -> None:
    drive = Drive(limits(probe_interval=30.0, max_devices=2))
    drive.assign()
    drive.read(*devices(range(2)))
    drive.run(poll=lambda _: read_poll(200, body, None, 0.0, request_id="r"), seconds=600)
    assert drive.posts == 1
    (halt,) = all_halts(drive.engine.components.halts)
    assert (halt.cause, halt.where) == (Cause.UNAUTHORIZED, Where.GET)
    drive.run()
    assert (drive.posts, drive.position(), drive.letters) == (1, 2, [])


def test_what_only_a_job_can_prove_is_not_proved_by_its_post() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.start_job()
    assert [halt.where for halt in all_halts(drive.engine.components.halts)] == [Where.JOB]
    drive.polled(drive.next_poll())
    assert all_halts(drive.engine.components.halts) == []


def test_a_refused_probe_of_jobs_is_followed_by_others_until_one_tells() -> None:
    drive = halted_by_a_job()
    drive.run(lambda batch: Refused("bad", 400) if batch.events[0].offset == 0 else None)
    assert all_halts(drive.engine.components.halts) == []
    assert drive.written == [0]
    assert drive.position() == 2


def test_a_lost_probe_of_jobs_is_followed_by_another() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.start_job()
    drive.engine.lost([P0], drive.now)
    assert (
        drive.engine.components.halts.may_submit("", drive.engine.jobs.values(), drive.now + 30) == May.PROBE
    )


def test_a_probe_whose_partition_went_before_the_answer_is_followed_by_another() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.lost([P0], drive.now)
    drive.posted(drive.submits[0])
    assert (
        drive.engine.components.halts.may_submit("", drive.engine.jobs.values(), drive.now + 30) == May.PROBE
    )


# -- by a poll --------------------------------------------------------------------------------------


def test_while_polls_are_denied_hardly_anything_is_submitted() -> None:
    drive = halted_by_a_poll()
    drive.read(*devices(range(2, 50)))
    posts = drive.posts
    assert requests_in(drive, 59, None, DENIED) == 1, "the jobs that are there are probes enough"
    assert drive.posts == posts
    assert requests_in(drive, 240, None, DENIED) < 24
    assert drive.posts == posts + 1, "one job more may tell whether it is they alone"


def test_a_halt_by_a_poll_ends_by_itself_once_a_poll_is_answered() -> None:
    drive = halted_by_a_poll()
    drive.read(*devices(range(2, 50)))
    drive.run(lambda _: None, lambda _: DENIED, seconds=100)
    drive.run()
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 50


def test_polls_that_are_denied_for_hours_lose_no_job_and_dead_letter_nothing() -> None:
    drive = halted_by_a_poll()
    drive.run(lambda _: None, lambda _: DENIED, seconds=6 * 3600)
    drive.run()
    assert drive.letters == []
    assert drive.posts == 1
    assert drive.position() == 2


def test_without_a_job_to_poll_a_batch_is_the_probe() -> None:
    drive = halted_by_a_poll()
    drive.engine.lost([P0], drive.now)
    drive.assign()
    drive.read(*devices(range(2)))
    drive.run()
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 2


# -- by both ----------------------------------------------------------------------------------------


def test_while_posts_are_denied_no_answer_to_a_get_ends_the_halt_though_other_gets_are_denied() -> None:
    drive = adopting({"J": [0], "K": [1]}, limits(probe_interval=30.0, max_devices=2))
    drive.read(*devices(range(20)))

    def poll(job: Job) -> PollAnswer:
        return DENIED if job.request_id == "J" else unfinished()

    drive.run(lambda _: DENIED, poll, seconds=600)
    assert drive.posts <= 600 / 30 + 1
    assert sum(notice.text == "going on" for notice in drive.engine.notices) <= 1, "before the first POST"


def test_once_posts_are_accepted_a_job_that_was_denied_is_asked_about_and_not_lost_for_its_age() -> None:
    drive = halted_by_a_poll()
    drive.read(*devices(range(2, 4)))
    drive.run(lambda _: DENIED, lambda _: DENIED, seconds=1200)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0])
    gets = drive.gets
    drive.run(poll=lambda _: unfinished(), seconds=1)
    assert drive.gets > gets
    drive.run()
    assert drive.sent.count([0, 1]) == 1
