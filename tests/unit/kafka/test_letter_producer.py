"""When the last transaction of the dead-letter producer is in doubt: without librdkafka."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from connector.kafka.letter_producer import LetterProducer

LOST = KafkaError(KafkaError._ALL_BROKERS_DOWN)
NOT_YET: Any = KafkaException(cast("Any", KafkaError)(KafkaError._TIMED_OUT, "not yet", retriable=True))


class Scripted:
    """A producer whose commits and polls do what a test says."""

    def __init__(self, *commits: Callable[[], None], polls: Callable[[], None] = lambda: None) -> None:
        self._commits = list(commits)
        self._polls = polls

    def poll(self, _timeout: float) -> int:
        self._polls()
        return 0

    def commit_transaction(self, _timeout: float) -> None:
        if self._commits:
            self._commits.pop(0)()


def letters() -> LetterProducer:
    return LetterProducer({"transactional.id": "an id"}, "dead", "group", "name")


def end(it: LetterProducer, producer: Scripted, *, completing: bool = True, patient: bool = True) -> None:
    it._end(cast("Producer", producer), completing=completing, patient=patient)


def test_a_connection_that_is_lost_after_a_commit_is_a_doubt_and_one_before_it_is_none() -> None:
    it = letters()
    it._keep_error(LOST)
    assert not it.doubtful
    end(it, Scripted())
    assert not it.doubtful
    it._keep_error(LOST)
    assert it.doubtful


def test_the_next_transaction_ends_the_doubt_if_it_has_positions() -> None:
    it = letters()
    end(it, Scripted())
    it._keep_error(LOST)
    end(it, Scripted(), completing=False)
    assert it.doubtful
    end(it, Scripted())
    assert not it.doubtful


def test_a_connection_that_is_lost_while_the_outcome_is_asked_for_is_a_doubt_about_this_one() -> None:
    it = letters()

    def lost() -> None:
        it._keep_error(LOST)
        raise NOT_YET

    end(it, Scripted(lost))
    assert it.doubtful


def test_what_is_told_late_of_before_the_commit_is_no_doubt_about_it() -> None:
    it = letters()
    end(it, Scripted(polls=lambda: it._keep_error(LOST)))
    assert not it.doubtful


def test_a_commit_that_fails_is_in_doubt_and_without_letters_it_is_asked_about_once() -> None:
    it = letters()

    def not_yet() -> None:
        raise NOT_YET

    with pytest.raises(KafkaException):
        end(it, Scripted(not_yet), patient=False)
    assert it.doubtful
