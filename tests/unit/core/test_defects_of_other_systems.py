"""Defects of existing systems that do this job: none of them may come back here."""

from __future__ import annotations

from itertools import count

from connector.answers import Denied, JobReport, PollAnswer, Row, Unavailable
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.model import Cause, Position
from tests.unit.core.builders import (
    P0,
    UNDECODABLE,
    completed,
    limits,
    row,
    tags,
    tags_of,
    unfinished,
)
from tests.unit.core.driving import Drive, reading

MINUTE = 60.0


def test_a_record_is_not_acknowledged_when_it_is_submitted() -> None:
    drive = reading(5)
    drive.start_job()
    drive.run(poll=lambda _: unfinished(), seconds=10 * MINUTE)
    assert drive.position() == 0
    drive.run()
    assert drive.position() == 5


def test_no_later_commit_overtakes_a_record_that_was_skipped_over() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0, "A"), UNDECODABLE, tags(2, "B"), at=1)
    drive.start_job()
    drive.polled(drive.next_poll())
    drive.plan()
    while drive.commit is not None:
        drive.commit_failed() if drive.commit.letters else drive.committed()
        drive.plan()
    assert drive.position() <= 1, "the letter of offset 1 is not written"
    drive.run()
    assert drive.written == [1]
    assert drive.position() == 3


def test_a_401_is_not_taken_for_bad_data() -> None:
    denied = Denied(Cause.UNAUTHORIZED, "unauthorized", 401)
    drive = reading(50, brake_share=0.5, brake_window=10)
    drive.run(lambda _: denied, seconds=60 * MINUTE)
    drive.run(poll=lambda _: denied, seconds=60 * MINUTE)
    assert drive.letters == []
    assert drive.position() <= 0
    drive.run()
    assert drive.letters == []
    assert drive.position() == 50


def test_a_letter_that_cannot_be_written_does_not_drop_its_record() -> None:
    drive = Drive()
    drive.assign()
    drive.read(UNDECODABLE, tags(1))
    for _ in range(20):
        drive.wait_for(lambda: drive.commit is not None or bool(drive.submits) or bool(drive.polls))
        drive.answer_but_letters()
    assert drive.position() <= 0
    drive.run()
    assert drive.letters == [(P0, 0, "undecodable")]
    assert drive.position() == 2


def test_every_refused_record_of_a_request_is_dead_lettered_not_only_the_first() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*[tags(at, "A") for at in range(4)], *[tags(at, f"d{at}") for at in range(4, 8)])

    def report(job: Job) -> JobReport:
        return completed(*[row(event, "failed") for event in job.events])

    drive.run(poll=report)
    assert sorted(drive.written) == [*range(8)]
    assert drive.position() == 8


def test_a_failure_is_never_laid_on_the_record_that_moved_into_its_place() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0), UNDECODABLE, None, tags(3, "B"), tags(4, "C"), at=1)

    def report(job: Job) -> JobReport:
        assert [event.offset for event in job.events] == [0, 3, 4]
        return completed(Row("C", status="done"), Row("A", status="done"), Row("B", status="failed"))

    drive.run(poll=report)
    assert sorted(drive.letters) == [(P0, 1, "undecodable"), (P0, 3, "device_failed")]
    assert drive.position() == 5


def test_a_device_without_a_row_does_not_count_as_success() -> None:
    drive = reading(4, max_attempts=2)
    drive.run(poll=lambda job: completed(*[row(event) for event in job.events if event.offset != 2]))
    assert drive.letters == [(P0, 2, "no_verdict")]
    assert drive.posts == 2


def test_a_report_without_rows_does_not_count_as_success() -> None:
    drive = reading(4, max_attempts=1)
    drive.run(poll=lambda _: completed())
    assert sorted(drive.written) == [0, 1, 2, 3]


def test_a_job_that_never_ends_is_not_sent_again_and_again() -> None:
    drive = reading(5, deadline=15 * MINUTE, max_resubmissions=3, poll_ceiling=2.0 * MINUTE)
    drive.run(poll=lambda _: unfinished(), seconds=2 * 60 * MINUTE)
    assert drive.sent == [[*range(5)]] * 4, "twice as long each time"
    drive.run(poll=lambda _: unfinished(), seconds=32 * 60 * MINUTE)
    assert drive.posts == 4 + 3 * 5
    assert drive.at_rest()


def test_a_slow_job_is_not_sent_again_while_it_lives() -> None:
    drive = reading(5, deadline=15 * MINUTE)
    drive.run(poll=lambda _: unfinished(), seconds=14 * MINUTE)
    drive.run()
    assert drive.posts == 1


def test_a_tail_of_tombstones_is_committed() -> None:
    drive = reading(2)
    drive.run()
    drive.read(None, None, None, at=2)
    drive.run()
    assert drive.position() == 5


def test_a_tail_of_nothing_but_markers_is_committed() -> None:
    drive = reading(2)
    drive.run()
    drive.engine.ended(P0, 7, drive.now)
    drive.run()
    assert drive.position() == 7


def test_no_offset_is_committed_after_its_partition_was_revoked() -> None:
    drive = reading(5)
    drive.start_job()
    poll = drive.next_poll()
    drive.engine.revoked([P0], drive.now)
    drive.polled(poll)
    if drive.commit is not None:
        drive.committed()
    drive.positions.clear()
    drive.run()
    assert drive.positions == {}
    assert drive.engine.flush(drive.now) is None


def test_a_retry_does_not_break_the_order() -> None:
    drive = Drive(limits(max_attempts=5, max_devices=1))
    drive.assign()
    drive.read(tags(0, "A", values={"x": "old"}))
    state: dict[str, object] = {}
    trouble = iter([None, Unavailable("down"), None])
    polls = count()

    def post(_: Batch) -> Unavailable | None:
        return next(trouble, None)

    def report(job: Job) -> PollAnswer | None:
        if next(polls) == 0:
            return completed()  # no row: it may have been applied or not
        for event in job.events:
            state.update(tags_of(event.row))
        return None

    drive.start_job()
    drive.read(tags(1, "A", values={"x": "new"}))
    drive.run(post, report)
    assert state == {"x": "new"}
    assert drive.sent[-1] == [1]
    assert drive.position() == 2


def test_a_late_letter_or_verdict_moves_no_position_of_the_next_assignment() -> None:
    drive = reading(3)
    drive.start_job()
    poll = drive.next_poll()
    drive.engine.lost([P0], drive.now)
    drive.assign()
    drive.polled(poll)
    assert drive.engine.flush(drive.now) is None
    assert drive.engine.assignments[P0].committed == Position(0, "")
