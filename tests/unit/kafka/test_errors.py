"""What librdkafka's error codes say, wherever they are met."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.errors import OBSTACLES, OUT_OF_GROUP, RECORD_REFUSED
from connector.kafka.group.commit_refused import refusal
from connector.kafka.letters.unwritable import fenced_by, kind_of, own_fault
from connector.kafka.troubles import MENDS, code_of


@pytest.mark.parametrize("code", sorted(OBSTACLES))
def test_an_obstacle_has_one_word_and_a_mend_wherever_it_is_met(code: int) -> None:
    error = KafkaError(code)
    assert code_of(error) == kind_of(error) == OBSTACLES[code]
    assert OBSTACLES[code] in MENDS


@pytest.mark.parametrize("code", sorted(OUT_OF_GROUP))
def test_who_is_out_of_the_group_commits_nothing_with_a_transaction_or_without(code: int) -> None:
    assert refusal(KafkaError(code)).kind == "fenced"
    assert fenced_by(KafkaError(code)) == "group"


def test_an_epoch_that_is_old_is_a_member_s_that_is_still_there() -> None:
    """The consumer commits again with its newest one; a transaction has to be given it."""
    stale = KafkaError(KafkaError.STALE_MEMBER_EPOCH)
    assert refusal(stale).kind == "retry"
    assert fenced_by(stale) == "group"


def test_a_time_is_refused_of_a_letter_only_which_has_its_source_record_s() -> None:
    assert own_fault(KafkaError(KafkaError.INVALID_TIMESTAMP))
    assert KafkaError.INVALID_TIMESTAMP not in RECORD_REFUSED
