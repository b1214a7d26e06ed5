"""What becomes of a registration: its row, its lanes, its platform."""

import json
from typing import Any

import pytest

from connector.core.decode import Interpreter
from connector.model import Content, Endpoint, Event, Reason
from tests.records import ARecord
from tests.unit.core.records_to_decode import PHONE, event, read, rejection, row


def test_a_registration_becomes_a_row_with_the_code_of_its_platform() -> None:
    assert row(PHONE | {"tags": {"language": "en"}}, Content.REGISTRATIONS) == {
        "hwid": "A1",
        "push_token": "t0",
        "platform": 1,
        "tags": {"language": "en"},
    }


def test_a_registration_waits_in_the_lanes_of_hwid_and_push_token() -> None:
    found = event(PHONE, Content.REGISTRATIONS)
    assert found.endpoint is Endpoint.REGISTRATIONS
    assert found.keys == ("A1", "\0pt0")
    assert found.list_operator is None
    assert found.size == len(found.row) + len(json.dumps(PHONE))


@pytest.mark.parametrize("tags", [None, {}])
def test_a_registration_needs_no_tags(tags: object) -> None:
    assert isinstance(read(PHONE | {"tags": tags}, Content.REGISTRATIONS), Event)


@pytest.mark.parametrize(
    ("given", "sent"), [("append", "append"), ("remove", "remove"), ("set", None), (None, None)]
)
def test_a_registration_knows_append_and_remove_and_set_means_neither(
    given: str | None, sent: str | None
) -> None:
    found = event(PHONE | {"list_operator": given}, Content.REGISTRATIONS)
    assert found.list_operator == sent
    assert json.loads(found.row).get("list_operator") == sent


@pytest.mark.parametrize(
    ("name", "code"),
    [("iOS", 1), ("ANDROID", 3), ("macOS", 7), ("email", 14), ("WhatsApp", 21), (17, 17), (3, 3)],
)
def test_a_platform_is_a_code_or_a_name_in_any_case(name: object, code: int) -> None:
    assert row(PHONE | {"platform": name}, Content.REGISTRATIONS)["platform"] == code


@pytest.mark.parametrize("platform", [2, 4, 5, 6, 13, "BlackBerry", "nokia"])
def test_a_retired_platform_is_rejected_with_that_word(platform: object) -> None:
    found = rejection(PHONE | {"platform": platform}, Content.REGISTRATIONS)
    assert "is retired - at `$.platform`" in found.detail


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        (b"true", "got `bool`"),
        (b"1.0", "got `float`"),
        (b"1.5", "got `float`"),
        (b"1e400", "out of range"),
        (b'"1"', "No platform is named '1'"),
        (b'"toaster"', "No platform is named 'toaster'"),
        (b'""', "No platform is named ''"),
        (b"-1", "negative, or beyond 64 bits"),
        (b"9223372036854775808", "negative, or beyond 64 bits"),
        (b"9" * 400, "negative, or beyond 64 bits"),
        (b"[]", "got `array`"),
        (b"{}", "got `object`"),
        (b"null", "Missing: a registration needs a platform"),
    ],
)
def test_what_is_no_platform_is_rejected(platform: bytes, words: str) -> None:
    found = rejection(b'{"hwid":"A","push_token":"t","platform":' + platform + b"}", Content.REGISTRATIONS)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail
    assert "$.platform" in found.detail


def test_a_code_that_nobody_has_heard_of_passes_and_is_counted() -> None:
    interpreter = Interpreter(Content.REGISTRATIONS)
    values = [PHONE | {"platform": code} for code in (99, 99, 2**63 - 1, 1)]
    answers = interpreter.read([ARecord(json.dumps(value).encode()) for value in values])
    assert all(isinstance(answer, Event) for answer in answers)
    assert interpreter.unknown_platforms == {99: 2, 2**63 - 1: 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hwid": None}, "needs a hwid - at `$.hwid`"),
        ({"push_token": None}, "needs a push token - at `$.push_token`"),
        ({"hwid": "\0"}, "A NUL character inside - at `$.hwid`"),
        ({"push_token": ""}, "Empty - at `$.push_token`"),
        ({"push_token": 5}, "got `int` - at `$.push_token`"),
        ({"tags": []}, "Expected `object`, got `array` - at `$.tags`"),
        ({"list_operator": "replace"}, "Expected `append`, `remove` or `set`, got 'replace'"),
    ],
)
def test_a_registration_that_breaks_a_rule_is_rejected_with_the_field(
    changes: dict[str, Any], words: str
) -> None:
    found = rejection(PHONE | changes, Content.REGISTRATIONS)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail
