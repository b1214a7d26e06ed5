"""What may go now: while the API is down, and while this instance stops."""

from __future__ import annotations

import pytest

from connector.answers import Denied, PostAnswer, Unavailable
from connector.model import Cause
from tests.unit.core.builders import UNDECODABLE, devices, limits, tags
from tests.unit.core.driving import DOWN, Drive, owing, reading


def test_while_the_api_is_down_one_request_at_a_time_tries_it() -> None:
    drive = reading(50, max_devices=5)
    drive.run(lambda _: DOWN, seconds=600)
    assert drive.posts < 10 + 7 + 600 / 10, "those under way, those of growing waits, then one in 10 to 20 s"
    tried: list[int] = []
    drive.run(lambda _: tried.append(len(drive.submits)) or DOWN, seconds=600)  # type: ignore[func-returns-value]  # None, then the answer
    assert set(tried) == {1}
    drive.run()
    assert drive.position() == 50
    assert drive.letters == []


def test_a_poll_may_be_the_trial() -> None:
    drive = reading(5)
    drive.start_job()
    drive.polled(drive.next_poll(), Unavailable("bad gateway", 502))
    drive.read(*devices(range(5, 9)))
    drive.wait_for(lambda: bool(drive.submits or drive.polls))
    assert len(drive.submits) + len(drive.polls) == 1
    drive.run()
    assert drive.position() == 9


def test_a_closed_gate_is_tried_by_a_poll_rather_than_by_a_post() -> None:
    drive = reading(20, max_in_flight=4)
    drive.let_many_go()
    drive.start_job()
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DOWN)
    drive.wait_for(lambda: bool(drive.submits or drive.polls))
    assert (len(drive.submits), len(drive.polls)) == (0, 1)


def test_of_two_applications_one_at_a_time_tries_a_closed_gate() -> None:
    drive = Drive()
    drive.assign()
    drive.let_many_go()
    drive.read(tags(0, "A"), tags(1, "B", application="B"))
    drive.wait_for(lambda: len(drive.submits) == 2)
    drive.posted(drive.submits[0], DOWN)
    drive.posted(drive.submits[0], DOWN)
    tried: list[int] = []
    drive.run(lambda _: tried.append(len(drive.submits)) or DOWN, seconds=60)  # type: ignore[func-returns-value]  # None, then the answer
    assert set(tried) == {1}


def test_posts_try_a_closed_gate_every_third_time_and_every_second_time_once_each_get_has_failed() -> None:
    drive = reading(60, max_in_flight=8)
    drive.let_many_go()
    for _ in range(3):
        drive.start_job()
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DOWN)
    trials = ""
    while len(trials) < 10:
        drive.wait_for(lambda: bool(drive.submits or drive.polls))
        trials += "P" if drive.submits else "G"
        drive.posted(drive.submits[0], DOWN) if drive.submits else drive.polled(drive.polls[0], DOWN)
    assert trials == "GGPGGPGPPP"


def test_what_was_not_sent_goes_first_when_the_api_is_back() -> None:
    drive = reading(4, max_devices=2, max_in_flight=1, linger=0.0)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DOWN)
    drive.run()
    assert drive.sent == [[0, 1], [0, 1], [2, 3]]


def test_hours_of_an_outage_neither_grow_nor_flood() -> None:
    drive = reading(50, max_events=60)
    drive.run(lambda _: DOWN, seconds=6 * 3600)
    assert drive.posts < 6 * 3600 / 10
    assert len(drive.engine.notices) == 1
    assert len(drive.engine.components.dispatch._later) == 0
    drive.run()
    assert drive.position() == 50


def test_who_stops_submits_nothing_and_follows_its_jobs() -> None:
    drive = reading(20, max_in_flight=1)
    drive.start_job()
    drive.engine.stop()
    drive.run()
    assert drive.posts == 1
    assert drive.position() == 10
    assert drive.engine.idle


def test_a_stop_waits_for_letters_but_not_for_those_that_a_halt_holds() -> None:
    drive = Drive()
    drive.assign()
    drive.read(UNDECODABLE)
    quiet = [drive.engine.quiet]
    drive.engine.halt(Cause.BRAKE, "too many", drive.now)
    quiet.append(drive.engine.quiet)
    drive.engine.release(drive.now)
    quiet.append(drive.engine.quiet)
    drive.run()
    quiet.append(drive.engine.quiet)
    assert quiet == [False, True, False, True]


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_stop_does_not_wait_for_letters_that_are_refused_again_and_again(by_itself: bool) -> None:
    drive = owing(1)
    refused = [0] if by_itself else []
    drive.commit_failed(*refused)
    drive.engine.stop()
    assert not drive.engine.quiet, "perhaps it was the moment"
    began = drive.now
    while not drive.engine.quiet and drive.now - began < 20:
        drive.wait_for(lambda: drive.commit is not None)
        assert drive.commit is not None
        drive.commit_failed(*refused) if drive.commit.letters else drive.committed()
    assert 1 < drive.now - began < 5
    drive.run()
    drive.read(UNDECODABLE, at=1)
    assert not drive.engine.quiet, "they can be written again"


def test_a_stop_does_not_wait_for_the_rest_after_an_attempt_that_took_long() -> None:
    drive = owing(1)
    drive.later(8.0)
    drive.commit_failed()
    drive.engine.stop()
    assert drive.engine.quiet, "the next attempt but the last commit's is 24 seconds away"
    drive.run()
    drive.read(UNDECODABLE, at=1)
    assert not drive.engine.quiet, "they can be written again"


def test_a_stop_waits_for_jobs() -> None:
    drive = reading(1)
    drive.start_job()
    assert not drive.engine.quiet


def test_a_hand_over_submits_nothing_and_follows_its_jobs() -> None:
    drive = reading(20, max_in_flight=1)
    drive.start_job()
    drive.engine.hold_submissions("a test")
    drive.run(seconds=60)
    assert drive.posts == 1
    drive.engine.allow_submissions("a test")
    drive.run()
    assert drive.position() == 20


def test_a_batch_that_waits_for_anything_but_the_limits_is_not_held_back() -> None:
    def waits(answer: PostAnswer | None, *, offsets: int = 20, **changed: object) -> bool:
        drive = Drive(limits(devices_per_second=10.0, **changed))
        drive.assign()
        drive.let_many_go()
        drive.read(*devices(range(10)))
        drive.wait_for(lambda: bool(drive.submits))
        drive.posted(drive.submits[0], answer)
        drive.read(*devices(range(10, offsets)))
        drive.plan()
        return drive.engine.held_back(drive.now)

    assert waits(None)
    assert not waits(DOWN), "it waits for the API"
    assert not waits(Denied(Cause.UNAUTHORIZED, "no such token", 401)), "for a token"
    assert not waits(None, max_in_flight=1), "for a job to end"
    assert not waits(None, offsets=11), "to be filled"


def test_enough_is_read_where_it_fills_every_job_that_may_be_under_way() -> None:
    drive = Drive(limits(max_devices=10, max_in_flight=2))
    drive.assign()
    enough: list[bool] = []
    for offsets in (range(19), range(19, 20)):
        drive.read(*devices(offsets))
        enough.append(drive.engine.supplied)
    drive.plan()
    enough.append(drive.engine.supplied)
    assert enough == [False, True, False]


def test_the_probe_of_a_halt_has_others_in_it_than_what_was_denied() -> None:
    drive = reading(30, max_in_flight=1)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Denied(Cause.UNAUTHORIZED, "no such token", 401))
    drive.wait_for(lambda: bool(drive.submits))
    assert drive.sent == [[*range(10)], [*range(10, 20)]]
