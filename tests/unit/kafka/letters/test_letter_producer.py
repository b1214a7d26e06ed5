"""The dead-letter producer: letters with their positions, or neither, whatever becomes of its producer."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.letters import letter_producer as module
from connector.kafka.letters.letter_producer import LetterProducer
from connector.kafka.letters.letter_times import NO_TIMESTAMP
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.model import Letter, Reason, Rejection
from tests.records import WRITTEN_AT, ARecord
from tests.unit.kafka.producer import FakeBroker, Sent

POSITIONS = [KafkaTopicPartition("events", 0, 8)]
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")
WRONG_TIME = KafkaError(KafkaError.INVALID_TIMESTAMP, "wrong time")
FENCED = KafkaException(KafkaError(KafkaError.PRODUCER_FENCED))
WHOLE = ["begin_transaction", "send_offsets_to_transaction", "commit_transaction"]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    return FakeBroker(monkeypatch)


def producer(*, transactional: bool = True, lifetime: float = 60) -> LetterProducer:
    properties = {"transactional.id": "c", "transaction.timeout.ms": lifetime * 1000} if transactional else {}
    return LetterProducer(properties, "dead", "g", "c")


def letters(*values: bytes, timestamp: tuple[int, int] = (1, WRITTEN_AT)) -> list[Letter]:
    why = Rejection(Reason.DEVICE_NOT_FOUND, "no such device")
    return [Letter(ARecord(value, timestamp=timestamp), why) for value in values]


def write(writer: LetterProducer, found: Sequence[Letter]) -> None:
    writer.write(found, POSITIONS, b"member")


def values(broker: FakeBroker) -> list[bytes]:
    return [sent.value for sent in broker.topic]


# -- what is written ---------------------------------------------------------------------------------


def test_letters_and_positions_are_one_transaction_of_one_producer(broker: FakeBroker) -> None:
    writer = producer()
    for value in (b"1", b"2"):
        write(writer, letters(value))
    assert values(broker) == [b"1", b"2"]
    assert broker.positions == POSITIONS * 2
    assert (broker.steps, broker.opened) == (WHOLE * 2, 1)


def test_without_transactions_positions_are_not_its_business(broker: FakeBroker) -> None:
    write(producer(transactional=False), letters(b"1"))
    assert values(broker) == [b"1"]
    assert (broker.steps, broker.positions) == ([], [])


def test_a_letter_that_is_refused_is_named_and_nothing_is_committed(broker: FakeBroker) -> None:
    broker.refuses = lambda sent: TOO_LARGE if sent.value == b"large" else None
    writer = producer()
    with pytest.raises(LettersUnwritable) as unwritable:
        write(writer, letters(b"1", b"large", b"3"))
    assert (unwritable.value.kind, unwritable.value.refused) == ("letters", {1: "too large"})
    assert (broker.topic, broker.positions) == ([], [])
    assert broker.steps[-1] == "abort_transaction"
    write(writer, letters(b"1", b"3"))
    assert values(broker) == [b"1", b"3"]


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_a_letter_that_fails_the_transaction_while_others_are_handed_over_is_why(
    broker: FakeBroker, polls: int
) -> None:
    broker.refuses = lambda sent: TOO_LARGE if sent.value == b"large" else None
    broker.polls_before_report = polls
    with pytest.raises(LettersUnwritable) as unwritable:
        write(producer(), letters(b"large", b"2", b"3"))
    assert (unwritable.value.kind, unwritable.value.refused) == ("letters", {0: "too large"})
    assert broker.steps == ["begin_transaction", "abort_transaction"] * 2  # all at once, then each alone


def test_a_transaction_that_failed_without_any_report_is_aborted(
    broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPORT_LIMIT", 0.01)
    broker.fails["produce"] = KafkaException(KafkaError(KafkaError._STATE, "it has failed"))
    with pytest.raises(LettersUnwritable, match="it has failed"):
        write(producer(), letters(b"1"))
    assert broker.steps == ["begin_transaction", "abort_transaction"]


def test_letters_that_nobody_acknowledges_leave_no_transaction_open(broker: FakeBroker) -> None:
    broker.silent = True
    with pytest.raises(LettersUnwritable, match="2 letters were not acknowledged") as unwritable:
        write(producer(), letters(b"1", b"2"))
    assert unwritable.value.kind == "unavailable"
    assert broker.steps == ["begin_transaction", "abort_transaction"]


def test_without_transactions_too_a_new_producer_writes_what_nobody_acknowledged(broker: FakeBroker) -> None:
    """What is purged leaves a hole in an idempotent producer's sequence numbers, which is fatal to it."""
    writer = producer(transactional=False)
    broker.silent = True
    with pytest.raises(LettersUnwritable, match="1 letters were not acknowledged"):
        write(writer, letters(b"1"))
    broker.silent = False
    write(writer, letters(b"1"))
    assert broker.opened == 2


def test_a_queue_that_stays_full_leaves_no_transaction_open(
    broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.letters.producer_steps.STEP_LIMIT", 0.0)
    broker.fails["produce"] = BufferError()
    with pytest.raises(LettersUnwritable, match="queue stays full"):
        write(producer(), letters(b"1"))
    assert broker.steps == ["begin_transaction", "abort_transaction"]


# -- times -------------------------------------------------------------------------------------------


def test_a_letter_has_the_time_of_its_record(broker: FakeBroker) -> None:
    write(producer(), letters(b"1"))
    assert broker.topic == [Sent(b"1", WRITTEN_AT)]


def test_a_time_that_the_broker_will_not_take_is_left_out_for_that_letter_alone(broker: FakeBroker) -> None:
    ahead = int(time.time() * 1000) + 7_200_000
    broker.refuses = lambda sent: WRONG_TIME if sent.timestamp == ahead else None
    write(producer(), [*letters(b"1"), *letters(b"2", timestamp=(1, ahead))])
    assert broker.topic == [Sent(b"1", WRITTEN_AT), Sent(b"2", NO_TIMESTAMP)]


def test_each_letter_goes_alone_where_the_broker_does_not_say_whose_time_is_wrong(broker: FakeBroker) -> None:
    broker.refuses = lambda sent: WRONG_TIME if sent == (b"2", WRITTEN_AT) else None
    write(producer(), letters(b"1", b"2", b"3"))
    assert broker.topic == [Sent(b"1", WRITTEN_AT), Sent(b"2", NO_TIMESTAMP), Sent(b"3", WRITTEN_AT)]


# -- which producer comes next ---------------------------------------------------------------------------


def test_who_is_fenced_by_the_group_keeps_its_producer(broker: FakeBroker) -> None:
    broker.fails["send_offsets_to_transaction"] = KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION))
    writer = producer()
    with pytest.raises(Fenced) as fenced:
        write(writer, letters(b"1"))
    assert fenced.value.by == "group"
    write(writer, letters(b"1"))
    assert (values(broker), broker.opened) == ([b"1"], 1)


@pytest.mark.parametrize("step", ["commit_transaction", "abort_transaction"])
def test_who_is_fenced_by_its_own_name_never_opens_another_producer(broker: FakeBroker, step: str) -> None:
    """It would shut out the other one, which has that name now."""
    broker.silent = step == "abort_transaction"
    broker.fails[step] = FENCED
    writer = producer()
    for _ in range(3):
        with pytest.raises(Fenced) as fenced:
            write(writer, letters(b"1"))
        assert fenced.value.by == "producer"
    assert (values(broker), broker.opened) == ([], 1)


def test_who_was_too_slow_opens_another_producer(broker: FakeBroker) -> None:
    broker.fails["commit_transaction"] = FENCED
    writer = producer(lifetime=0)
    with pytest.raises(LettersUnwritable):
        write(writer, letters(b"1"))
    write(writer, letters(b"1"))
    assert (values(broker), broker.opened) == ([b"1"], 2)


def test_who_is_fenced_after_the_transaction_s_time_has_run_out_was_too_slow(broker: FakeBroker) -> None:
    broker.fails["commit_transaction"] = FENCED
    with pytest.raises(LettersUnwritable, match="took too long"):
        write(producer(lifetime=0), letters(b"1"))


def test_an_abort_that_fails_is_left_to_the_next_producer(broker: FakeBroker) -> None:
    broker.silent = True
    broker.fails["abort_transaction"] = KafkaException(KafkaError(KafkaError._STATE))
    writer = producer()
    with pytest.raises(LettersUnwritable):
        write(writer, letters(b"1"))
    broker.silent = False
    write(writer, letters(b"1"))
    assert (values(broker), broker.opened) == ([b"1"], 2)


# -- doubt -------------------------------------------------------------------------------------------


def test_a_connection_lost_after_a_commit_leaves_it_in_doubt_until_the_next_one(
    broker: FakeBroker,
) -> None:
    writer = producer()
    doubts = [_in_doubt(writer)]
    write(writer, letters(b"1"))
    doubts.append(_in_doubt(writer))
    writer._kept._keep_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "down"))
    doubts.append(_in_doubt(writer))
    write(writer, [])
    doubts.append(_in_doubt(writer))
    assert doubts == [False, False, True, False]
    assert values(broker) == [b"1"]


def _in_doubt(writer: LetterProducer) -> bool:
    return writer.doubt.there


def test_what_is_complete_is_not_undone(broker: FakeBroker) -> None:
    writer = producer()
    write(writer, letters(b"1"))
    with pytest.raises(LettersUnwritable, match="is complete"):
        writer.undo(b"member")
    assert broker.steps == WHOLE


def test_what_is_undone_is_sent_again_and_aborted(
    broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = producer()
    write(writer, letters(b"1"))
    writer.doubt.connection_lost()
    monkeypatch.setattr(writer.doubt, "incomplete", lambda *_: True)
    writer.undo(b"member")
    assert broker.steps == [*WHOLE, "begin_transaction", "send_offsets_to_transaction", "abort_transaction"]
    assert values(broker) == [b"1"]
    assert not writer.doubt.there
