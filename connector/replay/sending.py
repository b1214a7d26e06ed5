"""Sends letters back to their source topics: each batch and the progress that it makes in one transaction.

The transactional id is the same for every run of a group: a second one fences the first instead of sending
beside it, and what a killed run left open is aborted when the next one opens. Where the configuration says
`at_least_once`, an idempotent producer sends, and the progress is committed after it.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from connector.kafka.clients.given import to_producer
from connector.kafka.clients.properties import producer_properties
from connector.kafka.errors import ERRORS, PRODUCER_FENCED, RECORD_REFUSED, error_in
from connector.kafka.letters import producer_steps as steps
from connector.model import Position, TopicPartition
from connector.options import Failed
from connector.replay.failed import failure
from connector.replay.letter import DeadLetter, headers_again
from connector.replay.reading import Reader, as_offsets
from connector.replay.replaying import Ready
from connector.settings import Kafka

_OUTCOME_LIMIT = 60.0
"""Seconds in which a commit's outcome is asked for."""
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


class SourceSender:
    """Sends batches. `partitions` are those that each source topic has."""

    def __init__(self, kafka: Kafka, reader: Reader, partitions: Mapping[str, Collection[int]]) -> None:
        self.transactional_id = f"{kafka.transactional_id or kafka.group_id}-dead-letters-replay"
        self._transactional = kafka.dead_letter_delivery == "exactly_once"
        own_id = self.transactional_id if self._transactional else None
        self._properties = producer_properties(to_producer(kafka), own_id)
        self._reader = reader
        self._partitions = partitions
        self._producer: Producer | None = None
        self._mends = {
            "topic_authorization": "grant WRITE on the source topics that letters go back to",
            "transactional_id_authorization": f"grant WRITE on transactional id {self.transactional_id}",
            "group_authorization": f"grant READ on group {reader.group}: it keeps what was sent again",
        }

    def open(self) -> None:
        """Connect; end what a killed run left open."""
        self._opened()

    def send(self, batch: Sequence[Ready], positions: Mapping[TopicPartition, Position]) -> dict[int, str]:
        """Send all of them and commit the positions, or nothing at all.

        Returns why, by index, where the topic refuses some for what they are: then nothing was sent. Raises
        Failed for everything else that went wrong.
        """
        producer = self._opened()
        done = False
        try:
            if self._transactional:
                producer.begin_transaction()
            refused = self._produce(producer, batch)
            if not refused:
                if self._transactional:
                    steps.send_offsets(producer, as_offsets(positions), self._reader.group_metadata())
                    deadline = time.monotonic() + _OUTCOME_LIMIT
                    steps.commit(producer, lambda: time.monotonic() < deadline)
                else:
                    self._reader.commit(positions)
                done = True
        except steps.Unanswered as unanswered:
            self._producer = None
            raise Failed(f"sending: {unanswered}; nothing of this batch was sent, try again") from unanswered
        except ERRORS as error:
            raise self._explained(error) from error
        finally:
            if not done and self._producer is producer:
                self._abort(producer)
        return refused

    def _opened(self) -> Producer:
        if self._producer is None:
            try:
                self._producer = steps.opened(self._properties)
            except ERRORS as error:
                raise self._explained(error) from error
        return self._producer

    def _produce(self, producer: Producer, batch: Sequence[Ready]) -> dict[int, str]:
        """Hand them over and wait for every acknowledgement; return those refused for what they are."""
        failures: dict[int, KafkaError] = {}
        for index, ready in enumerate(batch):
            try:
                self._hand_over(producer, ready.letter, partial(_delivered, failures, index))
            except ERRORS as error:
                found = error_in(error)
                if found is None or found.code() not in RECORD_REFUSED:
                    raise
                failures[index] = found
                break
        left = producer.flush(steps.STEP_LIMIT)
        refused = {index: told.str() for index, told in failures.items() if told.code() in RECORD_REFUSED}
        for index, told in failures.items() if not refused else ():
            if self._transactional and told.code() in _PURGED:
                producer.commit_transaction(steps.STEP_LIMIT)  # fails, and says by what
            raise failure(f"sending to {batch[index].letter.id.split('/')[0]}", told, self._mends)
        if left and not refused:
            within = f"within {steps.STEP_LIMIT:g} s"
            raise Failed(f"sending: {left} records were not acknowledged {within}; try again")
        return refused

    def _hand_over(self, producer: Producer, letter: DeadLetter, on_delivery: object) -> None:
        """Give it to the partition it came from, whoever chose that: there its device's other events are."""
        if letter.source is None:
            raise Failed(f"letter at {letter.place}/{letter.offset} has no source")
        topic, partition = letter.source
        there = partition in self._partitions.get(topic, ())
        try:
            steps.hand_over(
                producer,
                topic,
                letter.record.value(),
                letter.record.key(),
                partition=partition if there else -1,
                on_delivery=on_delivery,
                headers=headers_again(letter),
            )
        except BufferError as full:
            raise Failed("sending: the producer's queue stays full; try again") from full

    def _abort(self, producer: Producer) -> None:
        """Nothing of the batch may stay. The next batch gets a new producer, whose opening aborts as well."""
        self._producer = None
        with contextlib.suppress(*ERRORS):
            if self._transactional:
                producer.abort_transaction(steps.STEP_LIMIT)
            producer.purge()
            producer.poll(0)

    def _explained(self, error: BaseException) -> Failed:
        found = error_in(error)
        if found is not None and found.code() in PRODUCER_FENCED:
            return Failed(
                f"another replay of this group has begun ({self.transactional_id}): this one ends; "
                "nothing is sent twice, run it again when the other one is done"
            )
        return failure("sending", error, self._mends)


def _delivered(
    failures: dict[int, KafkaError], index: int, error: KafkaError | None, _message: Message
) -> None:
    if error is not None:
        failures[index] = error
