"""A partition that was lost and comes back to the same process: without any broker for a while, say."""

from __future__ import annotations

import pytest

from connector.core.remembering import checkpoint
from connector.model import Position, Start
from tests.records import ARecord
from tests.unit.core.builders import P0, UNDECODABLE, devices, event_of, record, unfinished
from tests.unit.core.driving import Drive


def with_a_job_that_no_commit_remembers(begin: int = 7) -> Drive:
    """One record was confirmed and committed; two more are in a job, which only this process knows."""
    drive = Drive()
    drive.assign(P0, begin)
    drive.read(*devices([begin]))
    drive.run()
    drive.read(*devices([begin + 1, begin + 2]))
    drive.start_job()
    return drive


def lose_and_come_back(drive: Drive, position: Position) -> None:
    """Nobody could answer the commit under way, if there is one; all records are there to be read again."""
    drive.engine.lost([P0], drive.now)
    if drive.commit is not None:
        drive.commit_failed()
    drive.assign(P0, *position)
    drive.read(*devices(range(position.offset, 10)))
    drive.run()


def test_a_job_that_no_commit_remembers_is_polled_and_not_sent_again() -> None:
    drive = with_a_job_that_no_commit_remembers()
    lose_and_come_back(drive, drive.positions[P0])
    assert drive.sent == [[7], [8, 9]]
    assert drive.position() == 10
    assert drive.at_rest()


def test_what_was_confirmed_and_not_committed_is_not_sent_again() -> None:
    drive = with_a_job_that_no_commit_remembers()
    drive.polled(drive.next_poll())
    lose_and_come_back(drive, drive.positions[P0])
    assert drive.sent == [[7], [8, 9]]
    assert drive.position() == 10


def test_where_somebody_else_has_committed_since_only_the_checkpoint_is_believed() -> None:
    drive = with_a_job_that_no_commit_remembers()
    lose_and_come_back(drive, Position(9, ""))
    assert drive.sent == [[7], [8, 9], [9]]


def test_what_came_back_once_is_believed_once() -> None:
    drive = with_a_job_that_no_commit_remembers()
    committed = drive.positions[P0]
    lose_and_come_back(drive, committed)
    drive.engine.revoked([P0], drive.now)
    drive.assign(P0, *committed)
    drive.read(*devices(range(committed.offset, 10)))
    drive.run()
    assert drive.sent == [[7], [8, 9], [8, 9]]


def test_at_the_beginning_of_a_log_that_may_be_another_one_nothing_is_believed() -> None:
    drive = Drive()
    drive.assign(P0, 0)
    drive.read(*devices([0, 1]))
    drive.start_job()
    lose_and_come_back(drive, Position(0, ""))
    assert drive.sent == [[0, 1], [*range(10)]]


def test_a_log_that_was_cut_or_created_again_is_another_one_wherever_it_begins() -> None:
    drive = with_a_job_that_no_commit_remembers()
    drive.polled(drive.next_poll())
    drive.engine.lost([P0], drive.now)
    drive.engine.assigned(Start(P0, *drive.positions[P0], another_log=True))
    drive.read(*devices([8, 9]))
    drive.run()
    assert drive.sent == [[7], [8, 9], [8, 9]]


def test_records_in_the_place_of_others_that_brokers_lost_are_sent() -> None:
    drive = with_a_job_that_no_commit_remembers()
    drive.polled(drive.next_poll())
    drive.engine.lost([P0], drive.now)
    drive.assign(P0, *drive.positions[P0])
    other = ARecord(record(9, {"type": "tags", "hwid": "new", "tags": {"t": 1}}).value(), place=P0, offset=9)
    drive.read(*devices([8]), event_of(other))
    drive.run()
    assert drive.sent == [[7], [8, 9], [9]]


def test_what_is_known_again_is_recorded_again() -> None:
    drive = with_a_job_that_no_commit_remembers()
    drive.engine.lost([P0], drive.now)
    if drive.commit is not None:
        drive.commit_failed()
    drive.assign(P0, *drive.positions[P0])
    drive.read(*devices([8, 9]))
    drive.run(poll=lambda _: unfinished(), seconds=5)
    known = checkpoint.decode(drive.positions[P0].metadata, drive.positions[P0].offset)
    assert known is not None
    assert [[*job.offsets] for job in known.jobs] == [[8, 9]]


def test_letters_that_were_being_written_leave_open_what_is_settled() -> None:
    drive = Drive()
    drive.assign(P0, 7)
    drive.read(UNDECODABLE, at=7)
    drive.wait_for(lambda: drive.commit is not None)
    drive.engine.lost([P0], drive.now)
    drive.commit_failed()
    drive.assign(P0, 7)
    drive.read(UNDECODABLE, at=7)
    drive.run()
    assert drive.written == [7]


@pytest.mark.parametrize("reached", [False, True], ids=["the broker never had it", "the broker had it"])
def test_a_commit_whose_answer_was_lost_is_known_whether_it_got_there_or_not(*, reached: bool) -> None:
    drive = with_a_job_that_no_commit_remembers()
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    under_way = drive.commit.positions[P0]
    assert under_way != drive.positions[P0]
    lose_and_come_back(drive, under_way if reached else drive.positions[P0])
    assert drive.sent == [[7], [8, 9]]
    assert drive.position() == 10
