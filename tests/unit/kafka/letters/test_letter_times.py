"""Letters whose time the broker or the client won't take."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError

from connector.kafka.letters.letter_times import before_time, untimely
from connector.model import Letter, Reason, Rejection
from tests.records import ARecord

NOW = int(time.time() * 1000)
HOUR = 3_600_000
WRONG_TIME = KafkaError(KafkaError.INVALID_TIMESTAMP)


def letter(milliseconds: int, kind: int = 1) -> Letter:
    record = ARecord(b"v", timestamp=(kind, milliseconds))
    return Letter(record, Rejection(Reason.UNDECODABLE, "Not JSON"))


def test_of_a_refused_batch_those_far_ahead_are_blamed_first() -> None:
    letters = [letter(NOW), letter(NOW + 2 * HOUR), letter(NOW - HOUR)]
    assert untimely(letters, dict.fromkeys(range(3), WRONG_TIME), one_by_one=False) == {1}


def test_if_none_is_far_ahead_nobody_is_blamed_until_each_goes_alone() -> None:
    letters = [letter(NOW), letter(NOW - HOUR)]
    assert untimely(letters, {0: WRONG_TIME, 1: WRONG_TIME}, one_by_one=False) == set()
    assert untimely(letters, {1: WRONG_TIME}, one_by_one=True) == {1}
    assert untimely(letters[:1], {0: WRONG_TIME}, one_by_one=False) == {0}


def test_other_failures_are_not_about_the_time() -> None:
    letters = [letter(NOW + 2 * HOUR)]
    assert untimely(letters, {0: KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)}, one_by_one=True) == set()


@pytest.mark.parametrize(
    ("kind", "milliseconds", "cannot"), [(1, 1, False), (1, 0, True), (1, -5, True), (0, 0, False)]
)
def test_the_client_cannot_write_1970_nor_what_is_before(
    kind: int, milliseconds: int, *, cannot: bool
) -> None:
    assert before_time(letter(milliseconds, kind)) == cannot
