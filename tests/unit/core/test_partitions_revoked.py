"""A partition goes to another owner: everything of it goes, and nothing else."""

from __future__ import annotations

import pytest

from connector.answers import Row, Unavailable
from connector.core.remembering import checkpoint
from connector.model import Position
from tests.unit.core.builders import (
    P0,
    P1,
    UNDECODABLE,
    completed,
    devices,
    limits,
    start,
    tags,
    unfinished,
)
from tests.unit.core.driving import REFUSED, Drive, both


def jobs_in(position: Position) -> dict[str, list[int]]:
    known = checkpoint.decode(position.metadata, position.offset)
    return {job.request_id: list(job.offsets) for job in known.jobs} if known else {}


def test_revocation_gives_the_position_with_the_jobs_under_way() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    job = drive.start_job()
    position = drive.engine.revoked([P0], drive.now)[P0]
    assert position.offset == 0
    assert jobs_in(position) == {job.request_id: [0, 1, 2]}


def test_what_is_committed_already_is_not_committed_again_on_revocation() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.run()
    assert drive.engine.revoked([P0], drive.now) == {}


def test_where_it_began_is_committed_on_revocation_if_nothing_was_before() -> None:
    drive = Drive()
    drive.engine.assigned(start(7)._replace(committed=False))
    assert drive.engine.revoked([P0], drive.now) == {P0: Position(7, "")}


def test_partitions_that_are_not_ours_are_let_go_without_a_word() -> None:
    drive = Drive()
    assert drive.engine.revoked([P1], drive.now) == {}
    drive.engine.lost([P1], drive.now)
    drive.engine.ended(P1, 5, drive.now)
    drive.read(tags(0))
    assert drive.plan() == []


def test_a_late_answer_for_a_revoked_partition_does_nothing() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    poll = drive.next_poll()
    drive.engine.revoked([P0], drive.now)
    drive.assign(P0)
    drive.polled(poll)
    assert drive.engine.assignments[P0].offsets.safe() == 0
    assert drive.engine.assignments[P0].events_held == 0
    assert drive.plan() == []


def test_a_post_that_is_accepted_after_its_partition_went_is_nobody_s_job() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.lost([P0], drive.now)
    drive.posted(drive.submits[0])
    assert drive.engine.idle
    assert drive.engine.components.lanes.busy == 0


@pytest.mark.parametrize("answer", [Unavailable("down"), REFUSED])
def test_a_post_that_came_to_nothing_after_its_partition_went_is_not_repeated(answer: object) -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.lost([P0], drive.now)
    drive.posted(drive.submits[0], answer)  # type: ignore[arg-type]  # each is an answer
    drive.run()
    assert drive.posts == 1
    assert drive.at_rest()


def test_revocation_forgets_what_waits_of_the_partition_and_nothing_else() -> None:
    drive = both(max_in_flight=1, max_devices=2)
    drive.read(*devices(range(10)))
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(10)])
    drive.start_job()
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert sorted(offset for sent in drive.sent for offset in sent) == [*range(10)]
    assert drive.position(P0) == 10
    assert drive.at_rest()


def test_events_that_wait_for_the_checkpoint_s_reach_survive_another_partition_s_leave() -> None:
    drive = both(max_metadata=0, max_devices=2, max_in_flight=8)
    drive.read(*devices(range(40)))
    drive.run(poll=lambda _: unfinished(), seconds=2)
    assert drive.engine.components.dispatch.waiting_for_checkpoint(drive.engine.assignments[P0])
    drive.engine.lost([P1], drive.now)
    drive.run()
    assert drive.position(P0) == 40
    assert drive.at_rest()


def test_events_that_wait_for_the_checkpoint_s_reach_go_with_their_partition() -> None:
    drive = both(max_metadata=0, max_devices=2, max_in_flight=8)
    drive.read(*devices(range(40)))
    drive.run(poll=lambda _: unfinished(), seconds=2)
    drive.engine.lost([P0], drive.now)
    assert drive.at_rest()


def test_accepted_jobs_that_went_with_their_partition_take_no_room_in_the_next_assignment() -> None:
    drive = Drive(limits(max_devices=1, max_in_flight=8))
    for _ in range(5):
        drive.assign()
        drive.read(*devices(range(8)))
        drive.plan()
        for submit in list(drive.submits):
            drive.posted(submit)
        drive.engine.lost([P0], drive.now)
    drive.assign()
    drive.read(*devices(range(8)))
    drive.run()
    assert drive.position() == 8


def test_accepted_jobs_that_went_during_a_commit_of_others_take_no_room_after_it() -> None:
    drive = both(max_devices=1, max_in_flight=1)
    drive.read(None, partition=P1)
    drive.plan()
    assert drive.commit is not None
    while drive.engine._planning._slots(drive.now) > 0:
        drive.read(*devices(range(8)))
        drive.plan()
        drive.posted(drive.submits[0])
        drive.engine.lost([P0], drive.now)
        drive.assign()
    drive.committed()
    drive.read(*devices(range(8)))
    drive.run()
    assert drive.position(P0) == 8


def test_a_job_with_a_part_of_ours_is_followed_and_its_lanes_stay_shut() -> None:
    drive = both(max_devices=2)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    drive.start_job()
    drive.read(tags(1, "B"))
    drive.engine.revoked([P1], drive.now)
    drive.later(1)
    drive.plan()
    assert drive.posts == 1
    drive.run()
    assert drive.sent == [[0, 0], [1]]
    assert drive.position(P0) == 2
    assert P1 not in drive.positions
    assert drive.at_rest()


def test_letters_that_are_owed_go_with_their_partition() -> None:
    drive = both()
    drive.read(UNDECODABLE, partition=P0)
    drive.read(UNDECODABLE, partition=P1)
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.letters == [(P0, 0, "undecodable")]
    assert drive.at_rest()


def test_a_letter_whose_transaction_is_under_way_does_not_count_as_written_on_revocation() -> None:
    drive = Drive()
    drive.assign()
    drive.read(UNDECODABLE, tags(1))
    drive.plan()
    assert drive.commit is not None
    assert len(drive.commit.letters) == 1
    positions = drive.engine.revoked([P0], drive.now)
    assert positions == {}, "offset 0 is still committed: the letter is the next owner's"


@pytest.mark.parametrize("outcome", ["committed", "commit_failed"])
def test_a_commit_that_ends_after_its_partition_went_moves_nothing(outcome: str) -> None:
    drive = both()
    drive.read(UNDECODABLE, partition=P0)
    drive.plan()
    drive.engine.lost([P0], drive.now)
    getattr(drive, outcome)()
    drive.read(tags(0, partition=P1))
    drive.run()
    assert drive.position(P1) == 1
    assert drive.at_rest()


def test_a_retry_that_was_to_come_later_goes_with_its_partition() -> None:
    drive = both(max_devices=2)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    drive.start_job()
    none = completed(Row(hwid="A", status="not found"), Row(hwid="B", status="not found"))
    drive.polled(drive.next_poll(), none)
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0, 0], [0]]
    assert drive.position(P0) == 1
    assert drive.at_rest()
