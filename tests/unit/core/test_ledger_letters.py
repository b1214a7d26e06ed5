"""Letters and what checkpoints remember: none is written that may be forgotten, none counts that is not."""

from __future__ import annotations

from connector.core import checkpoint
from connector.core.owed import PATIENCE
from tests.unit.core.builders import P0, UNDECODABLE, completed, limits, registration, row, tags, unfinished
from tests.unit.core.driving import Drive

METADATA = 255
REACH = checkpoint.surely_covers(METADATA)


def test_a_letter_that_is_put_aside_is_not_settled_before_it_is_written() -> None:
    drive = Drive(limits(max_metadata=METADATA))
    drive.assign()
    drive.read(tags(0, "A"), *[None] * (REACH + 5), UNDECODABLE, at=1)
    drive.run(poll=lambda _: unfinished(), seconds=60)
    home = drive.engine.assignments[P0]
    assert drive.engine.ledger.letters == 1
    assert not home.offsets.is_settled(REACH + 6)
    assert home.letters_until == 0
    known = checkpoint.decode(drive.positions[P0].metadata, 0)
    assert known is not None
    assert len(known.settled) <= REACH + 6
    drive.run()
    assert drive.written == [REACH + 6]
    assert home.letters_until == REACH + 7


def test_the_last_letter_within_reach_is_written_and_the_next_one_is_not() -> None:
    drive = Drive(limits(max_metadata=METADATA))
    drive.assign()
    drive.read(tags(0, "A"), *[None] * (REACH - 2), UNDECODABLE, UNDECODABLE, at=1)
    drive.run(poll=lambda _: unfinished(), seconds=30)
    assert drive.written == [REACH - 1]
    assert drive.engine.ledger.letters == 1


def test_a_letter_out_of_reach_that_holds_its_device_is_written_once_it_has_waited_enough() -> None:
    drive = Drive(limits(max_metadata=METADATA, max_devices=1, max_in_flight=8))
    drive.let_many_go()
    drive.assign()
    home = drive.engine.assignments[P0]
    drive.read(tags(0, "A"), *[None] * (REACH + 5), at=1)
    drive.run(poll=lambda _: unfinished(), seconds=5)
    home.reach = None
    drive.read(tags(REACH + 6, "B"), registration(REACH + 7, "B"))
    drive.wait_for(lambda: len(drive.submits) == 1)
    drive.posted(drive.submits[0])
    drive.wait_for(lambda: any(poll.job.events[0].hwid == "B" for poll in drive.polls))
    poll = next(poll for poll in drive.polls if poll.job.events[0].hwid == "B")
    drive.polled(poll, completed(row(poll.job.events[0], "failed")))
    refused_at = drive.now
    drive.run(poll=lambda _: unfinished(), seconds=PATIENCE - 5)
    assert drive.written == []
    drive.run(poll=lambda _: unfinished(), seconds=10)
    assert drive.written == [REACH + 6]
    assert drive.now <= refused_at + PATIENCE + 6
