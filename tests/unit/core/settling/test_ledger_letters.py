"""Letters: what is owed until it is written, how much goes at once, what waits for it."""

from __future__ import annotations

import pytest

from connector.core.assigned.assignment import Assignment
from connector.core.remembering import checkpoint
from connector.core.settling import owed
from connector.core.settling.exposure import Exposure
from connector.core.settling.ledger import WRITE_AGAIN, Ledger
from connector.core.settling.owed import Owed, OwedLetters
from connector.core.settling.reach import Reach
from connector.core.tally import Tally
from connector.model import Letter, Reason, Rejection
from tests.unit.core.builders import (
    NOW,
    P0,
    P1,
    UNDECODABLE,
    completed,
    limits,
    record,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive, owing


def test_a_letter_counts_as_settled_in_the_commit_that_writes_it() -> None:
    drive = owing()
    assert drive.commit is not None
    assert drive.commit.positions[P0].offset == 3
    assert drive.engine.components.ledger.letters_owed == 3
    drive.committed()
    assert drive.engine.components.ledger.letters_owed == 0
    assert drive.engine.assignments[P0].events_held == 0
    assert drive.engine.tally.dead_letters[Reason.UNDECODABLE] == 3


def test_letters_that_were_not_written_are_owed_as_before_and_block_their_position() -> None:
    drive = owing()
    drive.commit_failed()
    drive.read(None, at=3)
    drive.plan()
    assert drive.commit is None or drive.commit.positions[P0].offset == 0
    assert drive.engine.components.ledger.letters_owed == 3
    drive.run()
    assert drive.written == [0, 1, 2]
    assert drive.position() == 4


def test_letters_wait_longer_after_each_failure_while_positions_are_committed() -> None:
    drive = owing()
    waits: list[float] = []
    for _ in range(8):
        drive.commit_failed()
        failed_at = drive.now
        drive.wait_for(lambda: _letters_or_commit(drive))
        waits.append(drive.now - failed_at)
    assert waits[0] < waits[2] < waits[4]
    assert max(waits) <= 30


def test_once_letters_were_written_the_next_failure_counts_as_the_first() -> None:
    drive = owing()
    for _ in range(8):
        drive.commit_failed()
        drive.wait_for(lambda: _letters_or_commit(drive))
    drive.committed()
    drive.read(UNDECODABLE, at=3)
    drive.plan()
    drive.commit_failed()
    failed_at = drive.now
    drive.wait_for(lambda: _letters_or_commit(drive))
    assert drive.now - failed_at <= 0.5


def _letters_or_commit(drive: Drive) -> bool:
    if drive.commit is not None and not drive.commit.letters:
        drive.committed()
    return drive.commit is not None


def test_of_letters_only_those_wait_that_the_topic_will_not_take() -> None:
    small, large = Rejection(Reason.UNDECODABLE, "no"), [record(1, "x" * 99), record(3, "x" * 99)]
    drive = Drive()
    drive.assign()
    records = [record(0), large[0], record(2), large[1], record(4)]
    drive.engine.received(P0, records, [small] * 5, drive.now)
    drive.plan()
    drive.commit_failed(1, 3)
    drive.plan()
    assert drive.commit is not None
    assert [letter.record.offset() for letter in drive.commit.letters] == [0, 2, 4]
    drive.committed()
    assert drive.position() == 1
    drive.run()
    assert drive.written == [0, 2, 4, 1, 3]
    assert drive.position() == 5


def test_those_that_are_as_large_as_one_it_will_not_take_are_tried_before_it_each_alone() -> None:
    drive = owing(5)
    drive.commit_failed(1, 3)
    drive.run()
    assert drive.written == [0, 2, 4, 1, 3]
    assert drive.position() == 5


def test_a_letter_that_is_never_taken_blocks_its_partition_and_no_other() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.read(UNDECODABLE, partition=P0)
    drive.read(UNDECODABLE, None, partition=P1)
    for _ in range(20):
        drive.wait_for(lambda: drive.commit is not None)
        assert drive.commit is not None
        places = [letter.record.partition() for letter in drive.commit.letters]
        drive.commit_failed(places.index(0)) if 0 in places else drive.committed()
    assert drive.position(P1) == 2
    assert drive.position(P0) <= 0


def test_no_more_letters_and_bytes_go_at_once_than_one_transaction_should_carry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owed, "MOST_LETTERS", 4)
    drive = Drive()
    drive.assign()
    drive.read(*[UNDECODABLE] * 10)
    sizes: list[int] = []
    while drive.engine.components.ledger.letters_owed:
        drive.wait_for(lambda: drive.commit is not None)
        assert drive.commit is not None
        sizes.append(len(drive.commit.letters))
        drive.committed()
    assert sizes == [4, 4, 2]
    monkeypatch.setattr(owed, "MOST_LETTER_BYTES", 0)
    drive.read(UNDECODABLE, UNDECODABLE, at=10)
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    assert len(drive.commit.letters) == 1, "one goes however large it is"


def test_a_device_s_next_event_waits_until_the_letter_of_the_one_before_is_written() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0, "A"), registration(1, "A"))
    drive.start_job()
    poll = drive.next_poll()
    drive.polled(poll, completed(row(poll.job.events[0], "failed")))
    for _ in range(5):
        drive.plan()
        drive.answer_but_letters()
        drive.later(5)
    assert drive.sent == [[0]]
    drive.run()
    assert drive.sent == [[0], [1]]
    assert drive.written == [0]


def test_letters_too_far_ahead_to_be_remembered_wait_for_what_lies_before_them() -> None:
    drive = Drive(limits(max_metadata=255))
    drive.assign()
    reach = checkpoint.surely_covers(255)
    drive.read(tags(0, "A"), *[None] * (reach + 5), UNDECODABLE, at=1)
    job = drive.start_job()
    drive.run(poll=lambda _: unfinished(), seconds=60)
    assert drive.letters == []
    assert drive.engine.components.ledger.letters_owed == 1
    drive.run()
    assert drive.written == [reach + 6]
    assert drive.position() == reach + 7
    assert job.request_id


def test_the_next_letter_that_goes_alone_does_not_wait_for_one_too_far_ahead() -> None:
    short = limits(max_metadata=255)
    reach = Reach(short)
    books = Ledger(lambda: 0.0, Tally(), OwedLetters(WRITE_AGAIN), Exposure(short), reach)
    assignment = books.assignments[P0] = Assignment(P0, 0)
    assignment.offsets.received(range(2000), [0] * 2000)

    def owe(offset: int) -> None:
        books.owe(Owed(Letter(record(offset), UNDECODABLE), assignment, "tags", 1, NOW))

    def write(now: float) -> list[int]:
        commit = books.plan(now, letters_wait=False)
        assert commit is not None
        return [each.record.offset() for each in commit.letters]

    owe(1)
    assert write(NOW) == [1]
    books.failed(NOW, [0], written=False)
    owe(reach.sure + 5)
    owe(2)
    assert write(NOW + 1) == [2]


def test_a_letter_carries_its_record_as_it_was() -> None:
    drive = Drive()
    drive.assign()
    source = record(0, {"odd": True})
    drive.engine.received(P0, [source], [Rejection(Reason.INVALID_EVENT, "odd")], drive.now)
    drive.plan()
    assert drive.commit is not None
    assert drive.commit.letters[0].record is source


def test_fewer_letters_go_at_once_while_a_slow_topic_takes_none_and_more_again_later() -> None:
    drive = Drive(limits(brake_share=0.0, max_events=10**6))
    drive.assign()
    count = 3 * owed.MOST_LETTERS
    drive.read(*[UNDECODABLE] * count)
    sizes: list[int] = []
    while drive.position() < count:
        drive.wait_for(lambda: drive.commit is not None)
        assert drive.commit is not None
        letters = len(drive.commit.letters)
        if letters:
            sizes.append(letters)
        if len(sizes) in (1, 2) and letters:
            drive.commit_failed()
        else:
            drive.committed()
    assert sizes[:4] == [owed.MOST_LETTERS // part for part in (1, 2, 4, 2)]
