"""What a decoder of the user's returns or raises is held against the same rules."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connector.core.reading.decode import Decoder, Interpreter
from connector.core.reading.event import Decoded, Event
from connector.core.reading.json_events import JsonDecoder
from connector.model import Content, DecoderUnavailable, Reason, Record, Registration, Rejection, TagsUpdate
from tests.records import ARecord
from tests.unit.core.records_to_decode import PHONE, event


def decoded(decoder: Decoder, **options: Any) -> Decoded:
    [outcome] = Interpreter(Content.TAGS, decoder, **options).read([ARecord(b"\x00\x01")])
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
    assert plain(ARecord(None)) is None


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
