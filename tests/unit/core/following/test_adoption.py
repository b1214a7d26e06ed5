"""Jobs of an earlier owner: polled, not sent again; and what may go wrong while their records are read."""

from __future__ import annotations

import math
from functools import partial

import pytest

from connector.answers import JobReport, JobUnknown, Row
from connector.core.assigned.job_slice import JobSlice
from connector.core.following.job import Job
from connector.core.remembering import checkpoint
from connector.core.tally import JobOutcome
from connector.model import Endpoint
from tests.unit.core.adopting import adopting, remembered
from tests.unit.core.builders import (
    FAILED,
    NOW,
    P0,
    P1,
    UNDECODABLE,
    completed,
    devices,
    limits,
    registration,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive


def test_a_job_of_an_earlier_owner_is_polled_and_not_sent_again() -> None:
    drive = adopting({"J": [0, 1, 2]})
    drive.read(*devices(range(3)))
    drive.run()
    assert (drive.posts, drive.gets) == (0, 1)
    assert drive.position() == 3
    assert drive.at_rest()
    assert [notice.fields["jobs"] for notice in drive.engine.notices] == [1]


def test_nothing_is_polled_or_submitted_until_all_records_of_adopted_jobs_are_read() -> None:
    drive = adopting({"J": [0, 5]})
    drive.read(*devices(range(3)))
    drive.later(60)
    assert drive.plan() == []
    drive.read(*devices(range(3, 6)))
    drive.later(1)
    drive.plan()
    assert len(drive.polls) == 1
    assert sorted(drive.sent) == [[1, 2, 3, 4]]


def test_the_devices_of_an_adopted_job_wait_for_its_report() -> None:
    drive = adopting({"J": [0]})
    drive.let_many_go()
    drive.read(tags(0, "A"), tags(1, "A"), tags(2, "B"))
    drive.later(1)
    drive.plan()
    assert drive.sent == [[2]]
    drive.polled(drive.polls[0])
    drive.plan()
    assert drive.sent == [[2], [1]]


def test_an_adopted_job_settles_by_rows_and_never_by_their_position() -> None:
    drive = adopting({"J": [0, 1]}, limits(max_attempts=1))
    drive.read(tags(0, None, user_id="U"), tags(1, None, user_id="V"))
    drive.run(poll=lambda _: completed(Row(status="done"), Row(status="done")))
    assert drive.sent == [[0, 1]], "again, all at once: the order of that job is known"
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 2
    assert drive.letters == []
    assert drive.position() == 2


def test_records_that_were_settled_before_are_not_read_a_second_time() -> None:
    drive = adopting({}, settled=b"\0\1\1")
    drive.read(*devices(range(3)))
    drive.run()
    assert drive.sent == [[0]]
    assert drive.position() == 3


def test_what_was_settled_before_is_committed_once_it_is_read_even_in_the_last_fetch() -> None:
    drive = adopting({}, settled=b"\0\1\1\1")
    drive.read(tags(0))
    drive.run()
    assert drive.position() == 1
    drive.read(*devices(range(1, 4)))
    drive.run()
    assert drive.position() == 4


def test_a_letter_that_was_written_before_is_not_written_again() -> None:
    drive = adopting({}, settled=b"\0\1")
    drive.read(tags(0), UNDECODABLE, at=1)
    drive.run()
    assert drive.letters == []
    assert drive.position() == 2


def test_an_adopted_job_whose_record_can_no_longer_be_decoded_goes_on_without_it() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(UNDECODABLE, tags(1), at=0)
    drive.run()
    assert drive.written == [0]
    assert drive.posts == 0
    assert drive.position() == 2


def test_an_adopted_job_that_is_unknown_thrice_is_sent_again_and_counted() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(*devices(range(2)))
    drive.run(poll=lambda job: JobUnknown("?", 404) if job.request_id == "J" else None)
    assert drive.sent == [[0, 1]]
    assert drive.position() == 2
    counted = drive.engine.tally
    assert counted.jobs[Endpoint.TAGS, JobOutcome.ADOPTED] == 1
    assert counted.jobs[Endpoint.TAGS, JobOutcome.LOST] == 1
    assert counted.jobs[Endpoint.TAGS, JobOutcome.RESUBMITTED] == 1
    assert counted.resubmitted[Endpoint.TAGS] == 2


def test_two_endpoints_may_use_the_same_request_id() -> None:
    drive = Drive()
    slices = [
        JobSlice("1", Endpoint.TAGS, "", NOW, (0,)),
        JobSlice("1", Endpoint.REGISTRATIONS, "", NOW, (1,)),
    ]
    drive.assign(P0, 0, checkpoint.encode(0, b"", slices).text)
    drive.read(tags(0, "A"), registration(1, "B"))
    drive.plan()
    asked = {(poll.job.endpoint, poll.job.events[0].offset) for poll in drive.polls}
    assert asked == {(Endpoint.TAGS, 0), (Endpoint.REGISTRATIONS, 1)}
    drive.run()
    assert drive.posts == 0
    assert drive.position() == 2


def test_an_adopted_job_that_was_accepted_in_the_future_is_no_younger_than_its_adoption() -> None:
    drive = Drive(limits(deadline=900))
    drive.assign(P0, *remembered(0, {"J": [0]}, at=NOW + 5000))
    drive.read(tags(0))
    drive.run(poll=lambda job: unfinished() if job.request_id == "J" else None)
    assert drive.posts == 1
    assert 900 <= drive.now - NOW < 930


def test_an_adopted_job_that_is_older_than_the_deadline_is_asked_about_for_a_tenth_of_it() -> None:
    drive = Drive(limits(deadline=900))
    drive.assign(P0, *remembered(0, {"J": [0]}, at=NOW - 5000))
    drive.read(tags(0))
    drive.run(poll=lambda _: unfinished() if drive.now < NOW + 80 else None)
    assert drive.posts == 0
    assert drive.position() == 1


def test_an_old_adopted_job_whose_progress_grows_is_asked_about_for_the_whole_deadline() -> None:
    for ends_after, posts in ((850, 0), (math.inf, 1)):
        drive = Drive(limits(deadline=900))
        drive.assign(P0, *remembered(0, {"J": [0]}, at=NOW - 5000))
        drive.read(tags(0))
        drive.run(poll=partial(growing, drive, ends_after))
        assert drive.posts == posts
        assert drive.now - NOW < 930


def growing(drive: Drive, ends_after: float, job: Job) -> JobReport | None:
    age = drive.now - NOW
    return unfinished(progress=int(age / 20)) if job.request_id == "J" and age < ends_after else None


def test_an_old_adopted_job_that_does_not_end_even_then_is_lost() -> None:
    drive = Drive(limits(deadline=900))
    drive.assign(P0, *remembered(0, {"J": [0]}, at=NOW - 5000))
    drive.read(tags(0))
    drive.run(poll=lambda job: unfinished() if job.request_id == "J" else None)
    assert drive.posts == 1
    assert 90 <= drive.now - NOW < 120


def test_an_adopted_job_that_failed_is_sent_again() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(*devices(range(2)))
    drive.run(poll=lambda job: FAILED if job.request_id == "J" else None)
    assert drive.sent == [[0, 1]]
    assert drive.position() == 2


def test_updates_that_were_merged_are_merged_again() -> None:
    drive = adopting({"J": [0, 1, 2]})
    drive.read(tags(0, "A"), tags(1, "A"), tags(2, "B"))
    drive.plan()
    (poll,) = drive.polls
    assert [event.offset for event in poll.job.events] == [0, 2]
    drive.polled(poll)
    drive.run()
    assert drive.position() == 3


def test_a_full_buffer_does_not_keep_adopted_records_from_being_read() -> None:
    drive = Drive(limits(max_events=20, max_devices=2, max_in_flight=1))
    drive.assign(P0)
    drive.read(*devices(range(20)))
    drive.plan()
    assert drive.paused == {P0}
    drive.assign(P1, *remembered(0, {"J": [3]}))
    drive.plan()
    assert P1 not in drive.paused, "nothing is submitted before its records are read"
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(4)])
    drive.run()
    assert (drive.position(P0), drive.position(P1)) == (20, 4)
    assert drive.paused == set()


def test_with_an_end_in_sight_adopted_records_beyond_it_are_not_waited_for() -> None:
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [0, 8]}), until=5)
    drive.read(*devices(range(5)))
    drive.run()
    assert drive.position() == 5
    assert drive.engine.assignments[P0].done


@pytest.mark.parametrize("metadata", ["rubbish", "pwc9:xyz", "pwc1:damaged!"])
def test_a_checkpoint_that_cannot_be_read_is_told_of_and_its_records_are_sent_again(metadata: str) -> None:
    drive = Drive()
    drive.assign(P0, 0, metadata)
    drive.read(*devices(range(2)))
    drive.run()
    assert drive.engine.tally.unreadable_checkpoints == 1
    assert [notice.level for notice in drive.engine.notices] == ["warning"]
    assert drive.position() == 2
