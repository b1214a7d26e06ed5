"""Letters and what checkpoints remember: none is written that may be forgotten, none counts that is not."""

from __future__ import annotations

from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.reading.event import Event
from connector.core.remembering import checkpoint
from connector.core.settling.holds import HOLD_LIMIT
from connector.core.settling.reach import Reach
from tests.unit.core.builders import (
    P0,
    P1,
    UNDECODABLE,
    completed,
    devices,
    limits,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive

METADATA = 255
REACH = checkpoint.surely_covers(METADATA)


def test_a_letter_that_is_put_aside_is_not_settled_before_it_is_written() -> None:
    drive = Drive(limits(max_metadata=METADATA))
    drive.assign()
    drive.read(tags(0, "A"), *[None] * (REACH + 5), UNDECODABLE, at=1)
    drive.run(poll=lambda _: unfinished(), seconds=60)
    assignment = drive.engine.assignments[P0]
    assert drive.engine.components.ledger.letters_owed == 1
    assert not assignment.offsets.is_settled(REACH + 6)
    assert assignment.letters_until == 0
    known = checkpoint.decode(drive.positions[P0].metadata, 0)
    assert known is not None
    assert len(known.settled) <= REACH + 6
    drive.run()
    assert drive.written == [REACH + 6]
    assert assignment.letters_until == REACH + 7


def test_the_last_letter_within_reach_is_written_and_the_next_one_is_not() -> None:
    drive = Drive(limits(max_metadata=METADATA))
    drive.assign()
    drive.read(tags(0, "A"), *[None] * (REACH - 2), UNDECODABLE, UNDECODABLE, at=1)
    drive.run(poll=lambda _: unfinished(), seconds=30)
    assert drive.written == [REACH - 1]
    assert drive.engine.components.ledger.letters_owed == 1


def test_a_letter_out_of_reach_that_holds_its_device_is_written_once_it_has_waited_enough() -> None:
    drive = Drive(limits(max_metadata=METADATA, max_devices=1, max_in_flight=8))
    drive.let_many_go()
    drive.assign()
    assignment = drive.engine.assignments[P0]
    drive.read(tags(0, "A"), *[None] * (REACH + 5), at=1)
    drive.run(poll=lambda _: unfinished(), seconds=5)
    assignment.submit_below = None
    drive.read(tags(REACH + 6, "B"), registration(REACH + 7, "B"))
    drive.wait_for(lambda: len(drive.submits) == 1)
    drive.posted(drive.submits[0])
    drive.wait_for(lambda: any(poll.job.events[0].hwid == "B" for poll in drive.polls))
    poll = next(poll for poll in drive.polls if poll.job.events[0].hwid == "B")
    drive.polled(poll, completed(row(poll.job.events[0], "failed")))
    refused_at = drive.now
    drive.run(poll=lambda _: unfinished(), seconds=HOLD_LIMIT - 5)
    assert drive.written == []
    drive.run(poll=lambda _: unfinished(), seconds=10)
    assert drive.written == [REACH + 6]
    assert drive.now <= refused_at + HOLD_LIMIT + 6


def test_each_checkpoint_that_is_too_long_halves_the_limit_for_every_partition() -> None:
    drive = Drive(limits(max_metadata=4000))
    for partition in (P0, P1):
        drive.assign(partition)
        drive.read(None, tags(1, f"d{partition.partition}", partition=partition), partition=partition)
    drive.run(poll=lambda _: unfinished(), seconds=60)
    ledger = drive.engine.components.ledger
    for limit in (2000, 1000, 500):
        ledger.shorten_metadata()
        assert drive.engine.components.reach.sure == checkpoint.surely_covers(limit)
        drive.positions.clear()
        drive.run(poll=lambda _: unfinished(), seconds=60)
        assert drive.positions.keys() == {P0, P1}
    for _ in range(20):
        ledger.shorten_metadata()
    assert drive.engine.components.reach.sure == 0


def test_a_full_checkpoint_lets_one_batch_beyond_the_lowest_unsettled_offset_be_submitted() -> None:
    drive = Drive(limits(max_metadata=0, max_devices=5))
    drive.assign()
    drive.read(*[None] * 20)
    drive.read(*devices(range(20, 60)))
    drive.run(poll=lambda _: unfinished(), seconds=60)
    assert drive.engine.assignments[P0].offsets.safe() == 20
    assert drive.sent == [[20, 21, 22, 23, 24]]
    assert drive.engine.assignments[P0].submit_below == 25


def far_behind_a_stuck_job(ahead: int, *more: Event) -> Drive:
    """All below `ahead` is settled but the first one, whose job doesn't end; then more is read."""
    drive = Drive()
    drive.let_many_go()
    drive.assign()
    drive.read(*devices([0]))
    drive.run(poll=lambda _: unfinished(), seconds=5)
    drive.engine.ended(P0, ahead, drive.now)
    drive.run(poll=lambda _: unfinished(), seconds=5)
    drive.read(*more)
    drive.run(poll=lambda _: unfinished(), seconds=5)
    return drive


def test_nothing_is_submitted_farther_from_a_stuck_record_than_is_kept_account_of() -> None:
    drive = far_behind_a_stuck_job(WINDOW_LIMIT - 1, *devices(range(WINDOW_LIMIT - 1, WINDOW_LIMIT + 2)))
    assert drive.sent == [[0], [WINDOW_LIMIT - 1]]
    known = checkpoint.decode(drive.positions[P0].metadata, 0)
    assert known is not None
    assert [list(job.offsets) for job in known.jobs] == drive.sent
    drive.run()
    assert drive.position() == WINDOW_LIMIT + 2
    assert drive.sent == [[0], [WINDOW_LIMIT - 1], [WINDOW_LIMIT, WINDOW_LIMIT + 1]]


def test_a_record_that_is_not_far_behind_a_stuck_one_is_under_no_bound() -> None:
    drive = far_behind_a_stuck_job(WINDOW_LIMIT // 2 - 2, *devices([WINDOW_LIMIT // 2 - 2]))
    assert drive.engine.assignments[P0].submit_below is None
    drive = far_behind_a_stuck_job(
        WINDOW_LIMIT // 2 - 2, *devices([WINDOW_LIMIT // 2 - 2, WINDOW_LIMIT // 2 - 1])
    )
    assert drive.engine.assignments[P0].submit_below == WINDOW_LIMIT


def test_no_job_is_forgotten_for_a_letter_that_is_too_far_ahead_to_be_remembered() -> None:
    drive = far_behind_a_stuck_job(WINDOW_LIMIT + 10)
    assignment = drive.engine.assignments[P0]
    assignment.letters_until = WINDOW_LIMIT + 5
    known = checkpoint.decode(Reach(limits()).position(assignment).metadata, 0)
    assert known is not None
    assert [list(job.offsets) for job in known.jobs] == [[0]]
