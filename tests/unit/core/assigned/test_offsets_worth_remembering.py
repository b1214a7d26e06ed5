"""What of a partition's settled offsets a checkpoint has to remember."""

from __future__ import annotations

import pytest

from connector.core.assigned import offsets as module
from connector.core.assigned.offsets import Offsets


def test_gaps_and_skipped_records_beyond_what_was_settled_need_not_be_remembered() -> None:
    made = Offsets(0)
    made.received([0, 1, 2, 5, 6, 9, 20], [1] * 7)
    made.settle([9, 6], skipped=True)
    assert made.worth_remembering() == b""
    made.settle([2])
    assert made.worth_remembering() == bytes([0, 0, 1])
    made.settle([20])
    assert made.worth_remembering() == made.window()


def test_what_an_earlier_checkpoint_knew_stays_worth_it() -> None:
    made = Offsets(10, bytes([0, 1, 0, 1]))
    assert made.worth_remembering() == bytes([0, 1, 0, 1])
    made.received([10, 11, 12, 13, 14, 30], [1] * 6)
    made.settle([14], skipped=True)
    assert made.worth_remembering() == bytes([0, 1, 0, 1])
    made.settle([10, 12])
    assert (made.safe(), made.worth_remembering()) == (30, b"")


def test_what_is_worth_it_ends_at_the_windows_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_LIMIT", 4)
    made = Offsets(0)
    made.received(range(10), [1] * 10)
    made.settle([2, 9])
    assert made.worth_remembering() == made.window() == bytes([0, 0, 1])
