"""The demo's reckoning agrees with what is right and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.core.remembering.checkpoint import encode
from connector.model import Position, Reason
from connector.sandbox.demo_account import Evidence, reckon
from connector.sandbox.demo_events import DemoEvent, story
from connector.sandbox.demo_kafka import StoredLetter
from tests.strength import in_full

READABLE = DemoEvent(b"k", b"{}")
REFUSED = DemoEvent(b"k", b"no", Reason.UNDECODABLE)
TOMBSTONE = DemoEvent(b"k", None)


def evidence(**changes: Any) -> Evidence:
    """Ten records in one partition: 0 to 3 committed at the crash and 5 settled beyond, the rest after it."""
    written = {f"events/0/{offset}": READABLE for offset in range(10)}
    written |= {"events/0/1": REFUSED, "events/0/7": REFUSED, "events/0/8": TOMBSTONE}
    crash = Position(4, encode(4, b"\0\1", []).text)
    found = Evidence(
        topic="events",
        written=written,
        ends={0: 10, 1: 0},
        at_crash={0: crash, 1: Position(0, "")},
        at_end={0: Position(10, ""), 1: Position(0, "")},
        first={"confirmed": 3, "superseded": 1, "dead_letter": 1, "skipped": 0},
        second={"confirmed": 3, "dead_letter": 1, "skipped": 1},
        letters=[StoredLetter("events/0/1", "undecodable"), StoredLetter("events/0/7", "undecodable")],
        expected_tags={"k": {"plan": "pro"}, "doomed": {}},
        found_tags={"k": {"plan": "pro"}},
        overlapping=0,
    )
    return replace(found, **changes)


def test_an_account_in_which_all_is_right_agrees() -> None:
    account = reckon(evidence())
    assert account.agrees
    assert account.produced == 10
    assert account.settled_twice == 0
    assert account.by_reason == {"undecodable": 2}


def test_records_settled_but_not_committed_before_the_crash_are_settled_by_both() -> None:
    account = reckon(evidence(first={"confirmed": 5, "superseded": 1, "dead_letter": 1, "skipped": 0}))
    assert account.agrees
    assert account.settled_twice == 2


def test_a_letter_written_but_not_committed_may_come_again() -> None:
    letters = [*evidence().letters, StoredLetter("events/0/7", "undecodable")]
    account = reckon(evidence(letters=letters))
    assert account.agrees
    assert account.letters_twice == 1


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("every record committed", {"at_end": {0: Position(9, ""), 1: Position(0, "")}}),
        ("every record committed", {"ends": {0: 11, 1: 0}}),
        (
            "every one of 10 records settled",
            {"second": {"confirmed": 2, "dead_letter": 1, "skipped": 1}},
        ),
        ("every one of 10 records settled", {"at_crash": {0: Position(4, ""), 1: Position(0, "")}}),
        ("every refused record dead-lettered", {"letters": [StoredLetter("events/0/1", "undecodable")]}),
        (
            "every refused record dead-lettered",
            {"letters": [StoredLetter("events/0/1", "undecodable"), StoredLetter("events/0/7", "too_large")]},
        ),
        (
            "every refused record dead-lettered",
            {"letters": [*evidence().letters, StoredLetter("events/0/3", "undecodable")]},
        ),
        (
            "every refused record dead-lettered",
            {"letters": [*evidence().letters, StoredLetter("events/0/1", "undecodable")]},
        ),
        ("every tombstone skipped", {"second": {"confirmed": 4, "dead_letter": 1}}),
        ("tags as if applied one by one, in order", {"found_tags": {"k": {"plan": "free"}}}),
        ("tags as if applied one by one, in order", {"found_tags": {}}),
        (
            "tags as if applied one by one, in order",
            {"found_tags": {"k": {"plan": "pro"}, "doomed": {"plan": "pro"}}},
        ),
        ("no device in two unfinished jobs at once", {"overlapping": 1}),
    ],
)
def test_an_account_names_the_check_that_does_not_agree(what: str, changes: dict[str, Any]) -> None:
    account = reckon(evidence(**changes))
    assert not account.agrees
    assert what in [check.what for check in account.checks if not check.agrees]


def test_the_story_has_every_kind_of_event_and_no_two_equal_ones() -> None:
    records = 30_000 if in_full() else 8_000
    told = story(records, 4_000, seed=7)
    assert len(told.events) == records
    readable = [
        event.value for event in told.events if event.value and event.refused is not Reason.UNDECODABLE
    ]
    changes = [value for value in readable if b"platform" not in value and b"hwid" in value]
    assert len(changes) == len({*changes})
    for piece in (b'"set"', b'"append"', b'"remove"', b'"registration"'):
        assert any(piece in value for value in readable)
    assert {event.refused for event in told.events} == {
        None,
        Reason.UNDECODABLE,
        Reason.INVALID_EVENT,
        Reason.DEVICE_FAILED,
        Reason.DEVICE_NOT_FOUND,
        Reason.REFUSED_BY_API,
        Reason.TAG_REFUSED,
    }
    assert any(event.value is None for event in told.events)
    assert len({event.key for event in told.events if event.refused is Reason.REFUSED_BY_API}) == 1
