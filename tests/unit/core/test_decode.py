"""What becomes of a record's value: an event, or nothing. In the other files: a rejection, a registration."""

import json
from typing import Any

import pytest

from connector.core.decode import Interpreter
from connector.model import Content, Endpoint, Event, Reason, Rejection
from tests.records import ARecord
from tests.unit.core.records_to_decode import PHONE, event, read, rejection, row

# Tags.


def test_a_tags_event_becomes_a_row_with_the_operator_always_there() -> None:
    assert row({"hwid": "A1", "tags": {"plan": "pro"}}) == {
        "hwid": "A1",
        "tags": {"plan": "pro"},
        "list_operator": "set",
    }


def test_an_event_carries_what_the_engine_needs() -> None:
    value = b'{"hwid":"A1","list_operator":"append","tags":{"a":["x"]}}'
    record = ARecord(value, offset=42, timestamp=(1, 1_700_000_000_123))
    [found] = Interpreter(Content.TAGS).read([record])
    assert isinstance(found, Event)
    assert found.endpoint is Endpoint.TAGS
    assert (found.application, found.keys, found.list_operator) == ("", ("A1",), "append")
    assert (found.hwid, found.user_id, found.push_token) == ("A1", None, None)
    assert (found.offset, found.timestamp) == (42, 1_700_000_000_123)
    assert found.record is record
    assert found.size == len(value) + len(found.row)
    assert (found.home, found.attempts, found.alone) == (None, 0, False)


def test_a_record_without_a_timestamp_has_none() -> None:
    value = b'{"hwid":"A1","tags":{"a":1}}'
    for content, payload in ((Content.TAGS, value), (Content.REGISTRATIONS, json.dumps(PHONE).encode())):
        [found] = Interpreter(content).read([ARecord(payload, timestamp=(0, -1))])
        assert isinstance(found, Event)
        assert found.timestamp == 0


@pytest.mark.parametrize("operator", ["set", "append", "remove"])
def test_each_operator_of_tags_is_sent_as_it_is(operator: str) -> None:
    assert row({"hwid": "A", "tags": {"a": 1}, "list_operator": operator})["list_operator"] == operator


def test_every_identifier_names_a_lane() -> None:
    found = event({"hwid": "h", "user_id": "u", "push_token": "p", "tags": {"a": 1}})
    assert found.keys == ("h", "\0uu", "\0pp")
    assert event({"user_id": "u", "tags": {"a": 1}}).keys == ("\0uu",)
    assert event({"push_token": "p", "tags": {"a": 1}}).keys == ("\0pp",)


def test_tag_values_pass_through_as_they_are() -> None:
    tags = b'{"n": 123456789012345678901234567890, "d":1.10, "x":null,"l":["a", 1],"o":{"k":[]}, "big":1e400}'
    assert tags in event(b'{"hwid":"A","tags":' + tags + b"}").row


def test_text_beyond_ascii_passes_through() -> None:
    found = event('{"hwid":"J\u00fcrgen","tags":{"stadt":"K\u00f6ln"}}'.encode())
    assert json.loads(found.row)["tags"] == {"stadt": "K\u00f6ln"}
    assert found.keys == ("J\u00fcrgen",)


def test_the_case_and_the_spaces_of_an_identifier_stay() -> None:
    assert row({"hwid": " User@Example.COM ", "tags": {"a": 1}})["hwid"] == " User@Example.COM "


def test_unknown_fields_are_ignored_and_not_sent() -> None:
    sent = row({"hwid": "A", "tags": {"a": 1}, "platform": [], "type": 5, "source": {"x": 1}})
    assert sorted(sent) == ["hwid", "list_operator", "tags"]


def test_of_duplicate_keys_the_last_counts() -> None:
    assert event(b'{"hwid":"A","hwid":"B","tags":{"a":1},"tags":{"a":2}}').keys == ("B",)
    assert row(b'{"hwid":5,"tags":[],"hwid":"B","tags":{"a":2}}')["tags"] == {"a": 2}


def test_a_tombstone_is_skipped_whatever_the_topic() -> None:
    for content in Content:
        assert Interpreter(content).read([ARecord(None, key=b"A1")]) == [None]


def test_answers_stand_at_the_places_of_their_records() -> None:
    values = [b'{"hwid":"A","tags":{"a":1}}', None, b"broken", b'{"user_id":"B","tags":{"a":1}}']
    answers = Interpreter(Content.TAGS).read([ARecord(value) for value in values])
    assert [type(answer) for answer in answers] == [Event, type(None), Rejection, Event]


# Mixed topics.


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


# Applications and keys.


def test_an_application_of_its_own_makes_lanes_of_its_own() -> None:
    found = event({"hwid": "h", "user_id": "u", "tags": {"a": 1}, "application": "X-1"}, application="Y-2")
    assert found.application == "X-1"
    assert found.keys == ("\0aX-1\0h", "\0aX-1\0\0uu")
    assert "application" not in json.loads(found.row)


def test_naming_the_configured_application_changes_nothing() -> None:
    found = event({"hwid": "h", "tags": {"a": 1}, "application": "Y-2"}, application="Y-2")
    assert (found.application, found.keys) == ("", ("h",))


def test_the_key_is_the_hwid_only_where_the_setting_is_on_and_the_value_names_no_device() -> None:
    nameless = {"tags": {"a": 1}}
    assert isinstance(read(nameless, key=b"K"), Rejection)
    assert event(nameless, key=b"K", key_is_hwid=True).keys == ("K",)
    assert event({"user_id": "u"} | nameless, key=b"K", key_is_hwid=True).keys == ("\0uu",)
    registration = {"push_token": "t", "platform": 1}
    assert event(registration, Content.REGISTRATIONS, key=b"K", key_is_hwid=True).hwid == "K"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "Names no device"),
        (b"", "The record's key is no hwid: Empty"),
        (b" ", "The record's key is no hwid: Nothing but whitespace"),
        (b"\xff", "The record's key is no hwid: Not UTF-8: invalid start byte (byte 0)"),
        (b"a\0", "The record's key is no hwid: A NUL"),
    ],
)
def test_a_key_that_is_no_identifier_is_rejected(key: bytes | None, words: str) -> None:
    found = rejection({"tags": {"a": 1}}, key=key, key_is_hwid=True)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail
    assert found.detail.count("$.hwid") == 1


@pytest.mark.parametrize("content", Content)
@pytest.mark.parametrize(
    ("named", "options", "application"),
    [
        (None, {}, ""),
        (None, {"of_topic": "B"}, "B"),
        ("A", {"of_topic": "B"}, "A"),
        ("MAIN", {"of_topic": "B"}, ""),
        ("B", {}, "B"),
    ],
)
def test_the_event_names_its_application_then_its_topic_does_then_it_is_the_default_one(
    content: Content, named: str | None, options: dict[str, Any], application: str
) -> None:
    fields: dict[str, Any] = {"hwid": "h", "tags": {"a": 1}, "type": "tags"}
    if content is Content.REGISTRATIONS:
        fields |= {"push_token": "t", "platform": "ios"}
    if named is not None:
        fields["application"] = named
    found = event(fields, content, application="MAIN", applications=["A", "B"], **options)
    assert found.application == application
    assert b"application" not in found.row
    other = event(fields | {"application": "A"}, content, application="MAIN", applications=["A", "B"])
    assert set(found.keys).isdisjoint(other.keys) == (application != "A")


@pytest.mark.parametrize("content", [Content.TAGS, Content.REGISTRATIONS])
def test_an_application_that_is_not_configured_is_rejected_by_name(content: Content) -> None:
    fields = {"hwid": "h", "tags": {"a": 1}, "push_token": "t", "platform": "ios", "application": "WRONG"}
    if content is Content.TAGS:
        del fields["push_token"], fields["platform"]
    made = ARecord(json.dumps(fields).encode())
    (outcome,) = Interpreter(content, application="MAIN", applications=["A"]).read([made])
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.INVALID_EVENT
    assert "'WRONG' isn't configured" in outcome.detail
    assert "$.application" in outcome.detail
