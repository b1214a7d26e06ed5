"""Partitions that come, their records, their gaps and ends. Those that go: test_partitions_revoked.py."""

from __future__ import annotations

import pytest

from tests.unit.core.builders import (
    P0,
    UNDECODABLE,
    devices,
    start,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive, reading


def test_records_of_a_partition_that_is_not_ours_are_left_alone() -> None:
    drive = Drive()
    drive.read(*devices(range(3)))
    drive.engine.ended(P0, 3, drive.now)
    drive.run()
    assert drive.posts == 0
    assert drive.engine.tally.consumed == {}


@pytest.mark.parametrize(("committed", "position"), [(False, 7), (True, -1)])
def test_where_a_partition_begins_is_committed_unless_the_group_has_done_so(
    committed: bool, position: int
) -> None:
    drive = Drive()
    drive.engine.assigned(start(7)._replace(committed=committed))
    drive.run()
    assert drive.position() == position
    assert drive.engine.revoked([P0], drive.now) == {}


def test_an_end_that_is_where_it_begins_is_reached_once_that_is_committed() -> None:
    drive = Drive()
    drive.engine.assigned(start(7)._replace(committed=False), until=7)
    assert not drive.engine.assignments[P0].done
    drive.run()
    assert drive.engine.assignments[P0].done


def test_records_that_come_twice_are_taken_once() -> None:
    drive = reading(5)
    drive.read(*devices(range(3, 8)))
    drive.run()
    assert drive.sent == [[*range(8)]]
    assert drive.position() == 8


def test_the_position_goes_past_offsets_that_do_not_exist() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices([3, 7, 8]))
    drive.run()
    assert drive.position() == 9
    drive.engine.ended(P0, 12, drive.now)
    drive.run()
    assert drive.position() == 12


def test_a_gap_before_a_record_under_way_is_committed_already() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices([5]))
    drive.run(poll=lambda _: unfinished(), seconds=30)
    assert drive.position() == 5


def test_with_an_end_in_sight_what_comes_after_it_is_left_alone() -> None:
    drive = Drive()
    drive.assign(until=5)
    drive.read(*devices(range(3)))
    drive.read(*devices(range(3, 9)))
    drive.run()
    assert drive.position() == 5
    assignment = drive.engine.assignments[P0]
    assert assignment.done
    assert assignment.at_end
    assert sorted(offset for sent in drive.sent for offset in sent) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("last", [2, 4])
def test_an_end_is_reached_across_a_gap(last: int) -> None:
    drive = Drive()
    drive.assign(until=10)
    drive.read(*devices(range(last)))
    drive.read(*devices([15, 16]))
    drive.run()
    assert drive.engine.assignments[P0].done
    assert drive.position() == 10


def test_an_end_is_reached_by_markers_alone() -> None:
    drive = Drive()
    drive.assign(until=10)
    drive.read(*devices(range(2)))
    drive.engine.ended(P0, 12, drive.now)
    drive.run()
    assert drive.engine.assignments[P0].done


def test_an_end_that_is_behind_the_committed_offset_is_reached_from_the_start() -> None:
    drive = Drive()
    drive.assign(P0, 7, until=5)
    assert drive.engine.assignments[P0].done


def test_an_end_is_not_reached_while_a_letter_is_owed() -> None:
    drive = Drive()
    drive.assign(until=2)
    drive.read(UNDECODABLE, tags(1), at=0)
    for _ in range(30):
        drive.plan()
        drive.answer_but_letters()
        drive.later(1)
    assert not drive.engine.assignments[P0].done
    drive.run()
    assert drive.engine.assignments[P0].done
