"""Steps of librdkafka's producer, for whoever writes: dead letters, the replay. All but `commit` end in time.

They raise what the binding raises (`ERRORS`), and what is said here. None remembers anything: which producer
is used, and what becomes of it after a failure, is the caller's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence, Sized
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.errors import ERRORS, error_in

INIT_LIMIT = 15.0
"""Seconds: longer than the transaction of a predecessor that died lives."""
STEP_LIMIT = 8.0
"""Seconds for delivery, for offsets, for an abort: each less than the transaction's own time-out."""
SOON = 2.0
"""Seconds in which a delivery comes from a topic that is in order."""
REPORTS = 1.0
"""Seconds for the reports of what was delivered meanwhile."""
COMMIT_LIMIT = 5.0
"""Seconds of one question for a commit's outcome; it is asked until there is an answer."""
GRACE = 2.0
"""Seconds beyond its own time-out that a call may take before it counts as stuck."""


class Unanswered(Exception):  # noqa: N818 -- reads as what happened
    """A call never came back. Leave the producer to its fate, without one more call.

    The next one of its transactional id fences it, which aborts its transaction.
    """


def opened(properties: Mapping[str, Any]) -> Producer:
    """Connect. What a predecessor of the same transactional id left open is aborted."""
    producer = Producer(dict(properties))
    try:
        if "transactional.id" in properties:
            producer.init_transactions(INIT_LIMIT)
    finally:
        serve(producer)
    return producer


def serve(producer: Producer) -> None:
    """Have the callbacks called; a fatal error is known by then."""
    with contextlib.suppress(*ERRORS):
        producer.poll(0)


def hear(producer: Producer, failures: Sized, limit: float) -> None:
    """Have callbacks called until one has put something into `failures`, or nothing comes.

    librdkafka fails a transaction first, then says so in the log and only then reports on the letter: a poll
    that served the log line, or an earlier letter's report, has returned before.
    """
    deadline = time.monotonic() + limit
    while not failures and (left := deadline - time.monotonic()) > 0:
        producer.poll(left)


def discard(producer: Producer) -> None:
    """Let the producer go without `close()`, which would flush without an end."""
    producer.purge()
    serve(producer)


def hand_over(producer: Producer, topic: str, value: bytes | None, key: bytes | None, **more: Any) -> None:
    """Put one record into the producer's queue. Raises BufferError where that stays full."""
    deadline = time.monotonic() + STEP_LIMIT
    while True:
        try:
            return producer.produce(topic, value, key, **more)
        except BufferError:
            if time.monotonic() >= deadline:
                raise
            producer.poll(0.1)


def delivered(
    failures: dict[int, KafkaError],
    partitions: dict[int, int],
    index: int,
    error: KafkaError | None,
    message: Message,
) -> None:
    """Note a record's delivery report: its partition, and why it failed if it did."""
    partitions[index] = message.partition() or 0
    if error is not None:
        failures[index] = error


def flush(producer: Producer, ask_why: Callable[[], None]) -> int:
    """Wait for all delivery reports; `ask_why` may raise where that takes long. Return how many are left.

    Letters are delivered while it asks, so the time for that is part of the step's.
    """
    deadline = time.monotonic() + STEP_LIMIT
    if producer.flush(SOON):
        ask_why()
        return producer.flush(max(REPORTS, deadline - time.monotonic()))
    return 0


def send_offsets(producer: Producer, offsets: Sequence[KafkaTopicPartition], group_metadata: Any) -> None:
    """Make offsets a part of the transaction. Raises Unanswered where the coordinator can't be reached."""
    call = partial(producer.send_offsets_to_transaction, [*offsets], group_metadata, STEP_LIMIT)
    _again_in_time(lambda: _bounded(call))


def commit(producer: Producer, ask_again: Callable[[], bool]) -> None:
    """Commit, and ask for the outcome as long as it isn't known and `ask_again` says so.

    librdkafka goes on with the same commit on a further call. The transaction coordinator answers at the
    latest when the transaction times out: then the answer is that the epoch is old, and that it was aborted.
    """
    while True:
        try:
            return producer.commit_transaction(COMMIT_LIMIT)
        except ERRORS as exception:
            if not (_retriable(exception) and ask_again()):
                raise


def abort(producer: Producer) -> None:
    """Abort; where that fails too, the next producer of this transactional id does it on opening."""
    _again_in_time(partial(producer.abort_transaction, STEP_LIMIT))


def _again_in_time(call: Callable[[], None]) -> None:
    deadline = time.monotonic() + STEP_LIMIT
    while True:
        try:
            return call()
        except ERRORS as exception:
            if not _retriable(exception) or time.monotonic() >= deadline:
                raise


def _retriable(exception: BaseException) -> bool:
    error = error_in(exception)
    return error is not None and error.retriable()


def _bounded(call: Callable[[], None]) -> None:
    """Make a call that may never return, though it was given a time-out (librdkafka #5456, #5511)."""
    raised: list[Exception] = []

    def make() -> None:
        try:
            call()
        except ERRORS as exception:
            raised.append(exception)

    thread = threading.Thread(target=make, name="dead-letters-offsets", daemon=True)
    thread.start()
    thread.join(STEP_LIMIT + GRACE)
    if thread.is_alive():
        raise Unanswered("the group's coordinator can't be reached: no answer in time")
    if raised:
        raise raised[0]
