"""Lanes are held until the last letter that concerns them is written."""

from __future__ import annotations

from connector.core.settling.holds import Hold, no_longer_held
from tests.unit.core.builders import tags


def test_of_a_merged_update_all_letters_are_waited_for() -> None:
    merged, alone = Hold(tags(0), 2), Hold(tags(1))
    assert no_longer_held([merged, alone]) == [alone]
    assert no_longer_held([merged]) == [merged]


def test_two_letters_of_one_update_may_be_written_at_once_and_a_letter_may_hold_nothing() -> None:
    merged = Hold(tags(0), 2)
    assert no_longer_held([merged, None, merged]) == [merged]
