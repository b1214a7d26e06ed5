"""A letter is read as it was written, and what goes out of it again."""

from __future__ import annotations

import pytest

from connector.kafka.letters.letter import Headers
from connector.model import Reason, TopicPartition
from connector.replay.letter import (
    COUNT,
    FROM,
    ORIGIN,
    TIME,
    SourceRecord,
    headers_again,
    mark_of,
    read_letter,
    split_id,
    texts_of,
)
from tests.unit.replay.letters import DEAD, NOON, SOURCE, letter, stored


def test_a_letter_is_read_as_it_was_written() -> None:
    found = letter(3, 10, reason=Reason.TAG_REFUSED)

    assert (found.id, found.source, found.source_offset) == ("users/1/10", SOURCE, 10)
    assert (found.place, found.offset) == (DEAD, 3)
    assert (found.reason, found.detail, found.timestamp) == ("tag_refused", "said no", NOON)
    assert (found.age, found.count, found.replayed_from) == (10, 0, "")


def test_a_letter_of_another_connect_sink_is_told_by_its_own_headers() -> None:
    headers: list[tuple[str, bytes | None]] = [
        ("__connect.errors.topic", b"users"),
        ("__connect.errors.partition", b"1"),
        ("__connect.errors.offset", b"7"),
        ("__connect.errors.exception.message", b"no"),
    ]

    found = read_letter(stored(DEAD, 0, b"{}", headers=headers))

    assert (found.id, found.source, found.detail) == ("users/1/7", SOURCE, "no")


def test_a_record_without_headers_is_a_letter_of_nothing() -> None:
    found = read_letter(stored(DEAD, 0, b"{}"))

    assert (found.id, found.source, found.reason) == ("", None, "")


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 5000])
def test_a_number_that_kafka_does_not_have_says_nothing(digits: str) -> None:
    stamped: Headers = [("__connect.errors.topic", b"users"), ("pushwoosh.id", f"users/1/{digits}".encode())]
    stamped += [("pushwoosh.timestamp", digits.encode())]

    found = read_letter(stored(DEAD, 0, b"{}", headers=[(TIME, digits.encode()), *stamped], timestamp=NOON))

    assert (found.source, found.timestamp, found.happened) == (None, NOON, NOON)


def test_an_id_that_is_no_text_or_names_what_can_be_no_topic_says_nothing() -> None:
    for name in (b"\xff\xfe/1/2", b"../1/2", b"two words/1/2"):
        headers: Headers = [("__connect.errors.topic", b"users"), ("pushwoosh.id", name)]

        found = read_letter(stored(DEAD, 0, b"{}", headers=headers))

        assert (found.id, found.source) == ("", None)


@pytest.mark.parametrize("text", ["", "users", "users/1", "users/1/x", "/1/2", "u/-1/2", "a/1/2/3", "u/²/1"])
def test_a_text_that_is_no_id_gives_none(text: str) -> None:
    assert split_id(text) is None


def test_what_is_sent_again_has_its_own_headers_and_the_marks_and_nothing_else() -> None:
    found = letter(headers=[("trace", b"a"), ("trace", b"b"), ("null", None)])

    again = headers_again(found)

    assert again == [
        ("trace", b"a"),
        ("trace", b"b"),
        ("null", None),
        ("pushwoosh.replayed_from", b"users/1/10"),
        ("pushwoosh.replay_count", b"1"),
        ("pushwoosh.replay_origin", b"users/1/10"),
        ("pushwoosh.replay_timestamp", str(NOON).encode()),
    ]


NAMED_AS_OURS: Headers = [
    ("pushwoosh.reason", b"spring"),
    ("__connect.errors.topic", b"upstream"),
    ("pushwoosh.request_id", b"theirs"),
    ("pushwoosh.timestamp", b"5"),
    ("pushwoosh.campaign", None),
]


def test_a_record_s_own_headers_go_again_whatever_their_names_and_tell_nothing_of_its_letter() -> None:
    first = letter(headers=NAMED_AS_OURS)

    assert (first.id, first.reason, first.timestamp) == ("users/1/10", "device_failed", NOON)
    assert SourceRecord(first).headers() == NAMED_AS_OURS
    again = headers_again(first)
    assert again[: len(NAMED_AS_OURS)] == NAMED_AS_OURS
    assert {name for name, _ in again[len(NAMED_AS_OURS) :]} == {FROM, COUNT, ORIGIN, TIME}

    second = letter(1, 50, headers=again)
    assert (second.id, second.age, second.count) == ("users/1/50", 10, 1)
    assert SourceRecord(second).headers() == NAMED_AS_OURS
    assert headers_again(second)[: len(NAMED_AS_OURS)] == NAMED_AS_OURS
    assert len(headers_again(second)) == len(again)


def test_refused_again_and_sent_again_it_remembers_where_it_began() -> None:
    first = letter(0, 10)
    second = letter(1, 50, headers=headers_again(first), timestamp=NOON + 5000)

    assert (second.id, second.age, second.count) == ("users/1/50", 10, 1)
    assert second.replayed_from == "users/1/10"
    again = texts_of(headers_again(second))
    assert again["pushwoosh.replayed_from"] == "users/1/50"
    assert again["pushwoosh.replay_count"] == "2"
    assert again["pushwoosh.replay_origin"] == "users/1/10"
    assert again["pushwoosh.replay_timestamp"] == str(NOON)


def test_a_mark_tells_the_letter_and_the_offset_it_had_at_first() -> None:
    marks = headers_again(letter(0, 10))

    assert mark_of(marks, SOURCE) == ("users/1/10", 10)
    assert mark_of(marks, TopicPartition("users", 0)) == ("users/1/10", None)
    assert mark_of([("trace", b"a")], SOURCE) == ("", None)
    assert mark_of(None, SOURCE) == ("", None)


def test_a_decoder_sees_the_record_as_it_was_in_the_source() -> None:
    record = SourceRecord(letter(3, 10, headers=[("trace", b"a")], timestamp=0))

    assert (record.topic(), record.partition(), record.offset()) == ("users", 1, 10)
    assert record.headers() == [("trace", b"a")]
    assert record.timestamp() == (0, 0)
    assert SourceRecord(letter(), numbered=4).offset() == 4
