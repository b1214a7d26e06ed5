"""Each step of a producer ends in time, and is asked again where that can help."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka.letters import producer_steps as steps
from connector.kafka.letters.letter_topic import QUESTION_LIMIT

PASSING = KafkaException(KafkaError(KafkaError._TIMED_OUT, "later", False, True))
LASTING = KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "never"))


class Answering:
    """A producer whose calls each give the next answer: what is raised, or None. Counts them."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = iter(answers)
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*_: Any, **__: Any) -> None:
            self.calls.append(name)
            if name == "poll":
                return
            answer = next(self._answers)
            if answer is not None:
                raise answer

        return call


class Silent:
    """A producer whose calls never come back until the test ends."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self.released.wait()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(steps, "STEP_LIMIT", 0.01)
    monkeypatch.setattr(steps, "GRACE", 0.01)
    made = Silent()
    yield made
    made.released.set()


def test_offsets_that_pass_the_second_time_are_sent() -> None:
    producer: Any = Answering(PASSING, None)
    steps.send_offsets(producer, [], None)
    assert producer.calls == ["send_offsets_to_transaction"] * 2


def test_what_will_not_pass_is_not_asked_again() -> None:
    producer: Any = Answering(LASTING)
    with pytest.raises(KafkaException):
        steps.send_offsets(producer, [], None)


def test_a_call_that_never_comes_back_is_left_behind(silent: Any) -> None:
    with pytest.raises(steps.Unanswered, match="no answer in time"):
        steps.send_offsets(silent, [], None)


def test_a_commit_is_asked_about_until_its_outcome_is_known() -> None:
    producer: Any = Answering(PASSING, PASSING, None)
    steps.commit(producer, lambda: True)
    assert len(producer.calls) == 3


@pytest.mark.parametrize(("answer", "ask"), [(PASSING, False), (LASTING, True)])
def test_it_is_asked_once_where_nobody_wants_to_know_or_it_is_known(answer: Exception, ask: bool) -> None:
    producer: Any = Answering(answer)
    with pytest.raises(KafkaException):
        steps.commit(producer, lambda: ask)
    assert len(producer.calls) == 1


def test_to_ask_why_nothing_is_delivered_takes_no_more_time_than_a_transaction_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def wait(seconds: float) -> int:
        now[0] += seconds
        return 1

    def ask_why() -> None:
        wait(QUESTION_LIMIT + 1)

    producer: Any = SimpleNamespace(flush=wait)
    assert steps.flush(producer, ask_why) == 1
    assert now[0] < 10.0


def test_a_full_queue_is_waited_for() -> None:
    producer: Any = Answering(BufferError(), None)
    steps.hand_over(producer, "t", b"value", None)
    assert producer.calls == ["produce", "poll", "produce"]


def test_a_queue_that_stays_full_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_LIMIT", 0.0)
    producer: Any = Answering(BufferError())
    with pytest.raises(BufferError):
        steps.hand_over(producer, "t", b"value", None)


def test_callbacks_that_fail_stop_nobody() -> None:
    class Failing:
        polls = 0

        def poll(self, _: float) -> None:
            self.polls += 1
            raise LASTING

    failing: Any = Failing()
    steps.serve(failing)
    steps.serve(failing)
    assert failing.polls == 2
