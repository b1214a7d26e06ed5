"""Why letters could not be written: whose fault it was, and what is to be done."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.letters.unwritable import fenced_by, kind_of, own_fault, unwritable

TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
NO_TOPIC = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
PURGED = KafkaError(KafkaError._PURGE_QUEUE)


def test_letters_that_are_at_fault_are_named_and_the_others_are_not() -> None:
    failure = unwritable({0: PURGED, 2: TOO_LARGE, 5: TOO_LARGE})
    assert failure.kind == "letters"
    assert failure.refused == dict.fromkeys((2, 5), TOO_LARGE.str())
    assert failure.message == TOO_LARGE.str()


def test_of_errors_that_any_letter_would_have_met_the_telling_one_is_told() -> None:
    failure = unwritable({0: PURGED, 1: NO_TOPIC})
    assert (failure.kind, failure.message, failure.refused) == ("topic_missing", NO_TOPIC.str(), {})


def test_what_has_no_name_may_go_later() -> None:
    assert kind_of(PURGED) == "unavailable"
    assert not own_fault(PURGED)


@pytest.mark.parametrize(
    ("code", "by"),
    [
        (KafkaError._FENCED, "producer"),
        (KafkaError.INVALID_PRODUCER_EPOCH, "producer"),
        (KafkaError.ILLEGAL_GENERATION, "group"),
        (KafkaError.STALE_MEMBER_EPOCH, "group"),
        (KafkaError.MSG_SIZE_TOO_LARGE, None),
    ],
)
def test_who_is_shut_out_knows_by_whom(code: int, by: str | None) -> None:
    assert fenced_by(KafkaError(code)) == by
