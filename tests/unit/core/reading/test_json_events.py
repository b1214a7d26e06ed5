"""Our JSON: what is read of it, what passes through, what is none."""

import json

import pytest

from connector.model import Content, Endpoint, Reason
from tests.unit.core.records_to_decode import PHONE, event, rejection, row


def test_tag_values_pass_through_as_they_are() -> None:
    tags = b'{"n": 123456789012345678901234567890, "d":1.10, "x":null,"l":["a", 1],"o":{"k":[]}, "big":1e400}'
    assert tags in event(b'{"hwid":"A","tags":' + tags + b"}").row


def test_text_beyond_ascii_passes_through() -> None:
    found = event('{"hwid":"J\u00fcrgen","tags":{"stadt":"K\u00f6ln"}}'.encode())
    assert json.loads(found.row)["tags"] == {"stadt": "K\u00f6ln"}
    assert found.keys == ("J\u00fcrgen",)


def test_unknown_fields_are_ignored_and_not_sent() -> None:
    sent = row({"hwid": "A", "tags": {"a": 1}, "platform": [], "type": 5, "source": {"x": 1}})
    assert sorted(sent) == ["hwid", "list_operator", "tags"]


def test_of_duplicate_keys_the_last_counts() -> None:
    assert event(b'{"hwid":"A","hwid":"B","tags":{"a":1},"tags":{"a":2}}').keys == ("B",)
    assert row(b'{"hwid":5,"tags":[],"hwid":"B","tags":{"a":2}}')["tags"] == {"a": 2}


def test_in_a_mixed_topic_the_type_tells() -> None:
    assert event({"type": "tags", "hwid": "A", "tags": {"a": 1}}, Content.MIXED).endpoint is Endpoint.TAGS
    assert event({"type": "registration"} | PHONE, Content.MIXED).endpoint is Endpoint.REGISTRATIONS
    of_another = event({"type": "tags", "hwid": "A", "tags": {"a": 1}, "application": "X"}, Content.MIXED)
    assert (of_another.endpoint, of_another.application) == (Endpoint.TAGS, "X")


@pytest.mark.parametrize(
    ("kind", "words"), [("Tags", "got 'Tags'"), ("", "got ''"), (None, "got nothing"), (1, "got `int`")]
)
def test_in_a_mixed_topic_any_other_type_is_rejected(kind: object, words: str) -> None:
    found = rejection({"type": kind, "hwid": "A", "tags": {"a": 1}}, Content.MIXED)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail
    assert "`$.type`" in found.detail
    assert "got nothing" in rejection({"hwid": "A", "tags": {"a": 1}}, Content.MIXED).detail


def test_in_a_mixed_topic_fields_of_the_other_type_do_not_matter() -> None:
    assert row({"type": "tags", "hwid": "A", "tags": {"a": 1}, "platform": []}, Content.MIXED)["hwid"] == "A"
    assert row({"type": "registration", "user_id": 5} | PHONE, Content.MIXED)["platform"] == 1


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


def test_a_huge_record_is_rejected_in_words_that_do_not_repeat_it() -> None:
    value = b'{"hwid":"A","tags":{"a":"' + b"x" * (5 << 20) + b'"}}'
    found = rejection(value, max_row_bytes=1_000_000)
    assert found.reason is Reason.TOO_LARGE
    assert "5,242,930 bytes" in found.detail
    assert "1,000,000" in found.detail
    assert len(found.detail) < 300
