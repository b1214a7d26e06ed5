"""What follows from an answer: a report with rows left out, an outage, none, a request that never left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.core.event import Event
from connector.model import Cause, Denied, Endpoint, Unavailable, Unsent
from tests.unit.core.builders import (
    all_done,
    devices,
    limits,
)
from tests.unit.core.driving import DOWN, Drive, reading


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
    assert drive.gets <= 20 + 2 * 6 + 20, "20 jobs; the questions in vain; the devices alone"
    told = [each for each in drive.engine.notices if each.event == "a report leaves devices out"]
    assert [told[0].level, told[0].fields["devices"], told[0].fields["rows"]] == ["warning", 2, 1]


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
