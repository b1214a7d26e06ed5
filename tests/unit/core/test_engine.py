"""The way of a record through the engine; the gate; the end that is in sight; stopping."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from connector.model import Cause, Denied, Endpoint, Event, Unavailable, Unsent
from tests.unit.core.builders import (
    NOW,
    P0,
    P1,
    UNDECODABLE,
    all_done,
    devices,
    limits,
    registration,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive

DOWN = Unavailable("connection refused")


def reading(count: int, **changed: object) -> Drive:
    drive = Drive(limits(**changed))
    drive.assign()
    drive.read(*devices(range(count)))
    return drive


# -- the way of a record -----------------------------------------------------------------------------


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
    drive.read(registration(0, "A"), tags(1, "A"), registration(2, "A"))
    drive.run()
    assert drive.sent == [[0], [1], [2]]


def test_records_of_a_partition_that_is_not_ours_are_left_alone() -> None:
    drive = Drive()
    drive.read(*devices(range(3)))
    drive.engine.ended(P0, 3, drive.now)
    drive.run()
    assert drive.posts == 0
    assert drive.engine.tally.consumed == {}


def test_records_that_come_twice_are_taken_once() -> None:
    drive = reading(5)
    drive.read(*devices(range(3, 8)))
    drive.run()
    assert drive.sent == [[*range(8)]]
    assert drive.position() == 8


def test_what_happened_is_counted() -> None:
    drive = reading(3)
    drive.run()
    tally = drive.engine.tally
    assert tally.submitted[Endpoint.TAGS] == 3
    assert tally.jobs[Endpoint.TAGS, "completed"] == 1
    assert {stage for stage, _, _ in tally.stages} == {"queue", "submit", "job", "poll", "commit"}
    tally.clear()
    assert tally.submitted == {}
    assert tally.stages == []
    assert tally.coalesced == 0


# -- gaps and ends -----------------------------------------------------------------------------------


def test_the_position_goes_past_offsets_that_do_not_exist() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices([3, 7, 8]))
    drive.run()
    assert drive.position() == 9
    drive.engine.ended(P0, 12, drive.now)
    drive.run()
    assert drive.position() == 12


def test_a_gap_before_a_record_under_way_is_committed_already() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices([5]))
    drive.run(poll=lambda _: unfinished(), seconds=30)
    assert drive.position() == 5


def test_with_an_end_in_sight_what_comes_after_it_is_left_alone() -> None:
    drive = Drive()
    drive.assign(until=5)
    drive.read(*devices(range(3)))
    drive.read(*devices(range(3, 9)))
    drive.run()
    assert drive.position() == 5
    home = drive.engine.assignments[P0]
    assert home.done
    assert home.at_end
    assert sorted(offset for sent in drive.sent for offset in sent) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("last", [2, 4])
def test_an_end_is_reached_across_a_gap(last: int) -> None:
    drive = Drive()
    drive.assign(until=10)
    drive.read(*devices(range(last)))
    drive.read(*devices([15, 16]))
    drive.run()
    assert drive.engine.assignments[P0].done
    assert drive.position() == 10


def test_an_end_is_reached_by_markers_alone() -> None:
    drive = Drive()
    drive.assign(until=10)
    drive.read(*devices(range(2)))
    drive.engine.ended(P0, 12, drive.now)
    drive.run()
    assert drive.engine.assignments[P0].done


def test_an_end_that_is_behind_the_committed_offset_is_reached_from_the_start() -> None:
    drive = Drive()
    drive.assign(P0, 7, until=5)
    assert drive.engine.assignments[P0].done


def test_an_end_is_not_reached_while_a_letter_is_owed() -> None:
    drive = Drive()
    drive.assign(until=2)
    drive.read(UNDECODABLE, tags(1), at=0)
    for _ in range(30):
        drive.plan()
        drive.answer_but_letters()
        drive.later(1)
    assert not drive.engine.assignments[P0].done
    drive.run()
    assert drive.engine.assignments[P0].done


# -- a report that is not whole ----------------------------------------------------------------------


def asked(drive: Drive, rows: Callable[[int], Sequence[Event]]) -> int:
    """Answer each GET with Completed and the rows of these events; return how many GETs there were."""
    before = drive.gets
    drive.run(poll=lambda _: all_done(rows(drive.gets - before)))
    return drive.gets - before


def test_rows_that_come_late_are_waited_for_and_nothing_is_sent_again() -> None:
    drive, events = Drive(), devices(range(4))
    drive.assign()
    drive.read(*events)
    assert asked(drive, lambda gets: events[: 2 * gets]) == 2
    assert drive.posts == 1
    assert drive.position() == 4
    assert drive.letters == []


def test_a_device_whose_row_never_comes_is_sent_again_after_three_questions() -> None:
    drive, events = Drive(), devices(range(4))
    drive.assign()
    drive.read(*events)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0])
    for _ in range(3):
        assert drive.posts == 1
        drive.polled(drive.next_poll(), all_done(events[:3]))
    drive.run()
    assert drive.sent == [[0, 1, 2, 3], [3]]


def test_an_api_that_leaves_rows_out_is_not_asked_thrice_about_each_job() -> None:
    drive = Drive(limits(max_devices=2, max_attempts=1, max_in_flight=1, linger=0.0))
    drive.assign()
    drive.read(*devices(range(40)))
    drive.run(poll=lambda job: all_done(job.events[:1]))
    assert drive.position() == 40
    assert drive.gets < 20 + 2 * 3 + 20, "20 jobs; the questions in vain; the devices alone"


# -- the gate ----------------------------------------------------------------------------------------


def test_while_the_destination_is_down_one_request_at_a_time_tries_it() -> None:
    drive = reading(50, max_devices=5)
    drive.run(lambda _: DOWN, seconds=600)
    assert drive.posts < 10 + 7 + 600 / 30, "those under way, those of growing waits, then one in 30 to 60 s"
    tried: list[int] = []
    drive.run(lambda _: tried.append(len(drive.submits)) or DOWN, seconds=600)  # type: ignore[func-returns-value]  # None, then the answer
    assert set(tried) == {1}
    drive.run()
    assert drive.position() == 50
    assert drive.letters == []


def test_an_outage_counts_no_attempt() -> None:
    drive = reading(5, max_attempts=1)
    drive.run(lambda _: DOWN, seconds=3600)
    drive.run()
    assert drive.letters == []


def test_the_gate_stays_closed_as_long_as_the_api_asks() -> None:
    drive = reading(5)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unavailable("slow down", 429, retry_after=77.0))
    drive.plan()
    assert drive.engine.wake_at(drive.now) == drive.now + 77
    assert drive.engine.tally.gate_closures["too_many_requests"] == 1


def test_the_gate_tells_once_that_it_closed() -> None:
    drive = reading(5)
    drive.run(lambda _: DOWN, seconds=3600)
    assert [notice.event for notice in drive.engine.notices] == ["destination down"]


def test_while_the_destination_is_down_it_is_known_why() -> None:
    drive = reading(1)
    drive.wait_for(lambda: bool(drive.submits))
    told = [drive.engine.outage]
    drive.posted(drive.submits[0], DOWN)
    told.append(drive.engine.outage)
    drive.run()
    told.append(drive.engine.outage)
    assert told == [None, "connection refused", None]


def test_a_poll_may_be_the_trial() -> None:
    drive = reading(5)
    drive.start_job()
    drive.polled(drive.next_poll(), Unavailable("bad gateway", 502))
    drive.read(*devices(range(5, 9)))
    drive.wait_for(lambda: bool(drive.submits or drive.polls))
    assert len(drive.submits) + len(drive.polls) == 1
    drive.run()
    assert drive.position() == 9


def test_a_lost_reply_is_counted_as_sent_again() -> None:
    drive = reading(5)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unavailable("reset", 0, maybe_accepted=True))
    drive.run()
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 5
    assert drive.posts == 2


def test_what_never_left_is_sent_as_if_nothing_had_been() -> None:
    drive = reading(5, max_attempts=1)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unsent("not any more"))
    drive.run()
    assert drive.sent == [[0, 1, 2, 3, 4]] * 2
    assert drive.position() == 5
    assert drive.letters == []
    assert not drive.engine.tally.retried[Endpoint.TAGS]
    assert not drive.engine.tally.gate_closures


def test_a_trial_that_never_left_is_followed_by_another() -> None:
    drive = reading(5)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DOWN)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unsent("not any more"))
    drive.plan()
    assert len(drive.submits) == 1
    drive.run()
    assert drive.position() == 5


def test_a_probe_of_the_credentials_that_never_left_is_followed_by_another() -> None:
    drive = reading(5)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Denied(Cause.UNAUTHORIZED, "no", 401))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unsent("not any more"))
    drive.run()
    assert drive.position() == 5


def test_what_was_not_sent_goes_first_when_the_destination_is_back() -> None:
    drive = reading(4, max_devices=2, max_in_flight=1, linger=0.0)
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DOWN)
    drive.run()
    assert drive.sent == [[0, 1], [0, 1], [2, 3]]


def test_hours_of_an_outage_neither_grow_nor_flood() -> None:
    drive = reading(50, max_events=60)
    drive.run(lambda _: DOWN, seconds=6 * 3600)
    assert drive.posts < 6 * 3600 / 30
    assert len(drive.engine.notices) == 1
    assert len(drive.engine.dispatch._later) == 0
    drive.run()
    assert drive.position() == 50


# -- stopping ----------------------------------------------------------------------------------------


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


def test_a_stop_waits_for_jobs() -> None:
    drive = reading(1)
    drive.start_job()
    assert not drive.engine.quiet


def test_a_hand_over_submits_nothing_and_follows_its_jobs() -> None:
    drive = reading(20, max_in_flight=1)
    drive.start_job()
    drive.engine.freeze("a test")
    drive.run(seconds=60)
    assert drive.posts == 1
    drive.engine.thaw("a test")
    drive.run()
    assert drive.position() == 20
