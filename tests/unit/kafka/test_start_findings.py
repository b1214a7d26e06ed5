"""What `check` says of where reading begins: nothing, unless `run` would stop there."""

from __future__ import annotations

import pytest

from connector.finding import Grade
from connector.kafka.start_findings import judged
from connector.model import Position, TopicPartition

P0, P1, P2 = (TopicPartition("events", number) for number in range(3))
BOUNDS = {P0: (5, 9), P1: (0, 9), P2: (5, 9)}


def test_offsets_that_are_there_are_no_matter() -> None:
    assert judged("g", {P0: Position(5, ""), P1: Position(9, "jobs")}, BOUNDS, "earliest", "halt") is None


@pytest.mark.parametrize(("choice", "grade"), [("halt", Grade.PROBLEM), ("continue", Grade.WARNING)])
def test_an_offset_below_the_log_is_named(choice: str, grade: Grade) -> None:
    found = judged("g", {P0: Position(2, ""), P2: Position(1, "")}, BOUNDS, "earliest", choice)
    assert found is not None
    assert (found.grade, found.what) == (grade, "start of group g")
    going_on = "; reading goes on at offset 5" if choice == "continue" else ""
    assert found.result == (
        "events/0: 3 records from offset 2 on are gone, the log begins at 5"
        f"{going_on}; and so of 1 other partition"
    )
    assert "retention" in found.mend


def test_that_nothing_is_committed_is_named_where_that_is_not_to_be() -> None:
    found = judged("g", {P1: Position(3, "")}, BOUNDS, "error", "continue")
    assert found is not None
    assert found.grade is Grade.PROBLEM
    assert "auto.offset.reset=error" in found.result


def test_what_stops_it_is_told_rather_than_what_does_not() -> None:
    found = judged("g", {P0: Position(2, "")}, BOUNDS, "error", "continue")
    assert found is not None
    assert (found.grade, found.result[:9]) == (Grade.PROBLEM, "events/1:")
