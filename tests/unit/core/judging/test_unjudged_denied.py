"""Jobs that Failed with words that seem to blame the credentials: ours, or a device's own token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.answers import Denied, PollAnswer
from connector.core.following.job import Job
from connector.model import Cause
from tests.unit.core.builders import P0, devices, unfinished
from tests.unit.core.driving import Drive, reading

WORDS = Denied(Cause.UNAUTHORIZED, "invalid token", 200, of_job=True)


def meaning(*offsets: int) -> Callable[[Job], PollAnswer | None]:
    """Jobs with one of these devices fail with such words."""

    def poll(job: Job) -> PollAnswer | None:
        return WORDS if any(event.offset in offsets for event in job.events) else None

    return poll


def halts(drive: Drive) -> int:
    return sum(notice.text == "halted" for notice in drive.engine.notices)


@pytest.mark.parametrize("bad", [0, 37, 99])
def test_a_device_whose_jobs_fail_with_such_words_is_found_and_all_others_go_on(bad: int) -> None:
    drive = reading(100, max_devices=10, max_in_flight=4)
    drive.run(poll=meaning(bad), seconds=3600)
    assert drive.letters == [(P0, bad, "job_failed")]
    assert drive.position() == 100
    assert drive.posts <= 10 + 2 * 4 + 8
    assert halts(drive) <= 3


def test_several_such_devices_are_found_too() -> None:
    drive = reading(200, max_devices=20, max_in_flight=4)
    drive.run(poll=meaning(3, 50, 51, 120), seconds=3600)
    assert sorted(drive.written) == [3, 50, 51, 120]
    assert drive.position() == 200


def test_where_every_job_fails_with_such_words_nothing_is_dead_lettered_and_it_is_probed_slowly() -> None:
    drive = reading(100, max_devices=10, max_in_flight=4)
    drive.run(poll=lambda _: WORDS, seconds=3600)
    assert drive.letters == []
    assert drive.posts <= 4 + 3600 / drive.limits.probe_interval + 1
    drive.run(seconds=600)
    assert drive.letters == []
    assert drive.position() == 100


def test_such_a_device_alone_waits_for_others_to_prove_the_credentials() -> None:
    drive = reading(1, max_devices=10)
    drive.run(poll=meaning(0), seconds=3600)
    assert drive.letters == []
    drive.read(*devices(range(1, 30)))
    drive.run(poll=meaning(0), seconds=600)
    assert drive.letters == [(P0, 0, "job_failed")]
    assert drive.position() == 30


def test_a_letter_counts_no_attempt_of_the_halt() -> None:
    drive = reading(1, max_devices=10)
    drive.run(poll=meaning(0), seconds=3600)
    assert drive.posts > 5
    drive.read(*devices(range(1, 30)))
    drive.run(poll=meaning(0), seconds=600)
    (letter,) = drive.written_letters
    assert letter.attempts == 1


def test_such_words_beside_others_that_do_well_are_an_attempt_and_no_halt() -> None:
    drive = reading(1, max_devices=1, max_in_flight=4)
    good = [0.0]

    def poll(job: Job) -> PollAnswer | None:
        """The one's job ends once a later one was Completed."""
        if job.events[0].offset:
            good.append(job.accepted_at)
            return None
        return WORDS if max(good) > job.accepted_at else unfinished()

    for offset in range(1, 20):
        drive.run(poll=poll, seconds=2)
        drive.read(*devices([offset]))
    drive.run(poll=poll)
    (letter,) = drive.written_letters
    assert (letter.attempts, halts(drive)) == (drive.sent.count([0]), 0) == (2, 0)
