"""Headers of a dead letter: the record's own untouched, then why, in Kafka Connect's words and ours."""

from __future__ import annotations

import msgspec

from connector.kafka.letters.letter import Headers, headers
from connector.model import MOST_TEXT_BYTES, Letter, Reason, Record, Rejection, TopicPartition
from tests.records import ARecord


def record(theirs: Headers | None = None, kind: type[ARecord] = ARecord) -> ARecord:
    return kind(None, key=b"k", headers=theirs, place=TopicPartition("orders", 2), offset=77)


REFUSED = Rejection(
    Reason.TAG_REFUSED,
    "plan: wrong value",
    request_id="r-9",
    http_status=200,
    job_status="Completed",
    device_status="done",
    refused_tags='{"plan":"wrong value"}',
)


def made(source: Record, why: Rejection = REFUSED, *, restamped: bool = False) -> Headers:
    letter = Letter(source, why, attempts=3, first_attempt=1_700_000_000.0, last_attempt=1_700_000_001.5)
    return headers(letter, "group-1", "connector-1", restamped=restamped)


def test_kafka_connect_names_are_written_as_text() -> None:
    found = {name: value for name, value in made(record()) if name.startswith("__connect")}
    assert found == {
        "__connect.errors.topic": b"orders",
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"77",
        "__connect.errors.connector.name": b"connector-1",
        "__connect.errors.stage": b"TASK_PUT",
        "__connect.errors.exception.class.name": b"pushwoosh.TagRefused",
        "__connect.errors.exception.message": b"plan: wrong value",
    }


def test_our_own_say_what_connect_cannot() -> None:
    found = {name: value for name, value in made(record()) if name.startswith("pushwoosh.")}
    assert found == {
        "pushwoosh.id": b"orders/2/77",
        "pushwoosh.reason": b"tag_refused",
        "pushwoosh.detail": b"plan: wrong value",
        "pushwoosh.attempts": b"3",
        "pushwoosh.group": b"group-1",
        "pushwoosh.request_id": b"r-9",
        "pushwoosh.http_status": b"200",
        "pushwoosh.job_status": b"Completed",
        "pushwoosh.device_status": b"done",
        "pushwoosh.refused_tags": b'{"plan":"wrong value"}',
        "pushwoosh.first_attempt": b"2023-11-14T22:13:20.000Z",
        "pushwoosh.last_attempt": b"2023-11-14T22:13:21.500Z",
    }


def test_what_is_not_known_is_left_out() -> None:
    letter = Letter(record(), Rejection(Reason.UNDECODABLE, "not UTF-8"))
    found = dict(headers(letter, "g", "c"))
    assert "pushwoosh.request_id" not in found
    assert "pushwoosh.first_attempt" not in found
    assert found["pushwoosh.attempts"] == b"0"
    assert found["__connect.errors.stage"] == b"VALUE_CONVERTER"


def test_the_source_headers_stay_in_order_with_doubles_and_nulls() -> None:
    theirs: Headers = [("a", b"\xff"), ("a", None), ("", b""), ("pushwoosh.campaign", b"spring")]
    assert made(record(theirs))[:4] == theirs


def test_source_headers_that_are_named_as_ours_stay_before_ours() -> None:
    theirs: Headers = [
        ("pushwoosh.reason", b"spring campaign"),
        ("__connect.errors.topic", b"upstream"),
        ("__connect.errors.exception.stacktrace", b"old"),
        ("pushwoosh.timestamp", None),
    ]
    found = made(record(theirs))
    assert found == [*theirs, *made(record())]
    assert dict(found)["pushwoosh.reason"] == b"tag_refused"


def test_a_time_that_could_not_be_kept_is_in_a_header() -> None:
    assert dict(made(record(), restamped=True))["pushwoosh.timestamp"] == b"1700000000000"
    assert "pushwoosh.timestamp" not in dict(made(record()))


def test_words_that_are_no_unicode_do_not_stop_a_letter() -> None:
    found = dict(made(record(), Rejection(Reason.INVALID_EVENT, "lone \ud800")))
    assert found["pushwoosh.detail"] == b"lone \\ud800"


class UnreadableHeaders(ARecord):
    """As the binding has a record with a header whose name is not UTF-8."""

    def headers(self) -> Headers | None:
        raise SystemError("returned a result with an exception set")  # seen with confluent-kafka 2.16


def test_a_record_whose_headers_cannot_be_read_gets_its_letter_all_the_same() -> None:
    made = dict(headers(Letter(record(kind=UnreadableHeaders), REFUSED), "group", "connector"))
    assert made["pushwoosh.headers"] == b"left out: a name is not UTF-8"
    assert made["pushwoosh.id"] == b"orders/2/77"


def test_no_text_of_the_api_makes_a_letter_large() -> None:
    endless = "\u20ac" * 1_000_000
    why = msgspec.structs.replace(REFUSED, detail=endless, request_id=endless, device_status=endless)
    for name, value in made(record(), why):
        assert value is not None
        assert len(value) <= MOST_TEXT_BYTES, name
        assert value.decode().endswith(" [...]") == (len(value) > 100)
