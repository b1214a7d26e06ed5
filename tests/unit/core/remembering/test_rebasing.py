"""What a checkpoint knows once its first records are gone from the log, which begins at 10 here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.core.assigned.job_slice import JobSlice
from connector.core.remembering import checkpoint
from connector.core.remembering.rebasing import rebased, unsettled_below
from connector.model import Endpoint, Position

LOW = 10


def a_job(request_id: str, offsets: Sequence[int]) -> JobSlice:
    return JobSlice(request_id, Endpoint.TAGS, "", 0.0, offsets)


def committed_at_2(flags: bytes, jobs: Sequence[JobSlice]) -> Position:
    return Position(2, checkpoint.encode(2, flags, jobs).text)


def jobs_of(position: Position) -> list[tuple[str, list[int]]]:
    known = checkpoint.decode(position.metadata, position.offset)
    assert known is not None
    return [(each.request_id, [*each.offsets]) for each in known.jobs]


@pytest.mark.parametrize(
    ("flags", "offset", "settled"),
    [(b"\0\1\1\0\0\0\0\0\0\1", 10, b"\0\1"), (b"\0\0\0\0\0\0\0\0\1\1\0\1", 12, b"\0\1")],
    ids=["from the log's first offset on", "from the first that is not settled on"],
)
def test_what_is_known_of_offsets_that_are_still_there_stays_known(
    flags: bytes, offset: int, settled: bytes
) -> None:
    found = rebased(committed_at_2(flags, [a_job("r-0", [4, 5]), a_job("r-1", [2, 6, 14])]), LOW)

    known = checkpoint.decode(found.metadata, found.offset)
    assert known is not None
    assert (found.offset, known.settled.rstrip(b"\0")) == (offset, settled)
    assert jobs_of(found) == [("r-1", [14]), ("r-1", []), ("r-0", [])]


def test_a_job_whose_records_were_gone_before_is_still_waited_for() -> None:
    assert jobs_of(rebased(committed_at_2(b"", [a_job("r-0", ())]), LOW)) == [("r-0", [])]


def test_of_what_is_gone_those_that_are_not_settled_are_counted_and_those_of_them_in_jobs() -> None:
    """Up to the log's start two are settled, three in a job, three were only read."""
    committed = committed_at_2(b"\0\1\1\0\0\0\0\0\0\1", [a_job("r-1", [2, 5, 6, 12])])
    assert unsettled_below(committed, LOW) == (6, 3)


@pytest.mark.parametrize("text", ["", "another's"])
def test_without_a_checkpoint_nothing_is_known(text: str) -> None:
    assert rebased(Position(2, text), LOW) == Position(LOW, "")
    assert unsettled_below(Position(2, text), LOW) == (LOW - 2, 0)
