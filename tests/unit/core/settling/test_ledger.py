"""Commits: what is written when, what after a failure, what fits into the metadata."""

from __future__ import annotations

import pytest

from connector.core.remembering import checkpoint
from connector.core.settling import ledger
from connector.model import Cause, TopicPartition
from tests.unit.core.builders import P0, P1, UNDECODABLE, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive, owing

# -- when --------------------------------------------------------------------------------------------


def test_there_is_one_commit_at_a_time() -> None:
    drive = owing()
    drive.read(UNDECODABLE, at=3)
    drive.later(60)
    assert drive.plan() == []
    drive.committed()
    assert len(drive.plan()) == 1


def test_a_new_job_is_recorded_at_once() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.plan()
    assert drive.commit is not None
    drive.committed()
    position = drive.positions[P0]
    known = checkpoint.decode(position.metadata, position.offset)
    assert known is not None
    assert [job.offsets for job in known.jobs] == [(0, 1, 2)]


def test_commits_that_only_move_positions_gather_for_a_moment() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign()
    drive.read(*devices(range(4)))
    drive.plan()
    for submit in list(drive.submits):
        drive.posted(submit)
    drive.plan()
    drive.committed()
    committed_at = drive.now
    drive.later(0.001)
    drive.engine.components.tracking.hasten("", drive.now)
    drive.plan()
    for poll in list(drive.polls):
        drive.polled(poll)
    drive.plan()
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.now >= committed_at + ledger.COMMIT_GAP


def test_a_commit_of_many_partitions_is_followed_by_a_longer_pause() -> None:
    partitions = [TopicPartition("events", number) for number in range(100)]
    drive = Drive()
    for partition in partitions:
        drive.assign(partition)
        drive.read(None, partition=partition)
    drive.plan()
    begun = drive.now
    drive.committed()
    drive.read(None, at=1)
    drive.plan()
    assert drive.commit is None
    assert drive.engine.wake_at(drive.now) == pytest.approx(begun + 0.025 + 100 * 0.0002, abs=1e-6)


def test_what_is_committed_takes_no_memory_any_more() -> None:
    drive = Drive(limits(max_devices=1000))
    drive.assign()
    for first in range(0, 20_000, 1000):
        drive.read(*[None] * 1000, at=first)
        drive.run()
    assert drive.position() == 20_000
    assert len(drive.engine.assignments[P0].offsets._flags) < 6000


def test_a_flush_waits_for_nothing() -> None:
    drive = Drive()
    drive.assign()
    drive.read(None, None)
    drive.plan()
    drive.committed()
    drive.read(None, at=2)
    assert drive.engine.plan(drive.now) == []
    commit = drive.engine.flush(drive.now)
    assert commit is not None
    assert commit.positions[P0].offset == 3


def test_a_flush_of_nothing_is_no_commit() -> None:
    drive = Drive()
    drive.assign()
    assert drive.engine.flush(drive.now) is None


# -- failures ----------------------------------------------------------------------------------------


def test_after_a_failed_commit_the_next_comes_later_and_has_everything() -> None:
    drive = Drive()
    drive.assign()
    drive.read(None)
    waits: list[float] = []
    for number in range(1, 9):
        drive.wait_for(lambda: drive.commit is not None)
        drive.commit_failed()
        failed_at = drive.now
        drive.read(None, at=number)
        drive.wait_for(lambda: drive.commit is not None)
        waits.append(drive.now - failed_at)
    assert waits[0] < waits[2] < waits[5]
    assert max(waits) <= 30
    drive.committed()
    assert drive.position() == 9


def test_jobs_of_a_failed_commit_still_count_as_not_recorded() -> None:
    drive = Drive(limits(max_devices=1, max_in_flight=2))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(9)))
    for _ in range(6):
        drive.plan()
        for submit in list(drive.submits):
            drive.posted(submit)
        if drive.commit is not None:
            drive.commit_failed()
        drive.later(40)
    assert drive.posts == 2
    drive.run()
    assert drive.position() == 9


def test_letters_that_are_written_are_not_owed_though_their_positions_could_not_be_committed() -> None:
    drive = owing()
    drive.forget_commit()
    drive.engine.commit_failed((), drive.now, written=True)
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    assert drive.commit.letters == []
    assert drive.commit.positions[P0].offset == 3


@pytest.mark.parametrize("written", [True, False])
def test_a_commit_that_was_withdrawn_is_planned_anew(written: bool) -> None:
    drive = owing()
    drive.forget_commit()
    drive.engine.commit_withdrawn(written=written)
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    assert len(drive.commit.letters) == (0 if written else 3)
    drive.committed()
    assert drive.position() == 3


def test_the_letters_of_a_commit_that_was_withdrawn_are_not_settled_while_a_halt_holds_them() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign()
    drive.read(UNDECODABLE, *devices([1, 2]))
    drive.start_job()
    assert drive.commit is not None
    drive.forget_commit()
    drive.engine.commit_withdrawn()
    drive.engine.halt(Cause.BRAKE, "a test", drive.now)
    drive.run(seconds=60)
    assert drive.letters == []
    assert drive.position() <= 0, "the first record has no letter yet"
    drive.engine.release(drive.now)
    drive.run()
    assert (drive.written, drive.position()) == ([0], 3)


@pytest.mark.parametrize("withdrawn", [True, False])
@pytest.mark.parametrize("went", [P0, P1])
def test_a_commit_that_came_to_nothing_gives_up_the_letters_of_partitions_that_went(
    went: TopicPartition, withdrawn: bool
) -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.read(UNDECODABLE, partition=P0)
    drive.read(UNDECODABLE, partition=P1)
    drive.plan()
    drive.forget_commit()
    drive.engine.lost([went], drive.now)
    assert drive.engine.components.ledger.letters_owed == 2
    if withdrawn:
        drive.engine.commit_withdrawn()
    else:
        drive.engine.commit_failed((), drive.now)
    drive.run()
    assert drive.letters == [(P1 if went == P0 else P0, 0, "undecodable")]


def test_an_end_without_a_commit_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        Drive().engine.committed(0.0)


# -- metadata ----------------------------------------------------------------------------------------


def test_a_checkpoint_that_the_broker_finds_too_long_is_halved() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.plan()
    assert drive.commit is not None
    longest = len(drive.commit.positions[P0].metadata)
    assert longest > 20
    while drive.commit is not None and drive.commit.positions[P0].metadata:
        drive.engine.checkpoint_too_long()
        drive.commit_failed()
        drive.wait_for(lambda: drive.commit is not None)
    drive.run()
    assert drive.position() == 3


def test_what_the_checkpoint_cannot_remember_is_not_submitted_until_it_can() -> None:
    drive = Drive(limits(max_metadata=100, max_devices=4, max_in_flight=64))
    drive.assign()
    drive.read(*devices(range(400)))
    drive.run(poll=lambda job: unfinished() if job.serial % 2 else None, seconds=60)
    assignment = drive.engine.assignments[P0]
    assert assignment.bounded
    assert drive.engine.components.dispatch.waiting_for_checkpoint(assignment)
    jobs = [offset for part in assignment.slices.values() for offset in part.offsets]
    assert max(jobs) < 400 - 1
    drive.run()
    assert drive.position() == 400
    assert not drive.engine.components.dispatch.count_waiting_for_checkpoint
    assert drive.at_rest()


def test_the_lowest_unsettled_offset_is_always_within_reach() -> None:
    drive = Drive(limits(max_metadata=0, max_devices=1, max_in_flight=3))
    drive.assign()
    drive.read(
        *[tags(at, f"d{at % 3}", ("append", "remove")[at % 2], values={"l": [at]}) for at in range(30)]
    )
    drive.run()
    assert drive.position() == 30
    assert drive.at_rest()


# -- counting ----------------------------------------------------------------------------------------


def test_everything_that_was_read_is_counted_once_as_what_became_of_it() -> None:
    drive = Drive()
    drive.assign()
    drive.read(
        tags(0, "A", values={"a": 1}),
        tags(1, "A", values={"a": 2}),
        tags(2, "B"),
        UNDECODABLE,
        None,
        at=3,
    )
    drive.run()
    settled = {outcome: count for (_, outcome), count in drive.engine.tally.settled.items()}
    assert settled == {"confirmed": 2, "superseded": 1, "dead_letter": 1, "skipped": 1}
    assert drive.engine.tally.consumed["events"] == 5


def test_a_record_without_a_time_stamp_tells_no_latency() -> None:
    drive = Drive()
    drive.assign()
    event = tags(0)
    event.timestamp = 0
    drive.read(event)
    drive.run()
    assert [times for _, times in drive.engine.tally.latencies] == [[]]
