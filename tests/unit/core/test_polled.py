"""What follows from a report with rows left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from connector.answers import PollAnswer
from connector.core.following.polling import PollSchedule
from connector.core.reading.event import Event
from connector.core.tally import JobOutcome
from connector.model import Endpoint
from tests.unit.core.builders import FAILED, all_done, devices, limits, unfinished
from tests.unit.core.driving import Drive, reading
from tests.unit.core.halting import JOB_DENIED


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


def test_what_is_waited_for_in_vain_is_not_how_long_jobs_take() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign()
    for first in range(0, 100, 10):
        drive.read(*devices(range(first, first + 10)))
        drive.run(poll=lambda job: all_done(job.events[1:]))
        drive.later(60)
    assert drive.engine.tally.jobs[Endpoint.TAGS, JobOutcome.COMPLETED] >= 20
    drive.read(*devices([100]))
    accepted_at = drive.start_job().accepted_at
    drive.next_poll()
    assert drive.now - accepted_at < 0.1


@pytest.mark.parametrize("end", [FAILED, JOB_DENIED], ids=["failed", "denied"])
def test_a_job_that_ended_badly_broke_no_promise_of_its_progress(
    monkeypatch: pytest.MonkeyPatch, end: PollAnswer
) -> None:
    learned: list[int] = []

    def learn(_: PollSchedule, _lower: float, _upper: float, progress: int, _took: float) -> None:
        learned.append(progress)

    monkeypatch.setattr(PollSchedule, "learn", learn)
    answers = iter([unfinished(40), end, unfinished(30)])
    drive = reading(1, probe_interval=1.0)
    drive.run(poll=lambda _: next(answers, None))
    assert drive.position() == 1
    assert learned[-1] == 30, "the one that was Completed"
    assert 40 not in learned


def test_an_api_that_leaves_rows_out_is_not_asked_thrice_about_each_job() -> None:
    drive = Drive(limits(max_devices=2, max_attempts=1, max_in_flight=1, linger=0.0))
    drive.assign()
    drive.read(*devices(range(40)))
    drive.run(poll=lambda job: all_done(job.events[:1]))
    assert drive.position() == 40
    assert drive.gets <= 20 + 2 * 6 + 20, "20 jobs; the questions in vain; the devices alone"
    told = [each for each in drive.engine.notices if each.text == "a report leaves devices out"]
    assert [told[0].level, told[0].fields["devices"], told[0].fields["rows"]] == ["warning", 2, 1]
