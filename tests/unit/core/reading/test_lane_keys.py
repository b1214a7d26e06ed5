"""Each identifier names a lane of its own, and no two of them clash."""

from __future__ import annotations

import itertools

import pytest

from connector.core.reading.lane_keys import lane_keys, sound_lane_keys
from tests.unit.core.records_to_decode import event


def test_every_identifier_names_a_lane() -> None:
    found = event({"hwid": "h", "user_id": "u", "push_token": "p", "tags": {"a": 1}})
    assert found.keys == ("h", "\0uu", "\0pp")
    assert event({"user_id": "u", "tags": {"a": 1}}).keys == ("\0uu",)
    assert event({"push_token": "p", "tags": {"a": 1}}).keys == ("\0pp",)


def test_no_two_of_application_and_identifier_name_one_lane() -> None:
    words = ("x", "ux", "px", "ax", "a")
    named = [
        key
        for application, word in itertools.product(("", *words), words)
        for identifiers in ((word, None, None), (None, word, None), (None, None, word))
        for key in lane_keys(application, *identifiers)
    ]
    assert len(set(named)) == len(named) == 6 * 5 * 3


@pytest.mark.parametrize("application", ["", "A"])
def test_sound_identifiers_name_the_same_lanes(application: str) -> None:
    assert sound_lane_keys(application, "h", "u", "p") == lane_keys(application, "h", "u", "p")


@pytest.mark.parametrize("broken", ["", " ", "a\0b"])
@pytest.mark.parametrize("place", range(3))
def test_where_one_identifier_breaks_a_rule_there_is_no_lane(broken: str, place: int) -> None:
    given: list[str | None] = ["h", "u", "p"]
    given[place] = broken
    assert sound_lane_keys("", *given) == ()
