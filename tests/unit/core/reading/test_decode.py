"""What becomes of a record: an event, a rejection, or nothing. Beside: test_json_events.py, test_rules.py."""

import json
from typing import Any

import pytest

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import NOWHERE, Event
from connector.model import Content, Endpoint, Reason, Rejection
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
    assert (found.assignment, found.attempts, found.unmergeable) == (NOWHERE, 0, False)


def test_a_record_without_a_timestamp_has_none() -> None:
    value = b'{"hwid":"A1","tags":{"a":1}}'
    for content, payload in ((Content.TAGS, value), (Content.REGISTRATIONS, json.dumps(PHONE).encode())):
        [found] = Interpreter(content).read([ARecord(payload, timestamp=(0, -1))])
        assert isinstance(found, Event)
        assert found.timestamp == 0


def test_the_case_and_the_spaces_of_an_identifier_stay() -> None:
    assert row({"hwid": " User@Example.COM ", "tags": {"a": 1}})["hwid"] == " User@Example.COM "


def test_a_tombstone_is_skipped_whatever_the_topic() -> None:
    for content in Content:
        assert Interpreter(content).read([ARecord(None, key=b"A1")]) == [None]


def test_answers_stand_at_the_places_of_their_records() -> None:
    values = [b'{"hwid":"A","tags":{"a":1}}', None, b"broken", b'{"user_id":"B","tags":{"a":1}}']
    answers = Interpreter(Content.TAGS).read([ARecord(value) for value in values])
    assert [type(answer) for answer in answers] == [Event, type(None), Rejection, Event]


@pytest.mark.parametrize(
    "odd",
    [
        {"tags": {"a": 1}},
        {"hwid": "A", "tags": {"a": 1}, "list_operator": "add"},
        {"hwid": "A", "tags": {"a": 1}, "application": "ANOTHER"},
        {"hwid": "A", "tags": {}},
        {"hwid": "A", "tags": {"a": "x" * 200}},
        {"type": "registration", "hwid": "A"},
    ],
    ids=["no device", "operator", "application", "no tags", "too large", "another type"],
)
@pytest.mark.parametrize("content", [Content.TAGS, Content.MIXED])
def test_whatever_is_odd_about_one_record_those_after_it_are_read(
    content: Content, odd: dict[str, Any]
) -> None:
    good = {"type": "tags", "hwid": "B", "tags": {"a": 1}}
    values = [{"type": "tags", **odd}, good, good]
    interpreter = Interpreter(content, max_row_bytes=100, applications=[])
    _, *others = interpreter.read([ARecord(json.dumps(value).encode()) for value in values])
    assert [type(answer) for answer in others] == [Event, Event]


# Mixed topics.


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
        (None, {"topic_application": "B"}, "B"),
        ("A", {"topic_application": "B"}, "A"),
        ("MAIN", {"topic_application": "B"}, ""),
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


def test_an_event_of_exactly_the_largest_size_passes() -> None:
    value = {"hwid": "A", "tags": {"a": "x" * 100}}
    size = len(event(value).row)
    assert isinstance(read(value, max_row_bytes=size), Event)
    assert isinstance(read(value, max_row_bytes=size - 1), Rejection)
    assert rejection(PHONE, Content.REGISTRATIONS, max_row_bytes=10).reason is Reason.TOO_LARGE


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
