"""What becomes of a record's value: an event, nothing, or a rejection that says where and why."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from connector.core.decode import Decoder, Interpreter
from connector.core.json_events import JsonDecoder
from connector.model import (
    Content,
    DecoderUnavailable,
    Endpoint,
    Event,
    Reason,
    Record,
    Registration,
    Rejection,
    TagsUpdate,
)


@dataclass
class FakeRecord:
    """A record in the shape of `confluent_kafka.Message`."""

    payload: bytes | None
    name: bytes | None = None
    position: int = 7
    time: tuple[int, int] = (1, 1_700_000_000_123)
    extra: list[tuple[str, bytes | None]] = field(default_factory=list)

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.position

    def timestamp(self) -> tuple[int, int]:
        return self.time

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.payload

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.extra


Outcome = Event | Rejection | None


def read(
    value: object, content: Content = Content.TAGS, *, key: bytes | None = None, **options: Any
) -> Outcome:
    """Read one record; a value that isn't bytes is written as JSON."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    [outcome] = Interpreter(content, **options).read([FakeRecord(payload, key)])
    return outcome


def event(value: object, content: Content = Content.TAGS, **options: Any) -> Event:
    outcome = read(value, content, **options)
    assert isinstance(outcome, Event), outcome
    return outcome


def rejection(value: object, content: Content = Content.TAGS, **options: Any) -> Rejection:
    outcome = read(value, content, **options)
    assert isinstance(outcome, Rejection), outcome
    return outcome


def row(value: object, content: Content = Content.TAGS, **options: Any) -> Any:
    return json.loads(event(value, content, **options).row)


PHONE = {"hwid": "A1", "push_token": "t0", "platform": "ios"}


# Tags.


def test_a_tags_event_becomes_a_row_with_the_operator_always_there() -> None:
    assert row({"hwid": "A1", "tags": {"plan": "pro"}}) == {
        "hwid": "A1",
        "tags": {"plan": "pro"},
        "list_operator": "set",
    }


def test_an_event_carries_what_the_engine_needs() -> None:
    value = b'{"hwid":"A1","list_operator":"append","tags":{"a":["x"]}}'
    record = FakeRecord(value, position=42)
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
        [found] = Interpreter(content).read([FakeRecord(payload, time=(0, -1))])
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
        assert Interpreter(content).read([FakeRecord(None, b"A1")]) == [None]


def test_answers_stand_at_the_places_of_their_records() -> None:
    values = [b'{"hwid":"A","tags":{"a":1}}', None, b"broken", b'{"user_id":"B","tags":{"a":1}}']
    answers = Interpreter(Content.TAGS).read([FakeRecord(value) for value in values])
    assert [type(answer) for answer in answers] == [Event, type(None), Rejection, Event]


# What can't be read.


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


# Registrations.


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
    answers = interpreter.read([FakeRecord(json.dumps(value).encode()) for value in values])
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


# Decoders of the user's.


def decoded(decoder: Decoder, **options: Any) -> Outcome:
    [outcome] = Interpreter(Content.TAGS, decoder, **options).read([FakeRecord(b"\x00\x01")])
    return outcome


def returning(update: Any) -> Callable[[Record], Any]:
    return lambda _: update


def test_a_decoder_of_the_users_is_held_against_the_same_rules() -> None:
    found = decoded(returning(TagsUpdate(hwid="A", tags={"a": [1, "x"]})))
    assert isinstance(found, Event)
    assert json.loads(found.row) == {"hwid": "A", "list_operator": "set", "tags": {"a": [1, "x"]}}
    registration = decoded(returning(Registration(hwid="A", push_token="t", platform="sms")))
    assert isinstance(registration, Event)
    assert json.loads(registration.row)["platform"] == 18


def test_a_decoder_of_the_users_may_skip_a_record() -> None:
    assert decoded(returning(None)) is None


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (TagsUpdate(tags={"a": 1}), "Names no device"),
        (TagsUpdate(hwid=5, tags={"a": 1}), "Expected `str`, got `int` - at `$.hwid`"),  # type: ignore[arg-type]  # wrong on purpose
        (TagsUpdate(hwid="\ud800", tags={"a": 1}), "Not text that UTF-8 can carry"),
        (TagsUpdate(hwid="A", list_operator="Set", tags={"a": 1}), "got 'Set' - at `$.list_operator`"),
        (TagsUpdate(hwid="A", list_operator=["set"], tags={"a": 1}), "got `list` - at `$.list_operator`"),  # type: ignore[arg-type]  # wrong on purpose
        (TagsUpdate(hwid="A", tags=[1]), "Expected `object`, got `list` - at `$.tags`"),
        (
            TagsUpdate(hwid="A", tags={"a": {"b": [float("nan")]}}),
            "`nan` is not a JSON number - at `$.tags.a.b[...]`",
        ),
        (TagsUpdate(hwid="A", tags={1: 2}), "Expected names of type `str`, got `int` - at `$.tags`"),
        (TagsUpdate(hwid="A", tags={"a": object()}), "at `$.tags`"),
        (TagsUpdate(hwid="A", tags={"a": "\ud800"}), "at `$.tags`"),
        (TagsUpdate(hwid="A", tags=msgspec.Raw(b'{"a":')), "truncated - at `$.tags`"),
        (TagsUpdate(hwid="A", tags=msgspec.Raw(b'{"a":"\xff"}')), "utf-8"),
        (TagsUpdate(hwid="A", tags=msgspec.Raw(b"[]")), "Expected `object`, got `array`"),
        (Registration(hwid="A", push_token="t", platform=True), "got `bool`"),
        (Registration(hwid="A", push_token="t", platform=1.0), "got `float`"),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_what_a_decoder_returns_is_checked_to_the_type(update: Any, words: str) -> None:
    found = decoded(returning(update))
    assert isinstance(found, Rejection)
    assert found.reason is Reason.INVALID_EVENT
    assert words in found.detail


def test_tags_that_contain_themselves_are_rejected() -> None:
    tags: dict[str, Any] = {}
    tags["self"] = tags
    found = decoded(returning(TagsUpdate(hwid="A", tags=tags)))
    assert isinstance(found, Rejection)
    assert "Nested too deeply" in found.detail


def test_a_decoder_around_the_built_in_one_changes_nothing_else() -> None:
    plain = JsonDecoder(Content.REGISTRATIONS)
    for value in (PHONE, PHONE | {"tags": None}, PHONE | {"tags": {"a": 1}}, PHONE | {"platform": 99}):
        wrapped = event(value, Content.REGISTRATIONS, decoder=lambda record: plain(record))  # noqa: PLW0108 - on purpose
        assert wrapped.row == event(value, Content.REGISTRATIONS).row
    assert plain(FakeRecord(None)) is None


def test_an_operator_of_a_decoder_is_sent_as_it_is() -> None:
    found = decoded(returning(TagsUpdate(hwid="A", list_operator="append", tags={"a": ["x"]})))
    assert isinstance(found, Event)
    assert found.list_operator == "append"


def test_raw_tags_of_a_decoder_pass_through() -> None:
    found = decoded(returning(TagsUpdate(hwid="A", tags=msgspec.Raw(b'{"a": 1.10, "b": 1e400}'))))
    assert isinstance(found, Event)
    assert b'{"a": 1.10, "b": 1e400}' in found.row


def test_whatever_a_decoder_raises_rejects_the_record_with_its_words() -> None:
    def broken(_: Record) -> TagsUpdate:
        raise ValueError("magic byte missing " + "x" * 1000)

    found = decoded(broken)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.UNDECODABLE
    assert found.detail.startswith("ValueError: magic byte missing")
    assert len(found.detail) == 300


def test_an_error_without_words_is_named() -> None:
    def broken(_: Record) -> TagsUpdate:
        raise KeyError

    found = decoded(broken)
    assert isinstance(found, Rejection)
    assert found.detail == "KeyError"


def test_what_a_decoder_returns_must_be_of_the_two_types() -> None:
    found = decoded(returning({"hwid": "A"}))
    assert isinstance(found, Rejection)
    assert found.reason is Reason.UNDECODABLE
    assert "returned `dict`" in found.detail


class Speechless(Exception):  # noqa: N818 - what it is like
    """An error that can't even be printed."""

    def __str__(self) -> str:
        raise AttributeError("no words")


class Unwritable(dict[str, Any]):
    """Tags that can't be written, for a reason that can't be told."""

    def items(self) -> Any:
        raise Speechless


@pytest.mark.parametrize(
    ("error", "words"),
    [(SystemExit(3), "SystemExit: 3"), (SystemExit(), "SystemExit"), (Speechless(), "Speechless")],
)
def test_a_decoder_that_exits_or_raises_what_has_no_words_rejects_the_record(
    error: BaseException, words: str
) -> None:
    def raising(_: Record) -> TagsUpdate:
        raise error

    assert decoded(raising) == Rejection(Reason.UNDECODABLE, words)


def test_tags_whose_writing_fails_without_words_reject_the_record() -> None:
    found = decoded(returning(TagsUpdate(hwid="A", tags=Unwritable(a=1))))
    assert found == Rejection(Reason.INVALID_EVENT, "Speechless - at `$.tags`")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError])
def test_what_ends_the_process_or_the_task_passes_through_a_decoder(
    interruption: type[BaseException],
) -> None:
    def interrupted(_: Record) -> TagsUpdate:
        raise interruption

    with pytest.raises(interruption):
        decoded(interrupted)


def test_a_decoder_that_can_not_decode_now_rejects_nothing() -> None:
    def waiting(_: Record) -> TagsUpdate:
        raise DecoderUnavailable("the schema registry is down")

    with pytest.raises(DecoderUnavailable, match="schema registry"):
        decoded(waiting)


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
    made = FakeRecord(json.dumps(fields).encode())
    (outcome,) = Interpreter(content, application="MAIN", applications=["A"]).read([made])
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.INVALID_EVENT
    assert "'WRONG' isn't configured" in outcome.detail
    assert "$.application" in outcome.detail
