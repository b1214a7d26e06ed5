"""What is told of letters that can't be written, and when that is over."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka.letters import dead_letters
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.kafka.troubles import Phase, Trouble
from connector.model import Letter, Position, Reason, Rejection, TopicPartition
from tests.records import ARecord
from tests.unit.fakes import until
from tests.unit.kafka.producer import FakeBroker

LETTERS = [Letter(ARecord(b"large"), Rejection(Reason.DEVICE_NOT_FOUND, "no such device"))]
POSITIONS = {TopicPartition("events", 0): Position(8, "")}


async def test_a_coordinator_that_is_back_is_no_trouble_though_the_topic_refuses_the_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: 0.0)
    broker.fails["commit_transaction"] = KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer"))
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    broker.refuses = lambda _: KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert [(trouble.code, trouble.phase) for trouble in troubles] == [
        ("transactions_unavailable", Phase.BEGAN),
        ("letter_too_large", Phase.BEGAN),
        ("transactions_unavailable", Phase.ENDED),
    ]
    assert not letters.troubles.blocking


async def test_where_too_few_replicas_are_in_sync_no_transaction_is_begun_until_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: 0.0)
    broker.silent = broker.too_few_replicas = True
    for _ in range(3):
        with pytest.raises(LettersUnwritable, match=r"min\.insync\.replicas"):
            await letters.write(LETTERS, POSITIONS, b"member")
    assert broker.steps == ["begin_transaction"]
    broker.silent = broker.too_few_replicas = False
    await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert [(trouble.code, trouble.phase) for trouble in troubles] == [
        ("too_few_replicas", Phase.BEGAN),
        ("too_few_replicas", Phase.ENDED),
    ]
    assert broker.replicas_asked == 4
    assert len(broker.topic) == 1


async def test_nobody_asks_for_replicas_while_letters_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = FakeBroker(monkeypatch)
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", lambda _: None, lambda: 0.0)
    await letters.write(LETTERS, POSITIONS, b"member")
    await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert broker.replicas_asked == 0


async def test_a_refused_letter_is_a_trouble_until_it_is_written_whatever_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: 0.0)
    other = [Letter(ARecord(b"small", offset=8), LETTERS[0].rejection)]
    broker.refuses = lambda sent: KafkaError(KafkaError.INVALID_RECORD) if sent.value == b"large" else None
    for _ in range(2):
        with pytest.raises(LettersUnwritable):
            await letters.write(LETTERS, POSITIONS, b"member")
        await letters.write(other, POSITIONS, b"member")
    assert [(trouble.code, trouble.phase) for trouble in troubles] == [("letter_refused", Phase.BEGAN)]
    broker.refuses = lambda _: None
    await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert letters.troubles.active == []


async def test_a_refused_letter_is_nobodys_trouble_here_once_its_partition_is_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles, now = FakeBroker(monkeypatch), list[Trouble](), [0.0]
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: now[0])
    broker.refuses = lambda _: KafkaError(KafkaError.INVALID_RECORD)
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    record = LETTERS[0].record
    letters.let_go({TopicPartition(record.topic(), record.partition() + 1)})
    assert [trouble.code for trouble in letters.troubles.active] == ["letter_refused"]
    letters.let_go({TopicPartition(record.topic(), record.partition())})
    assert letters.troubles.active == []
    await letters.close()


async def test_what_kept_letters_from_their_topic_is_over_once_it_is_mended_though_they_are_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    monkeypatch.setattr(dead_letters, "REOPEN_EVERY", 0.001)
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: 0.0)
    await letters.start()
    await until(lambda: letters._opening is not None and letters._opening.done())
    broker.unknown_topics = True
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    record = LETTERS[0].record
    letters.let_go({TopicPartition(record.topic(), record.partition())})
    asked = broker.topics_asked
    await until(lambda: broker.topics_asked > asked + 2)
    assert [trouble.code for trouble in letters.troubles.active] == ["topic_missing"]
    broker.unknown_topics = False
    await until(lambda: not letters.troubles.active)
    await letters.close()


async def test_that_another_process_has_its_name_stays_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened again: the other one works with that name."""
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    letters = DeadLetters(
        {"transaction.timeout.ms": 60_000},
        "dead",
        "g",
        "exactly_once",
        "id",
        "c",
        troubles.append,
        lambda: 0.0,
    )
    await letters.start()
    await until(lambda: letters._opening is not None and letters._opening.done())
    broker.unknown_topics = True
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    broker.unknown_topics = False
    broker.fails["commit_transaction"] = KafkaException(KafkaError(KafkaError.PRODUCER_FENCED))
    with pytest.raises(Fenced):
        await letters.write(LETTERS, POSITIONS, b"member")
    record = LETTERS[0].record
    opening = letters._opening
    letters.let_go({TopicPartition(record.topic(), record.partition())})
    await until(lambda: letters._opening is not opening and letters._opening.done())  # type: ignore[union-attr]
    assert "fenced" in [trouble.code for trouble in letters.troubles.active]
    assert ("fenced", Phase.ENDED) not in [(trouble.code, trouble.phase) for trouble in troubles]
    assert broker.opened == 1
    await letters.close()


async def test_while_this_process_may_have_been_replaced_no_other_producer_takes_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, properties = FakeBroker(monkeypatch), {"transaction.timeout.ms": 0}
    letters = DeadLetters(
        properties,
        "dead",
        "g",
        "exactly_once",
        "id",
        "c",
        lambda _: None,
        lambda: 0.0,
        may_reopen=lambda: False,
    )
    broker.fails["commit_transaction"] = KafkaException(KafkaError(KafkaError.PRODUCER_FENCED))
    with pytest.raises(LettersUnwritable, match="took too long"):
        await letters.write(LETTERS, POSITIONS, b"member")
    with pytest.raises(Fenced) as fenced:
        await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert (fenced.value.by, broker.opened) == ("group", 1)


async def test_what_is_let_go_at_the_end_opens_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = FakeBroker(monkeypatch)
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", lambda _: None, lambda: 0.0)
    await letters.start()
    await until(lambda: letters._opening is not None and letters._opening.done())
    broker.unknown_topics = True
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    opened = letters._opening
    record = LETTERS[0].record
    letters.let_go({TopicPartition(record.topic(), record.partition())})
    assert letters._opening is opened


async def test_a_missing_topic_of_the_source_is_not_said_to_be_that_of_the_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, troubles = FakeBroker(monkeypatch), list[Trouble]()
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", troubles.append, lambda: 0.0)
    gone = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    broker.fails["send_offsets_to_transaction"] = gone
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert [(trouble.code, trouble.subject) for trouble in troubles] == [("topic_missing", "events")]


async def test_a_refused_letter_is_a_trouble_also_while_it_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is written while the brake halts, nor what lies too far ahead to be remembered."""
    broker, now = FakeBroker(monkeypatch), [0.0]
    monkeypatch.setattr(dead_letters, "SERVE_EVERY", 0.001)
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", lambda _: None, lambda: now[0])
    await letters.start()
    broker.refuses = lambda _: KafkaError(KafkaError.INVALID_RECORD)
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    now[0] = 3600.0
    served = broker.polls
    await until(lambda: broker.polls > served + 1)
    assert [trouble.code for trouble in letters.troubles.active] == ["letter_refused"]
    await letters.close()


@pytest.mark.parametrize(
    ("error", "asked"),
    [(KafkaError(KafkaError.INVALID_RECORD), 0), (KafkaError(KafkaError._TIMED_OUT, "no answer"), 1)],
)
async def test_replicas_are_asked_for_only_after_a_failure_that_they_may_have_caused(
    monkeypatch: pytest.MonkeyPatch, error: KafkaError, asked: int
) -> None:
    broker = FakeBroker(monkeypatch)
    letters = DeadLetters({}, "dead", "g", "exactly_once", "id", "c", lambda _: None, lambda: 0.0)
    broker.refuses = lambda _: error
    with pytest.raises(LettersUnwritable):
        await letters.write(LETTERS, POSITIONS, b"member")
    broker.refuses = lambda _: None
    for _ in range(2):
        await letters.write(LETTERS, POSITIONS, b"member")
    await letters.close()
    assert broker.replicas_asked == asked
