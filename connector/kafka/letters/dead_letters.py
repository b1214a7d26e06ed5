"""Writes dead letters, each once, with the offsets that they free.

Given: letters and positions. Gives: nothing, or `LettersUnwritable` or `Fenced`, and the troubles that a
person must fix. The producer itself runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.clients.properties import producer_properties
from connector.kafka.letters.letter_producer import LetterProducer
from connector.kafka.letters.letter_topic import check_replicas
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.kafka.troubles import CONNECTION, WAYS_IN, Trouble, Troubles, mend_in
from connector.model import Letter, Position, TopicPartition

SERVE_EVERY = 0.2
"""Seconds between two calls that serve librdkafka's callbacks, new tokens among them."""
REOPEN_EVERY = 5.0
"""Seconds between two tries to open a producer that could not be opened at the start."""

_OVER_WHEN_OPEN = (
    *CONNECTION,
    "topic_missing",
    "topic_authorization",
    "cluster_authorization",
    "transactional_id_authorization",
    "transactions_unavailable",
)
_OF_A_WRITE = ("group_authorization", "too_few_replicas")
"""What only a write can tell of."""
_OVER_WHEN_WRITTEN = (*_OVER_WHEN_OPEN, *_OF_A_WRITE)
_PERHAPS_REPLICAS = ("unavailable", "too_few_replicas")
_OF_LETTERS = ("letter_too_large", "letter_refused")


class DeadLetters:
    """Writes to the dead-letter topic. One call at a time; further ones wait.

    `exactly_once`: letters and positions in one transaction. `at_least_once`: `write` returns when the
    letters are acknowledged and leaves the positions to `Source.commit`; after a failure some letters
    may be in the topic already. `tell` gets the troubles that a person must fix, `clock` is monotonic.
    `may_reopen`: see `KeptProducer`.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        properties: Mapping[str, Any],
        topic: str,
        group_id: str,
        delivery: Literal["exactly_once", "at_least_once"],
        transactional_id: str,
        connector_name: str,
        tell: Callable[[Trouble], None],
        clock: Callable[[], float],
        *,
        may_reopen: Callable[[], bool] = lambda: True,
    ) -> None:
        exactly_once = delivery == "exactly_once"
        chosen = producer_properties(properties, transactional_id if exactly_once else None)
        self.commits_positions = exactly_once
        """False: the caller commits the positions after `write`."""
        self.troubles = Troubles(
            tell,
            clock,
            mends={
                "topic_authorization": f"grant this user WRITE on topic {topic}",
                "cluster_authorization": f"grant this user WRITE on topic {topic} (before Kafka 2.8 also "
                "IDEMPOTENT_WRITE on the cluster)",
                "group_authorization": f"grant this user READ on group {group_id}",
                "transactional_id_authorization": "grant this user WRITE on transactional id "
                f"{transactional_id} (or on the prefix {group_id}-), or set kafka.dead_letter_delivery "
                "to at_least_once",
            },
            told_by="dead letters",
        )
        self._producer = LetterProducer(chosen, topic, group_id, connector_name, may_reopen)
        self._properties = chosen
        self._topic = topic
        self._ask_first = False
        """The last letters were not written, and replicas may be why."""
        self._refused: set[tuple[TopicPartition, int]] = set()
        """Records whose letters the topic refused: their trouble isn't over because others are written, nor
        because nobody tries them for a while."""
        self._waiting: set[TopicPartition] = set()
        """Partitions whose letters could not be written when that was tried last."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="dead-letters")
        self._turn = asyncio.Lock()
        self._closing = False
        self._opening: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the last transaction may be incomplete, though acknowledged, until another is committed."""
        return self._producer.doubt.there

    @property
    def doubtful_partitions(self) -> set[TopicPartition]:
        """The partitions whose positions that transaction carried."""
        return self._producer.doubt.partitions

    async def start(self) -> None:
        """Open the producer and look for the topic in the background, again and again until both are there.

        Opening aborts what this instance left open when it died, before others wait for it.
        """
        self._opening = asyncio.create_task(self._open())
        self._serving = asyncio.create_task(self._serve())

    async def _open(self) -> None:
        while True:
            async with self._turn:
                try:
                    return await self._run(self._producer.open, _OVER_WHEN_OPEN)
                except LettersUnwritable:
                    pass  # told of; again later
                except Fenced as fenced:
                    if fenced.by == "producer":
                        return None
            await asyncio.sleep(REOPEN_EVERY)

    async def _serve(self) -> None:
        """Serve callbacks between writes, or an expired token would hold up the next write."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SERVE_EVERY)
            async with self._turn:
                await loop.run_in_executor(self._worker, self._producer.serve)

    async def write(
        self,
        letters: Sequence[Letter],
        positions: Mapping[TopicPartition, Position],
        group_metadata: Any,
    ) -> None:
        """Write these, perhaps none. Raises LettersUnwritable or Fenced: then no position was committed.

        Time-outs are bounded, but for a commit whose outcome isn't known yet.
        """
        offsets = [
            KafkaTopicPartition(p.topic, p.partition, position.offset, metadata=position.metadata)
            for p, position in positions.items()
        ]
        async with self._turn:
            try:
                await self._run(
                    lambda: self._write(letters, offsets, group_metadata),
                    _OVER_WHEN_WRITTEN,
                    told=bool(letters),
                )
            except LettersUnwritable as failure:
                self._refused.update(_place(letters[index]) for index in failure.refused)
                self._waiting.update(partition for partition, _ in map(_place, letters))
                raise
            written = set(map(_place, letters))
            self._no_longer_refused(written)
            self._waiting -= {partition for partition, _ in written}

    def _write(
        self, letters: Sequence[Letter], offsets: list[KafkaTopicPartition], group_metadata: Any
    ) -> None:
        """Write, but after a failure that replicas may have caused ask first whether that can succeed.

        A write that waits in vain for replicas holds up all commits meanwhile, and so what is submitted.
        """
        if letters and self._ask_first:
            check_replicas(self._properties, self._topic)
        try:
            self._producer.write(letters, offsets, group_metadata)
        except LettersUnwritable as failure:
            self._ask_first = self._ask_first or (bool(letters) and failure.kind in _PERHAPS_REPLICAS)
            raise
        self._ask_first = self._ask_first and not letters

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are another owner's: so is the trouble with their letters."""
        self._no_longer_refused({place for place in self._refused if place[0] in partitions})
        if not self._waiting.isdisjoint(partitions):
            self._waiting -= set(partitions)
            if not self._waiting:
                self._look_again()

    def _look_again(self) -> None:
        """No letter waits here any more, so that no write will show that a trouble is over: ask for that."""
        self.troubles.works(_OF_A_WRITE)
        if not self._closing and self._opening is not None and self._opening.done():
            self._opening = asyncio.create_task(self._open())

    def _no_longer_refused(self, places: set[tuple[TopicPartition, int]]) -> None:
        self._refused -= places
        if not self._refused:
            self.troubles.works(_OF_LETTERS)

    async def undo(self, group_metadata: Any) -> None:
        """End the transaction in doubt as if it had never been: `LetterProducer.undo`. Raises as `write`."""
        async with self._turn:
            await self._run(lambda: self._producer.undo(group_metadata), (), told=False)

    async def close(self) -> None:
        """Let a running write end, drop the producer."""
        self._closing = True
        self._producer.stop()
        for task in (self._opening, self._serving):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._worker, self._producer.close)
        self._worker.shutdown()

    async def _run(self, work: Callable[[], None], over: Sequence[str], *, told: bool = True) -> None:
        """Do it in the worker thread; report what went wrong, or that it works again.

        Without `told` a failure is not reported, because no letter waits for it.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except LettersUnwritable as failure:
            if told:
                self._tell_errors()
                self._tell_unwritable(failure)
                if failure.kind not in ("unreachable", "unavailable"):
                    self.troubles.works(CONNECTION)  # a broker has answered
                if failure.kind in ("letters", "too_few_replicas"):  # it isn't the coordinator's fault
                    self.troubles.works(("transactions_unavailable",))
            self._producer.errors.clear()
            raise
        except Fenced as fenced:
            self._tell_errors()
            if fenced.by == "producer":
                self.troubles.notice("fenced", fenced.message, blocking=False)
            raise
        self._producer.errors.clear()
        self.troubles.works(over)

    def _tell_errors(self) -> None:
        errors = list(self._producer.errors)
        self._producer.errors.clear()
        for error in errors:
            self.troubles.notice_error(error)

    def _tell_unwritable(self, failure: LettersUnwritable) -> None:
        if failure.kind == "letters":
            code = "letter_too_large" if failure.too_large else "letter_refused"
            self.troubles.notice(code, failure.message, self._topic, blocking=False)
        elif failure.kind == "unreachable":
            if not any(each.code in WAYS_IN for each in self.troubles.active):
                self.troubles.notice(failure.kind, failure.message)
        elif failure.kind == "unavailable":
            if not self.troubles.blocking:
                why, mend = failure.message, mend_in(failure.message)
                self.troubles.notice("transactions_unavailable", why, self._topic, mend=mend)
        elif failure.kind != "metadata_too_large":  # the caller's to fix: shorter metadata
            self.troubles.notice(failure.kind, failure.message, failure.sources or self._topic)


def _place(letter: Letter) -> tuple[TopicPartition, int]:
    record = letter.record
    return TopicPartition(record.topic(), record.partition()), record.offset()
