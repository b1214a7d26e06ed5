"""What follows from the answer to a POST, from none, and from a request that never left."""

from __future__ import annotations

from connector.answers import Accepted, Denied, GateCause, Unavailable, Unsent
from connector.core.posted import OLD_ANSWERS
from connector.model import Cause, Endpoint
from tests.unit.core.builders import devices, tags
from tests.unit.core.driving import DOWN, reading


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
    assert drive.engine.tally.gate_closures[GateCause.TOO_MANY_REQUESTS] == 1


def test_the_gate_tells_once_that_it_closed() -> None:
    drive = reading(5)
    drive.run(lambda _: DOWN, seconds=3600)
    assert [notice.text for notice in drive.engine.notices] == ["the API is down"]


def test_while_the_api_is_down_it_is_known_why() -> None:
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


def test_an_answer_that_names_an_earlier_job_confirms_nobody() -> None:
    drive = reading(1)
    drive.run()
    drive.read(tags(1))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Accepted("request-1"))
    assert not drive.engine.jobs
    drive.run()
    assert drive.sent == [[0], [1], [1]]
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 1
    assert drive.position() == 2


def test_nor_does_one_that_names_a_job_under_way() -> None:
    drive = reading(1)
    drive.let_many_go()
    drive.start_job()
    drive.read(*devices([1]))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Accepted("request-1"))
    assert len(drive.engine.jobs) == 1
    drive.run()
    assert drive.position() == 2


def test_an_api_that_uses_its_names_again_is_believed_in_the_end() -> None:
    drive = reading(1)
    drive.run()
    for offset in range(1, 5):
        drive.read(tags(offset))
        drive.run(post=lambda _: Accepted("request-1"))
    assert drive.position() == 5
    assert drive.posts == 1 + 4 * (1 + OLD_ANSWERS)
