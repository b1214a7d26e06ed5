"""What can't be read is rejected, in words that say where and why."""

from typing import Any

import pytest

from connector.model import Content, Event, Reason, Rejection
from tests.unit.core.records_to_decode import PHONE, event, read, rejection, row


@pytest.mark.parametrize("content", list(Content))
@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        (b'{"hwid":"\xff","tags":{"a":1}}', Reason.UNDECODABLE, "Not UTF-8: invalid start byte (byte 9)"),
        (b'{"hwid":"A","tags":{"a":"\xff"}}', Reason.UNDECODABLE, "Not UTF-8: invalid start byte (byte 25)"),
        (b"", Reason.UNDECODABLE, "Not JSON: Input data was truncated"),
        (b"hello", Reason.UNDECODABLE, "Not JSON"),
        (b'{"hwid":"A","tags":{"a":1}', Reason.UNDECODABLE, "Not JSON: Input data was truncated"),
        (b'{"hwid":"A","tags":{"a":1}} x', Reason.UNDECODABLE, "trailing characters"),
        (b'\xef\xbb\xbf{"hwid":"A"}', Reason.UNDECODABLE, "Not JSON: it begins with a byte order mark (BOM)"),
        (b'{"hwid":"A","tags":{"a":NaN}}', Reason.UNDECODABLE, "Not JSON"),
        (b'{"hwid":"A","tags":{"a":-Infinity}}', Reason.UNDECODABLE, "Not JSON"),
        (b'{"hwid":"A","tags":{"a":"\\q"}}', Reason.UNDECODABLE, "invalid escaped character"),
        (b'{"hwid":"\\ud800","tags":{"a":1}}', Reason.UNDECODABLE, "Not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, Reason.INVALID_EVENT, "Expected `object`, got `array`"),
        (b'{"tags":' + b"[" * 10_000 + b"]" * 10_000 + b"}", Reason.UNDECODABLE, "Nested too deeply"),
        (b'{"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, Reason.UNDECODABLE, "Nested too deeply"),
        (b"null", Reason.INVALID_EVENT, "Expected `object`, got `null`"),
        (b"[]", Reason.INVALID_EVENT, "Expected `object`, got `array`"),
        (b'"text"', Reason.INVALID_EVENT, "Expected `object`, got `str`"),
        (b"12", Reason.INVALID_EVENT, "Expected `object`, got `int`"),
        (b"true", Reason.INVALID_EVENT, "Expected `object`, got `bool`"),
    ],
)
def test_what_is_no_json_object_is_rejected_with_where_and_why(
    value: bytes, reason: Reason, words: str, content: Content
) -> None:
    found = rejection(value, content)
    assert found.reason is reason
    assert words in found.detail


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


def test_a_huge_record_is_rejected_in_words_that_do_not_repeat_it() -> None:
    value = b'{"hwid":"A","tags":{"a":"' + b"x" * (5 << 20) + b'"}}'
    found = rejection(value, max_row_bytes=1_000_000)
    assert found.reason is Reason.TOO_LARGE
    assert "5,242,930 bytes" in found.detail
    assert "1,000,000" in found.detail
    assert len(found.detail) < 300


def test_an_event_of_exactly_the_largest_size_passes() -> None:
    value = {"hwid": "A", "tags": {"a": "x" * 100}}
    size = len(event(value).row)
    assert isinstance(read(value, max_row_bytes=size), Event)
    assert isinstance(read(value, max_row_bytes=size - 1), Rejection)
    assert rejection(PHONE, Content.REGISTRATIONS, max_row_bytes=10).reason is Reason.TOO_LARGE
