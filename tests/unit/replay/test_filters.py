"""Which letters are meant, in words of the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.reading.decode import Interpreter
from connector.model import Content, Reason
from connector.replay.failed import WrongUse
from connector.replay.filters import (
    Filters,
    Unmatched,
    identifiers,
    known_applications,
    known_period,
    known_reasons,
    parse_time,
)
from connector.replay.letter import SourceRecord
from tests.unit.replay.letters import NOON, letter

_NOW = NOON / 1000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-01", 43_200),
        ("2026-03-01T11:30", 1800),
        ("2026-03-01 11:30:00Z", 1800),
        ("2026-03-01T13:30+02:00", 1800),
        ("90s", 90),
        ("2h", 7200),
        ("7d", 604_800),
    ],
)
def test_a_time_is_a_date_or_how_long_ago(text: str, seconds: int) -> None:
    assert parse_time("--since", text, _NOW) == NOON - seconds * 1000


def test_what_is_no_time_is_refused_with_words_for_what_is_one() -> None:
    with pytest.raises(ValueError, match=r"--since yesterday: neither a time .* nor how long ago"):
        parse_time("--since", "yesterday", _NOW)


def test_an_unknown_reason_is_said_with_the_known_ones() -> None:
    assert known_reasons(["tag_refused"]) == {"tag_refused"}
    with pytest.raises(ValueError, match=r"--reason tags: .*undecodable, .*tag_refused"):
        known_reasons(["tags"])


def test_every_filter_must_let_a_letter_pass() -> None:
    found = letter(reason=Reason.TAG_REFUSED)

    assert Filters().pass_headers(found)
    assert Filters(frozenset({"tag_refused"}), frozenset({"users"}), "", NOON, NOON + 1).pass_headers(found)
    assert not Filters(reasons=frozenset({"undecodable"})).pass_headers(found)
    assert not Filters(topics=frozenset({"others"})).pass_headers(found)
    assert not Filters(since=NOON + 1).pass_headers(found)
    assert not Filters(until=NOON).pass_headers(found)


def test_a_device_is_found_by_any_of_its_identifiers_and_by_the_key() -> None:
    value = b'{"hwid": "A", "user_id": "u", "push_token": "t", "tags": {"plan": "pro"}}'
    found = letter(value=value, key=b"k")
    (outcome,) = Interpreter(Content.TAGS).read([SourceRecord(found)])

    assert identifiers(found, outcome) == ["A", "u", "t", "k"]
    assert all(Filters(device=name).pass_event(found, outcome) for name in ("A", "u", "t", "k"))
    assert not Filters(device="a").pass_event(found, outcome)


def test_an_unreadable_letter_is_found_by_its_key_alone() -> None:
    found = letter(value=b"\xff", key=b"k")
    (outcome,) = Interpreter(Content.TAGS).read([SourceRecord(found)])

    assert identifiers(found, outcome) == ["k"]


def test_an_application_is_named_by_its_code_and_the_default_one_is_empty_in_events() -> None:
    read = Interpreter(Content.TAGS, application="AAAAA", applications=["BBBBB"])
    letters = [
        letter(value=value)
        for value in (
            b'{"hwid": "A", "tags": {"n": 1}}',
            b'{"hwid": "A", "tags": {"n": 1}, "application": "BBBBB"}',
            b"?",
        )
    ]
    outcomes = read.read([*map(SourceRecord, letters)])
    for code, expected in (("AAAAA", [True, False, False]), ("BBBBB", [False, True, False])):
        filters = Filters(applications=known_applications([code], "AAAAA", ["BBBBB"]))
        assert [*map(filters.pass_event, letters, outcomes)] == expected
    with pytest.raises(ValueError, match="--application C: not configured; there are AAAAA, BBBBB"):
        known_applications(["C"], "AAAAA", ["BBBBB"])


def test_letters_are_chosen_by_when_they_were_refused() -> None:
    found = replace(letter(), refused=NOON)

    assert Filters(refused_since=NOON, refused_until=NOON + 1).pass_headers(found)
    assert not Filters(refused_since=NOON + 1).pass_headers(found)
    assert not Filters(refused_until=NOON).pass_headers(found)
    assert not Filters(refused_until=NOON).pass_headers(replace(found, refused=0)), "it never was submitted"


def test_when_a_letter_was_refused_is_what_the_connector_wrote() -> None:
    assert letter(last_attempt=NOON / 1000 + 0.5).refused == NOON + 500
    assert letter().refused == 0


def test_a_period_without_a_moment_in_it_is_refused() -> None:
    assert known_period("", 1, 2) == (1, 2)
    assert known_period("", None, 2) == (None, 2)
    with pytest.raises(ValueError, match="--refused-since is not before --refused-until"):
        known_period("refused-", 2, 2)


def test_a_topic_without_letters_is_a_mistake_unless_it_is_configured() -> None:
    unmatched = Unmatched(Filters(topics=frozenset({"user", "users", "quiet"})), {"quiet"})
    unmatched.saw(letter())

    with pytest.raises(WrongUse, match="there are letters of users"):
        unmatched.check()
