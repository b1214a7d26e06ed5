"""The producer of a broker that a test writes: what it refuses, what was asked, what is in its topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.letters import dead_letters
from connector.kafka.letters import letter_producer as module
from connector.kafka.letters import producer_steps as steps
from connector.kafka.letters.unwritable import LettersUnwritable


class Sent(NamedTuple):
    value: bytes
    timestamp: int


class FakeBroker:
    """Knows all producers of one transactional id, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = 0
        self.steps: list[str] = []
        """Of transactions, in order."""
        self.topic: list[Sent] = []
        """What readers of committed records see."""
        self.positions: list[KafkaTopicPartition] = []
        self.refuses: Callable[[Sent], KafkaError | None] = lambda _: None
        """A batch with a letter that it refuses is refused as a whole, as Kafka does."""
        self.fails: dict[str, Exception] = {}
        """What the next call of a step raises."""
        self.silent = False
        """No letter is acknowledged."""
        self.polls = 0
        """Calls of all producers that serve callbacks."""
        self.polls_before_report: int | None = None
        """A letter that it refuses fails the transaction at once, and is reported so many polls later."""
        monkeypatch.setattr(steps, "Producer", lambda properties: FakeProducer(self, properties))
        self.topics_asked = self.replicas_asked = 0
        self.unknown_topics = False
        self.too_few_replicas = False
        monkeypatch.setattr(module, "check_right", lambda *_: None)
        for each in (module, dead_letters):
            monkeypatch.setattr(each, "check_replicas", self._check_replicas)

    def _check_replicas(self, *_: object) -> None:
        self.replicas_asked += 1
        if self.too_few_replicas:
            raise LettersUnwritable("too_few_replicas", "min.insync.replicas is 2, 0 has 1")


class FakeProducer:
    """`Producer` as far as letters need it."""

    def __init__(self, broker: FakeBroker, properties: Mapping[str, Any]) -> None:
        self._broker = broker
        self._transactional = "transactional.id" in properties
        self._queue: list[tuple[Sent, Callable[[KafkaError | None, Message], None] | None]] = []
        self._open: list[Sent] = []
        """What the transaction has so far."""
        self._offsets: list[KafkaTopicPartition] = []
        broker.opened += 1

    def init_transactions(self, _: float) -> None:
        """Nothing was left open."""

    def list_topics(self, topic: str, _: float) -> Any:
        self._broker.topics_asked += 1
        unknown = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if self._broker.unknown_topics else None
        return SimpleNamespace(topics={topic: SimpleNamespace(error=unknown)})

    def poll(self, limit: float) -> None:
        """Call what is due: as a rule nothing."""
        self._broker.polls += 1
        waits = self._broker.polls_before_report
        if limit and waits is not None:
            self._broker.polls_before_report = waits - 1
            if not waits:
                self.flush(limit)

    def purge(self) -> None:
        self._queue.clear()

    def produce(self, _topic: str, value: bytes, _key: bytes | None, **more: Any) -> None:
        self._fail("produce")
        if self._broker.polls_before_report is not None and any(
            self._broker.refuses(sent) for sent, _ in self._queue
        ):
            raise KafkaException(KafkaError(KafkaError._STATE, "Unable to produce message"))
        self._queue.append((Sent(value, more["timestamp"]), more["on_delivery"]))

    def flush(self, _: float) -> int:
        if self._broker.silent:
            return len(self._queue)
        batch, self._queue = self._queue, []
        refusal = next(filter(None, (self._broker.refuses(sent) for sent, _ in batch)), None)
        for sent, told in batch:
            if refusal is None:
                (self._open if self._transactional else self._broker.topic).append(sent)
            if told is not None:
                told(refusal, Message(topic="dead", partition=0, offset=0, value=sent.value))
        return 0

    def begin_transaction(self) -> None:
        self._step("begin_transaction")

    def send_offsets_to_transaction(self, offsets: list[KafkaTopicPartition], *_: Any) -> None:
        self._step("send_offsets_to_transaction")
        self._offsets = offsets

    def commit_transaction(self, _: float) -> None:
        self._step("commit_transaction")
        self._broker.topic += self._open
        self._broker.positions += self._offsets
        self._open, self._offsets = [], []

    def abort_transaction(self, _: float) -> None:
        self._step("abort_transaction")
        self._open, self._offsets = [], []

    def _step(self, name: str) -> None:
        self._broker.steps.append(name)
        self._fail(name)

    def _fail(self, name: str) -> None:
        failure = self._broker.fails.pop(name, None)
        if failure is not None:
            raise failure
