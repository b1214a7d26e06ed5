"""One request that the API can't answer holds up nothing else: neither a job's GET nor a batch's POST."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from connector.answers import PollAnswer, PostAnswer, Unavailable
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.holding_back.outages import SMALLER_TRIALS
from connector.model import Cause
from tests.unit.core.broken_api import BROKEN, FORBIDDEN, MINUTE, SICK, SILENT, told, unsettled
from tests.unit.core.builders import P0, devices, limits, registration
from tests.unit.core.driving import Drive, reading
from tests.unit.core.looking import all_halts


def _stream(
    drive: Drive,
    seconds: int,
    post: Callable[[Batch], PostAnswer | None] = lambda _: None,
    poll: Callable[[Job], PollAnswer | None] = lambda _: None,
) -> None:
    """A new device each second, as long as that."""
    offset = drive.engine.assignments[P0].offsets.next
    for _ in range(0, seconds, 10):
        drive.read(*devices(range(offset, offset + 10)))
        offset += 10
        drive.run(post=post, poll=poll, seconds=10)


def _reading(first: int = 200) -> Drive:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(first)))
    return drive


def _first_job_fails(answer: PollAnswer) -> Callable[[Job], PollAnswer | None]:
    sick: list[str] = []

    def poll(job: Job) -> PollAnswer | None:
        sick.extend([job.request_id] * bool(job.events))  # one without is only asked about to tell who fails
        return answer if job.request_id in sick[:1] else None

    return poll


def _sick_device_fails(answer: PostAnswer) -> Callable[[Batch], PostAnswer | None]:
    def post(batch: Batch) -> PostAnswer | None:
        return answer if any(event.offset == SICK for event in batch.events) else None

    return post


@pytest.mark.parametrize("answer", [BROKEN, SILENT], ids=["500", "no reply"])
def test_a_job_that_cannot_be_polled_holds_up_no_other_and_is_sent_again_at_its_deadline(
    answer: PollAnswer,
) -> None:
    drive = _reading()
    poll = _first_job_fails(answer)
    _stream(drive, 600, poll=poll)
    assert unsettled(drive) == 10, "what is in that job"
    assert drive.engine.components.gate.closed_until is None
    assert told(drive)[0]["first_record"] == "events/0/0"
    _stream(drive, 600, poll=poll)
    assert unsettled(drive) == 0
    assert drive.letters == []


@pytest.mark.parametrize("answer", [BROKEN, SILENT], ids=["500", "no reply"])
def test_a_device_that_the_api_stumbles_over_is_found_and_waits_alone_without_a_dead_letter(
    answer: PostAnswer,
) -> None:
    drive = _reading()
    _stream(drive, 900, _sick_device_fails(answer))
    assert unsettled(drive) == 1
    assert drive.engine.components.gate.closed_until is None
    assert [told(drive)[-1][name] for name in ("devices", "first_record")] == [1, f"events/0/{SICK}"]
    assert drive.letters == []
    posts = drive.posts
    drive.run(post=_sick_device_fails(answer), seconds=600)
    assert drive.posts - posts <= 600 / MINUTE * 2, "it is tried once a minute at most, and a bit"
    _stream(drive, 120)
    assert unsettled(drive) == 0, "and it goes once the API can take it"


@pytest.mark.parametrize("count", [60, 100, 1000])
def test_such_a_device_is_found_also_where_nothing_else_is_sent(count: int) -> None:
    drive = reading(count, max_devices=1000, max_in_flight=16)
    drive.run(post=_sick_device_fails(BROKEN), seconds=60)
    assert unsettled(drive) == 1


def test_several_such_devices_are_found_too() -> None:
    sick = {3, 4, SICK, 120, 299}
    drive = _reading(400)

    def post(batch: Batch) -> PostAnswer | None:
        return None if sick.isdisjoint(event.offset for event in batch.events) else BROKEN

    _stream(drive, 900, post)
    assert unsettled(drive) == len(sick)
    assert drive.engine.components.gate.closed_until is None
    _stream(drive, 120)
    assert unsettled(drive) == 0


def test_an_api_that_fails_now_and_then_costs_no_dead_letter_and_holds_up_nothing_afterwards() -> None:
    dice = random.Random(4)
    drive = _reading(400)
    _stream(drive, 600, lambda _: BROKEN if dice.random() < 0.4 else None)
    _stream(drive, 60)
    assert unsettled(drive) == 0
    assert drive.letters == []


def test_a_device_that_is_all_there_is_to_send_for_one_application_holds_up_no_other_one() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(registration(0))
    drive.run(post=lambda _: BROKEN, seconds=300)
    drive.read(*devices(range(1, 21)))
    drive.run(post=lambda batch: BROKEN if batch.events[0].offset == 0 else None, seconds=300)
    assert unsettled(drive) == 1


def test_an_outage_in_which_everything_fails_blames_no_one() -> None:
    drive = _reading()
    down = True

    def post(_batch: Batch) -> PostAnswer | None:
        return BROKEN if down else None

    _stream(drive, 600, post)
    assert not told(drive)
    assert drive.engine.components.gate.closed_until is not None
    down = False
    _stream(drive, 120, post)
    assert unsettled(drive) == 0
    assert 0 < drive.engine.tally.split_batches <= SMALLER_TRIALS


def test_a_batch_of_which_one_device_alone_fails_is_taken_in_parts_and_one_of_these_in_halves() -> None:
    drive = _reading()
    _stream(drive, 300, lambda batch: BROKEN if any(e.offset == SICK for e in batch.events) else None)
    assert unsettled(drive) == 1
    assert drive.engine.tally.split_batches == 2, "first it may be the API; then it is hunted as one batch"
    told = [each.text for each in drive.engine.notices if each.text.endswith("alone fails")]
    assert told == ["one batch alone fails", "one device alone fails"]


def test_while_it_is_overloaded_no_batch_is_sent_in_parts() -> None:
    drive = _reading()
    _stream(drive, 600, lambda _: Unavailable("busy", 503))
    assert drive.engine.tally.split_batches == 0
    assert {len(offsets) for offsets in drive.sent} == {10}


@pytest.mark.parametrize("answer", [BROKEN, SILENT], ids=["500", "no reply"])
def test_where_each_batch_has_a_device_that_the_api_stumbles_over_all_others_get_through(
    answer: PostAnswer,
) -> None:
    dice = random.Random(7)
    sick = {offset for offset in range(1000) if dice.random() < 0.015}
    drive = Drive(limits(max_devices=500))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(1000)))
    drive.run(
        post=lambda batch: None if sick.isdisjoint(event.offset for event in batch.events) else answer,
        seconds=20 * MINUTE,
    )
    assert unsettled(drive) == len(sick)
    assert drive.letters == []
    drive.run(seconds=2 * MINUTE)
    assert unsettled(drive) == 0


def test_what_comes_while_one_job_alone_fails_is_tried_within_two_trials() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(*devices(range(5)))
    drive.run(poll=lambda _: BROKEN, seconds=10 * MINUTE)
    drive.read(*devices(range(5, 10)))
    drive.run(poll=_first_job_fails(BROKEN), seconds=2 * MINUTE)
    assert unsettled(drive) == 5


def test_an_api_that_many_devices_at_once_overload_gets_fewer() -> None:
    drive = Drive(limits(max_devices=1000))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(5000)))
    drive.run(post=lambda batch: SILENT if len(batch.events) > 300 else None, seconds=10 * MINUTE)
    assert unsettled(drive) == 0


def test_an_outage_after_a_job_failed_alone_is_no_time_of_that_job() -> None:
    drive = _reading()
    _stream(drive, 60, poll=_first_job_fails(BROKEN))
    assert told(drive)
    drive.run(post=lambda _: BROKEN, poll=lambda _: BROKEN, seconds=3600)
    drive.run(seconds=120)
    assert unsettled(drive) == 0
    assert not [each for each in drive.engine.notices if each.text == "job lost"]


def test_what_told_that_a_job_fails_alone_before_an_outage_tells_nothing_of_its_end() -> None:
    drive = Drive(limits(max_devices=10, deadline=300.0))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.start_job()
    poll = drive.next_poll()
    drive.polled(poll, BROKEN)
    drive.later(1)
    for _ in range(10):  # others are answered, and then nobody is
        drive.engine._polled._outages.answered(drive.now, "get", 10)
    drive.engine.components.gate.failed(drive.now + 1, drive.now + 1, None, 0.0)
    drive.later(600)
    drive.polled(drive.next_poll(), BROKEN)
    assert poll.job.suspicion.proven == 1
    assert not [each for each in drive.engine.notices if each.text == "job lost"]
    drive.run()
    assert (drive.posts, drive.position()) == (1, 10)


def test_a_job_alone_whose_gets_fail_lets_a_post_be_the_trial() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.run(poll=lambda _job: BROKEN, seconds=5)
    _stream(drive, 120, poll=lambda job: BROKEN if [e for e in job.events if e.offset == 0] else None)
    assert unsettled(drive) == 10


def test_sick_jobs_take_no_place_of_others() -> None:
    drive = Drive(limits(max_devices=10, max_in_flight=2))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(20)))
    sick: set[str] = set()

    def poll(job: Job) -> PollAnswer | None:
        if len(sick) < 2:
            sick.add(job.request_id)
        return BROKEN if job.request_id in sick else None

    drive.run(poll=poll, seconds=60)
    _stream(drive, 600, poll=poll)
    assert unsettled(drive) == 20


def test_where_gets_alone_fail_no_more_jobs_are_made_than_may_be_and_one() -> None:
    drive = Drive(limits(max_devices=10, max_in_flight=4))
    drive.assign()
    drive.let_many_go()
    _stream(drive, 3600, poll=lambda _: BROKEN)
    assert 4 <= len(drive.engine.jobs) <= 5


def test_where_everything_is_forbidden_for_a_while_nothing_is_dead_lettered() -> None:
    drive = _reading()
    allowed = True

    def post(_batch: Batch) -> PostAnswer | None:
        return None if allowed else FORBIDDEN

    _stream(drive, 60, post)
    allowed = False
    _stream(drive, 600, post)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == [Cause.UNAUTHORIZED]
    allowed = True
    _stream(drive, 120, post)
    assert unsettled(drive) == 0
    assert drive.letters == []
