"""Commits under way while partitions go, and what is left of their jobs and letters then."""

from __future__ import annotations

import pytest

from connector.answers import Unavailable
from connector.core.settling.ledger import COMMIT_GAP
from tests.records import ARecord
from tests.unit.core.builders import P0, P1, UNDECODABLE, devices, limits, tags
from tests.unit.core.driving import Drive


def recording() -> Drive:
    """A job of the first of two partitions is accepted, and the commit that records it is under way."""
    drive = Drive(limits(max_devices=5))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*devices(range(5)))
    drive.start_job()
    drive.plan()
    assert drive.commit is not None
    assert drive.engine.components.ledger.unrecorded == 1
    return drive


def end(drive: Drive, how: str) -> None:
    if how == "withdrawn":
        drive.forget_commit()
        drive.engine.commit_withdrawn()
    elif how == "failed":
        drive.commit_failed()
    else:
        drive.committed()


@pytest.mark.parametrize("how", ["withdrawn", "failed", "acknowledged"])
def test_jobs_whose_partitions_went_during_their_commit_hold_up_no_others(how: str) -> None:
    drive = recording()
    drive.engine.lost([P0], drive.now)
    end(drive, how)
    assert drive.engine.components.ledger.unrecorded == 0
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(5)])
    drive.run()
    assert drive.position(P1) == 5


def test_jobs_accepted_during_a_commit_and_gone_before_its_end_hold_up_no_others() -> None:
    drive = Drive(limits(max_devices=5))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*devices(range(5)))
    drive.wait_for(lambda: bool(drive.submits))
    drive.read(UNDECODABLE, partition=P1)
    drive.plan()
    assert drive.commit is not None
    drive.posted(drive.submits[0])
    drive.engine.lost([P0], drive.now)
    assert drive.engine.components.ledger.unrecorded == 1
    drive.committed()
    assert drive.engine.components.ledger.unrecorded == 0
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(1, 6)])
    drive.run()
    assert drive.position(P1) == 6


@pytest.mark.parametrize("how", ["withdrawn", "failed"])
def test_jobs_whose_commit_came_to_nothing_are_recorded_by_the_next_one(how: str) -> None:
    drive = recording()
    end(drive, how)
    assert drive.engine.components.ledger.unrecorded == 1
    drive.wait_for(lambda: drive.commit is not None)
    drive.committed()
    assert drive.engine.components.ledger.unrecorded == 0
    assert drive.positions[P0].metadata


def test_a_commit_that_is_acknowledged_late_changes_nothing_of_the_partition_s_next_assignment() -> None:
    drive = Drive()
    drive.assign()
    drive.read(None, None)
    drive.plan()
    drive.engine.lost([P0], drive.now)
    drive.assign()
    drive.committed()
    assignment = drive.engine.assignments[P0]
    assert (assignment.committed.offset, assignment.offsets.safe()) == (0, 0)
    drive.read(None, at=0)
    drive.run()
    assert drive.position() == 1


def test_letters_of_a_commit_under_way_are_taken_back_for_the_partitions_that_go_and_no_others() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.read(UNDECODABLE, partition=P0)
    drive.read(UNDECODABLE, partition=P1)
    drive.plan()
    assignments = drive.engine.assignments
    drive.engine.components.ledger.take_back([assignments[P1]])
    assert [assignments[each].offsets.safe() for each in (P0, P1)] == [1, 0]
    assert [drive.engine.components.ledger.in_doubt(assignments[each]) for each in (P0, P1)] == [True, True]


def test_only_a_commit_that_writes_letters_leaves_its_positions_in_doubt() -> None:
    drive = recording()
    assignments = drive.engine.assignments
    assert not drive.engine.components.ledger.in_doubt(assignments[P0])
    drive.committed()
    assert not drive.engine.components.ledger.in_doubt(assignments[P0])
    drive.read(UNDECODABLE, at=5)
    drive.plan()
    assert [drive.engine.components.ledger.in_doubt(assignments[each]) for each in (P0, P1)] == [True, False]


def test_once_a_commit_succeeded_the_next_failure_counts_as_the_first() -> None:
    drive = Drive()
    drive.assign()
    drive.read(None)
    for _ in range(8):
        drive.wait_for(lambda: drive.commit is not None)
        drive.commit_failed()
    drive.run()
    drive.read(None, at=1)
    drive.wait_for(lambda: drive.commit is not None)
    drive.commit_failed()
    failed_at = drive.now
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.now - failed_at <= 0.5


def test_a_letter_whose_record_has_no_time_stamp_tells_no_latency() -> None:
    drive = Drive()
    drive.assign()
    timeless = ARecord(b"?", place=P0, offset=0, timestamp=(0, -1))
    timed = ARecord(b"?", place=P0, offset=1, timestamp=(1, 77))
    drive.engine.received(P0, [timeless, timed], [UNDECODABLE, UNDECODABLE], drive.now)
    drive.plan()
    drive.committed()
    assert [times for _, times in drive.engine.tally.latencies] == [[77]]


def test_every_partition_is_committed_once_more_where_that_is_wanted() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.run()
    drive.positions.clear()
    drive.engine.commit_soon()
    drive.later(COMMIT_GAP + 1)
    drive.run()
    assert drive.positions.keys() == {P0, P1}


def test_a_job_that_is_too_old_is_given_up_when_a_late_failure_does_not_close_the_gate_again() -> None:
    drive = Drive(limits(max_devices=1, deadline=10.0))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(2)))
    first, second = drive.start_job(), drive.start_job()
    drive.wait_for(lambda: len(drive.polls) == 2)
    polled_at = drive.now
    drive.later(1)
    drive.polled(next(poll for poll in drive.polls if poll.job is second), Unavailable("down"))
    drive.wait_for(lambda: len(drive.polls) == 2)
    drive.polled(next(poll for poll in drive.polls if poll.job is second))
    drive.later(100)
    drive.engine.polled(first, Unavailable("no reply"), polled_at, drive.now)
    assert [notice.fields["why"] for notice in drive.engine.notices if notice.text == "job lost"] == [
        "no end in sight"
    ]
