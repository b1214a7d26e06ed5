"""The helpers that show what a record becomes."""

from __future__ import annotations

import pytest

from connector.core.reading.event import Event
from connector.model import (
    Content,
    DecoderUnavailable,
    Endpoint,
    Reason,
    Record,
    Registration,
    Rejection,
    TagsUpdate,
)
from connector.testing import SampleRecord, outcomes, read
from tests.settings import with_environment


def by_name(record: Record) -> TagsUpdate | None:
    """A decoder as a user writes one: `name=plan`."""
    name, _, plan = (record.value() or b"").decode().partition("=")
    if name == "away":
        raise DecoderUnavailable("the registry is down")
    return TagsUpdate(hwid=name, tags={"plan": plan}) if plan else None


def test_a_record_becomes_the_event_that_would_be_sent() -> None:
    event = read({"hwid": "A1", "tags": {"plan": "pro"}}, timestamp=1_700_000_000_000, offset=7)
    assert isinstance(event, Event)
    assert (event.hwid, event.list_operator, event.offset, event.timestamp) == (
        "A1",
        "set",
        7,
        1_700_000_000_000,
    )
    assert event.endpoint is Endpoint.TAGS


def test_what_is_wrong_is_a_rejection_with_words() -> None:
    refused = read({"tags": {"plan": "pro"}})
    assert isinstance(refused, Rejection)
    assert refused.reason is Reason.INVALID_EVENT
    assert "names no device" in refused.detail.lower()
    assert read("no JSON").reason is Reason.UNDECODABLE  # type: ignore[union-attr]  # a Rejection, or it fails


@pytest.mark.parametrize("body", [None, "A1"])
def test_a_record_that_is_skipped_reads_as_none(body: str | None) -> None:
    assert read(body, by_name) is None


def test_one_s_own_decoder_reads_it() -> None:
    event = read("A1=pro", by_name)
    assert isinstance(event, Event)
    assert event.row == b'{"tags":{"plan":"pro"},"hwid":"A1","list_operator":"set"}'


def test_a_decoder_that_cannot_work_now_says_so() -> None:
    with pytest.raises(DecoderUnavailable):
        read("away=1", by_name)


@pytest.mark.parametrize("content", ["registrations", Content.REGISTRATIONS])
def test_registrations_are_read_where_the_topic_carries_them(content: Content) -> None:
    event = read({"hwid": "A1", "push_token": "t", "platform": "ios"}, content=content)
    assert isinstance(event, Event)
    assert event.endpoint is Endpoint.REGISTRATIONS


def test_a_decoder_gets_what_is_around_the_value() -> None:
    seen: list[Record] = []

    def decode(record: Record) -> Registration:
        seen.append(record)
        return Registration(hwid="A1", push_token="t", platform=3)

    read(b"x", decode, headers={"kind": b"new", "none": None}, key="k", topic="devices", offset=3)
    (record,) = seen
    assert (record.topic(), record.partition(), record.offset()) == ("devices", 0, 3)
    assert (record.key(), record.value()) == (b"k", b"x")
    assert record.headers() == [("kind", b"new"), ("none", None)]
    assert record.timestamp()[0] == 0
    assert SampleRecord(b"").headers() is None


def test_the_settings_of_a_topic_read_it() -> None:
    settings = with_environment(
        CONNECTOR_KAFKA_REGISTRATIONS_TOPICS="devices", CONNECTOR_KAFKA_KEY_IS_HWID="true"
    )
    given = {"push_token": "t", "platform": "ios"}
    (event, refused) = outcomes(settings, "devices", [given, {}], key="A1")
    assert isinstance(event, Event)
    assert event.hwid == "A1"
    assert isinstance(refused, Rejection)


def test_a_topic_that_is_not_configured_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="'other' is none of the configured topics: tags"):
        outcomes(with_environment(), "other", [])
