"""The dead-letter producer, driven from one worker thread, by transactions or without.

No transaction stays open: while one with offsets is, nobody can read those of its partitions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.errors import ERRORS, error_in
from connector.kafka.letters import producer_steps as steps
from connector.kafka.letters.doubt import Committed, Doubt
from connector.kafka.letters.kept_producer import KeptProducer
from connector.kafka.letters.letter import headers
from connector.kafka.letters.letter_times import NO_TIMESTAMP, before_time, untimely
from connector.kafka.letters.letter_topic import check_replicas, check_right, check_topic
from connector.kafka.letters.unwritable import (
    Fenced,
    LettersUnwritable,
    fenced_by,
    kind_of,
    own_fault,
    unwritable,
)
from connector.model import Letter

REPORT_LIMIT = 1.0
"""Seconds for the report of what failed a transaction; it is there already as a rule."""


class LetterProducer:
    """Writes letters, in transactions or not. Not thread-safe, except for `stop` and `doubt`."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        topic: str,
        group_id: str,
        connector_name: str,
        may_reopen: Callable[[], bool] = lambda: True,
    ) -> None:
        self.doubt = Doubt()
        self._kept = KeptProducer(properties, self.doubt.connection_lost, may_reopen)
        self._properties = self._kept.properties
        self._transactional = self._kept.transactional
        self._topic = topic
        self._group_id = group_id
        self._headers = partial(headers, group_id=group_id, connector_name=connector_name)
        self._stopping = threading.Event()

    @property
    def errors(self) -> list[KafkaError]:
        """What librdkafka has reported to its callback alone; who has told of it clears it."""
        return self._kept.errors

    def open(self) -> None:
        """Connect and look for the topic. Raises as `write`.

        Aborts what a predecessor of the same transactional id left open.
        """
        check_topic(self._opened(), self._topic)
        check_right(self._properties, self._topic)

    def serve(self) -> None:
        """Serve callbacks that are due: see `KeptProducer`."""
        self._kept.serve()

    def stop(self) -> None:
        """Stop asking for the outcome of a commit that has no answer."""
        self._stopping.set()

    def close(self) -> None:
        """Drop the producer. What isn't finished is aborted by the broker's time-out."""
        self._kept.drop()

    def write(
        self, letters: Sequence[Letter], offsets: list[KafkaTopicPartition], group_metadata: Any
    ) -> None:
        """Write all, and in transactions the offsets with them. Raises LettersUnwritable or Fenced."""
        self._kept.renew()
        if letters:
            check_topic(self._opened(), self._topic)
        restamped = {i for i, letter in enumerate(letters) if before_time(letter)}
        one_by_one = False
        while True:
            failures = self._attempt(letters, restamped, offsets, group_metadata, one_by_one=one_by_one)
            if not failures:
                return
            wrongly_timed = untimely(letters, failures, one_by_one=one_by_one) - restamped
            if wrongly_timed:
                restamped |= wrongly_timed
            elif not one_by_one and len(letters) > 1 and any(map(own_fault, failures.values())):
                one_by_one = True  # the broker refused a batch: each letter alone tells which it was
            else:
                failure = unwritable(failures)
                if failure.kind == "unavailable":
                    # In a transaction a refused letter is only said to be purged.
                    check_right(self._properties, self._topic)
                raise failure

    def undo(self, group_metadata: Any) -> None:
        """End the transaction in doubt as if it had never been, if it keeps offsets back. Raises as `write`.

        One that is aborted does that, if it touches the same partitions: its markers are the first there.
        For one whose partitions nobody here owns any more: their records are read again.
        """
        self._kept.renew()
        if not self.doubt.incomplete(self._properties, self._group_id):
            raise LettersUnwritable("unavailable", "the last transaction is complete, or nobody can tell")
        producer = self._opened()
        with self._all_or_nothing(producer):
            self._kept.begin(producer)
            for letter, partition in self.doubt.last.letters:
                self._send(producer, letter, True, None, partition)  # nobody will see its time
            producer.flush(steps.STEP_LIMIT)
            steps.send_offsets(producer, self.doubt.last.offsets, group_metadata)
            producer.abort_transaction(steps.STEP_LIMIT)
        self.doubt.end()

    def _attempt(
        self,
        letters: Sequence[Letter],
        restamped: set[int],
        offsets: list[KafkaTopicPartition],
        group_metadata: Any,
        *,
        one_by_one: bool,
    ) -> dict[int, KafkaError]:
        """Try once; failures by index, and then nothing was committed."""
        producer = self._opened()
        with self._all_or_nothing(producer):
            if self._transactional:
                self._kept.begin(producer)
            partitions: dict[int, int] = {}
            failures = self._produce(producer, letters, restamped, partitions, one_by_one=one_by_one)
            if failures:
                self._give_up(producer)
                # After a refused batch librdkafka's sequence numbers have a hole, and its next transaction
                # fails by that: a new producer has none.
                self._kept.drop()
            elif self._transactional:
                if offsets:
                    self._send_offsets(producer, offsets, group_metadata)
                written = [(letter, partitions[index]) for index, letter in enumerate(letters)]
                steps.serve(producer)  # a connection that was lost before is a doubt about the last one
                with self.doubt.ending(Committed(written, offsets)):
                    self._commit(producer, patient=bool(letters))
        return failures

    # -- steps -----------------------------------------------------------------------------

    def _opened(self) -> Producer:
        try:
            return self._kept.opened()
        except ERRORS as exception:
            raise self._explained(exception) from exception

    def _produce(
        self,
        producer: Producer,
        letters: Sequence[Letter],
        restamped: set[int],
        partitions: dict[int, int],
        *,
        one_by_one: bool,
    ) -> dict[int, KafkaError]:
        """Send, and wait for every acknowledgement. Without a failure all letters are in the topic.

        `partitions` gets that of each.
        """
        failures: dict[int, KafkaError] = {}
        for index, letter in enumerate(letters):
            try:
                report = partial(steps.delivered, failures, partitions, index)
                self._send(producer, letter, index in restamped, report)
            except ERRORS as exception:
                error = error_in(exception)
                if error is not None and own_fault(error):
                    failures[index] = error
                else:
                    steps.hear(producer, failures, REPORT_LIMIT)
                    if failures:  # an earlier one failed the transaction: nothing more is sent of it
                        return failures
                    raise
            if one_by_one:
                producer.flush(steps.STEP_LIMIT)
            if failures:
                break
        left = steps.flush(producer, self._ask_why)
        if left and not failures:
            raise LettersUnwritable("unavailable", f"{left} letters were not acknowledged in time")
        return failures

    def _ask_why(self) -> None:
        """Raise LettersUnwritable if replicas are what is waited for. An abort would wait for them, too."""
        try:
            check_replicas(self._properties, self._topic)
        except LettersUnwritable:
            self._kept.drop()
            raise

    def _send(
        self, producer: Producer, letter: Letter, restamp: bool, on_delivery: Any, partition: int = -1
    ) -> None:
        record = letter.record
        timestamp = NO_TIMESTAMP if restamp or not record.timestamp()[0] else record.timestamp()[1]
        try:
            steps.hand_over(
                producer,
                self._topic,
                record.value(),
                record.key(),
                partition=partition,
                on_delivery=on_delivery,
                timestamp=timestamp,
                headers=self._headers(letter, restamped=restamp),
            )
        except BufferError as full:
            raise LettersUnwritable("unavailable", "the producer's queue stays full") from full

    def _send_offsets(
        self, producer: Producer, offsets: list[KafkaTopicPartition], group_metadata: Any
    ) -> None:
        """Add the positions. What fails here is about the source's topics, not about that of the letters."""
        try:
            steps.send_offsets(producer, offsets, group_metadata)
        except ERRORS as exception:
            explained = self._explained(exception)
            if isinstance(explained, LettersUnwritable):
                explained.sources = ", ".join(sorted({each.topic for each in offsets}))
            raise explained from exception

    def _commit(self, producer: Producer, *, patient: bool) -> None:
        """Commit; "exactly once" hangs on knowing the outcome. Not `patient`: nothing does, ask once."""
        steps.commit(producer, lambda: patient and not self._stopping.is_set())

    # -- failures --------------------------------------------------------------------------

    @contextmanager
    def _all_or_nothing(self, producer: Producer) -> Iterator[None]:
        """Whatever is raised in here, no transaction stays open, and it leaves as `write` says."""
        try:
            yield
        except steps.Unanswered as unanswered:
            self._kept.leave()
            raise LettersUnwritable("unavailable", str(unanswered)) from unanswered
        except ERRORS as exception:
            self._give_up(producer)
            raise self._explained(exception) from exception
        except Exception:
            self._give_up(producer)
            raise

    def _explained(self, exception: Exception) -> LettersUnwritable | Fenced:
        """Put an error of librdkafka in our words; drop a producer that is of no use any more."""
        error = error_in(exception)
        if error is None:
            return LettersUnwritable("unavailable", str(exception))
        fenced = fenced_by(error)
        if fenced == "group":
            return Fenced("group", error.str())
        if fenced == "producer":
            return self._kept.shut_out(error.str())
        if error.fatal():
            self._kept.drop()
        return LettersUnwritable(kind_of(error), error.str())

    def _give_up(self, producer: Producer) -> None:
        if not self._kept.is_open(producer):
            return
        if not self._transactional:
            self._kept.drop()  # what it purges leaves a hole in its sequence numbers, fatal to the next
            return
        try:
            steps.abort(producer)
        except ERRORS as exception:
            self._kept.drop()
            explained = self._explained(exception)
            if isinstance(explained, Fenced) and explained.by == "producer":
                raise explained from exception
