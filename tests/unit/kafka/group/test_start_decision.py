"""Where reading begins: every side of the log's two limits."""

from __future__ import annotations

import pytest

from connector.core.assigned.job_slice import JobSlice
from connector.core.remembering import checkpoint
from connector.core.remembering.rebasing import rebased
from connector.kafka.group.start_decision import StartDecision, decide_start
from connector.model import Endpoint, Position


def _from(offset: int, *, on_data_loss: str = "halt", reset: str = "earliest") -> StartDecision:
    committed = Position(offset, "jobs")
    return decide_start(committed, 10, 20, reset=reset, on_data_loss=on_data_loss, where="t/0")


@pytest.mark.parametrize("offset", [10, 15, 20])
def test_a_committed_offset_inside_the_log_is_taken_with_its_metadata(offset: int) -> None:
    assert _from(offset) == StartDecision(offset, "jobs", end=20, committed=True)


@pytest.mark.parametrize(
    ("reset", "offset"), [("earliest", 10), ("smallest", 10), ("latest", 20), ("end", 20)]
)
def test_without_a_commit_the_reset_policy_decides(reset: str, offset: int) -> None:
    found = decide_start(None, 10, 20, reset=reset, on_data_loss="halt", where="t/0")
    assert found == StartDecision(offset, end=20)


def test_without_a_commit_and_without_a_policy_nothing_is_read() -> None:
    found = decide_start(None, 10, 20, reset="error", on_data_loss="continue", where="t/0")
    assert (found.trouble, found.halted) == ("no_offset", True)


def test_an_offset_before_the_log_counts_what_is_gone() -> None:
    halted = _from(9)
    assert halted.halted
    assert halted.message == "t/0: 1 records from offset 9 on are gone, the log begins at 10"
    assert halted.trouble == "data_loss"
    going = _from(3, on_data_loss="continue")
    assert (going.offset, going.metadata, going.halted, going.rewound) == (10, "", False, False)
    assert "7 records" in going.message


def test_of_what_is_gone_the_settled_is_not_lost_and_the_submitted_is_told() -> None:
    """Committed is 2: up to the log's start at 10 two are settled, three in a job, three were only read."""
    job = JobSlice("r-1", Endpoint.TAGS, "", 0.0, [2, 5, 6, 12])
    text = checkpoint.encode(2, b"\0\1\1\0\0\0\0\0\0\1", [job]).text
    found = decide_start(Position(2, text), 10, 20, reset="earliest", on_data_loss="continue", where="t/0")

    assert found.gone == 6
    gone = "6 records from offset 2 on are gone, 3 of them in jobs whose end was not seen"
    assert found.message == f"t/0: {gone}, the log begins at 10"


def test_reading_goes_on_with_what_is_known_of_offsets_that_are_still_there() -> None:
    job = JobSlice("r-1", Endpoint.TAGS, "", 0.0, [2, 6, 14])
    committed = Position(2, checkpoint.encode(2, b"\0\0\0\0\0\0\0\0\1\1\0\1", [job]).text)
    found = decide_start(committed, 10, 20, reset="earliest", on_data_loss="continue", where="t/0")
    assert (found.offset, found.metadata) == rebased(committed, 10)
    assert found.offset == 12


@pytest.mark.parametrize(
    ("reset", "words"),
    [
        ("earliest", "offset 10 on (all that is there is sent, again"),
        ("latest", "20 on (none that is there is"),
    ],
)
def test_who_halts_for_another_log_is_told_what_going_on_means_and_nothing_of_retention(
    reset: str, words: str
) -> None:
    mend = _from(21, reset=reset).mend
    assert words in mend
    assert "reset the group's offset" in mend
    assert "created the topic again" in mend
    assert "retention" not in mend
    assert "retention" in _from(3).mend


def test_who_goes_on_in_another_log_is_not_told_to_lengthen_retention() -> None:
    mend = _from(21, on_data_loss="continue").mend
    assert "kafka.on_data_loss is continue" in mend
    assert "retention" not in mend
    assert "retention" in _from(3, on_data_loss="continue").mend


@pytest.mark.parametrize(("reset", "offset"), [("earliest", 10), ("latest", 20)])
def test_an_offset_beyond_the_log_means_that_offsets_mean_other_records(reset: str, offset: int) -> None:
    assert _from(21).halted
    going = _from(21, on_data_loss="continue", reset=reset)
    assert (going.offset, going.metadata, going.halted, going.rewound) == (offset, "", False, True)
