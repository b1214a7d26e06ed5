"""The API's contract, by what decoding makes of events that keep it or break it."""

import json
from typing import Any

import pytest

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.model import Content, Reason
from tests.records import ARecord
from tests.unit.core.records_to_decode import PHONE, event, rejection, row


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hwid": 5}, "Expected `str | null`, got `int` - at `$.hwid`"),
        ({"hwid": True}, "got `bool` - at `$.hwid`"),
        ({"user_id": ["u"]}, "got `array` - at `$.user_id`"),
        ({"push_token": {}}, "got `object` - at `$.push_token`"),
        ({"hwid": ""}, "Empty - at `$.hwid`"),
        ({"user_id": ""}, "Empty - at `$.user_id`"),
        ({"hwid": " \t\u00a0"}, "Nothing but whitespace - at `$.hwid`"),
        ({"push_token": " "}, "Nothing but whitespace - at `$.push_token`"),
        ({"hwid": "A\0B"}, "A NUL character inside - at `$.hwid`"),
        ({"user_id": "\0"}, "A NUL character inside - at `$.user_id`"),
        ({"hwid": None}, "Names no device: one of hwid, user_id and push_token is needed"),
        ({"list_operator": "SET"}, "got 'SET' - at `$.list_operator`"),
        ({"list_operator": ""}, "Expected `set`, `append` or `remove`, got ''"),
        ({"list_operator": 1}, "got `int` - at `$.list_operator`"),
        ({"list_operator": "x" * 99}, "'" + "x" * 40 + "...'"),
        ({"tags": None}, "Missing: a tags event needs an object of tags - at `$.tags`"),
        ({"tags": {}}, "Empty: there is nothing to change - at `$.tags`"),
        ({"tags": []}, "Expected `object`, got `array` - at `$.tags`"),
        ({"tags": "a"}, "Expected `object`, got `str` - at `$.tags`"),
        ({"tags": 1}, "Expected `object`, got `int` - at `$.tags`"),
        ({"tags": True}, "Expected `object`, got `bool` - at `$.tags`"),
        ({"application": ""}, "Empty - at `$.application`"),
        ({"application": 1}, "got `int` - at `$.application`"),
    ],
)
def test_a_tags_event_that_breaks_a_rule_is_rejected_with_the_field(
    changes: dict[str, Any], words: str
) -> None:
    found = rejection({"hwid": "A", "tags": {"a": 1}} | changes)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail


def test_tags_that_are_absent_or_hold_nothing_but_space_are_rejected() -> None:
    assert "Missing" in rejection({"hwid": "A"}).detail
    assert "Empty" in rejection(b'{"hwid":"A","tags":{ \n }}').detail


def test_space_inside_the_tags_is_no_reason_to_reject() -> None:
    assert row(b'{"hwid":"A","tags":{ "a":1}}')["tags"] == {"a": 1}


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
    assert interpreter.take_unknown_platforms() == {99: 2, 2**63 - 1: 1}
    assert interpreter.take_unknown_platforms() == {}


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


@pytest.mark.parametrize("operator", ["set", "append", "remove"])
def test_each_operator_of_tags_is_sent_as_it_is(operator: str) -> None:
    assert row({"hwid": "A", "tags": {"a": 1}, "list_operator": operator})["list_operator"] == operator
