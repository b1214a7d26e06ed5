"""The consumer: a member of the group, which fetches, commits, and hands over partitions on a rebalance.

librdkafka's rebalance callbacks run as coroutines on the loop while its poll thread waits, so each step in
them is bounded in time. Calls on one consumer wait for each other, so `fetch` is short.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.clients.properties import consumer_properties
from connector.kafka.errors import error_in, is_fatal
from connector.kafka.group.committer import Committer
from connector.kafka.group.joining import Joining
from connector.kafka.group.listener import Listener
from connector.kafka.group.missing import MissingTopics
from connector.kafka.group.owned import Owned
from connector.kafka.group.remainder import Remainder
from connector.kafka.group.sorting import sort
from connector.kafka.group.start_decision import StartDecision
from connector.kafka.group.start_lookup import StartLookup
from connector.kafka.group.statistics import Statistics, parse
from connector.kafka.stuck import committed_regardless
from connector.kafka.troubles import CONNECTION, Troubles, code_of
from connector.model import Fetched, Position, TopicPartition

ASSIGN_LIMIT = 5.0
"""Seconds in the assignment callback for reading committed offsets; the rest is done beside consuming."""
ASSIGN_AGAIN = 0.1
"""Seconds between two tries to read committed offsets: a refusal comes at once."""
LOOK_EVERY = 0.5
"""Seconds between two checks of what isn't in order."""
REST_TIMES = 9.0
"""While a partition's leader hangs, the next check waits this many times as long as the last one took: others
go on."""
COMMIT_SILENCE = 20.0
"""Seconds after which a commit without an answer is reported: brokers answer within milliseconds."""


class SourceFailed(Exception):  # noqa: N818 -- reads as what happened
    """The consumer is dead for good (librdkafka calls it fatal): only a restart helps."""


class Source:
    """A member of the consumer group. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        topics: Sequence[str],
        listener: Listener,
        on_data_loss: Literal["halt", "continue"],
        clock: Callable[[], float],
    ) -> None:
        self._properties, reset = consumer_properties(properties)
        self._topics = list(topics)
        self._listener = listener
        self._clock = clock
        self.troubles = Troubles(
            listener.trouble,
            clock,
            mends={
                "topic_authorization": "grant this user READ on topic {subject}",
                "group_authorization": f"grant this user READ on group {properties['group.id']}",
            },
            whole=", ".join(topics),
        )
        protocol = str(self._properties["group.protocol"])
        self._joining = Joining(self.group_metadata, self.troubles, protocol, clock)
        self._lookup = StartLookup(
            lambda: self._client,
            self._properties,
            self.troubles,
            clock,
            reset=reset,
            on_data_loss=on_data_loss,
        )
        self._owned = Owned(lambda: self._client, self._lookup, listener, self.troubles, self._take_error)
        self._missing = MissingTopics(
            lambda: self._client, self._topics, lambda: self._owned.topics, self.troubles, clock
        )
        self.remainder = Remainder(lambda: self._client, self._topics, reset)
        """What others may have still to do."""
        self._committer = Committer(
            lambda: self._client,
            self._owned.__contains__,
            self._notice,
            lambda: self.troubles.works(("group_authorization",)),
            clock,
        )
        self._statistics = Statistics()
        self._next_look = clock()
        self._consumer: AIOConsumer | None = None
        self._closing: AIOConsumer | None = None

    # -- life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Join the group; partitions come by `Listener.assigned` while `fetch` is called."""
        properties = {**self._properties, "error_cb": self._on_error, "stats_cb": self._on_statistics}
        self._next_look = self._clock()
        self._joining.begin()
        self._consumer = AIOConsumer(properties)
        await self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    async def close(self) -> None:
        """Leave the group: `Listener.revoked` is asked once more, its answer committed."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._closing = consumer
            await consumer.close()

    @property
    def _client(self) -> AIOConsumer:
        consumer = self._consumer or self._closing
        if consumer is None:
            raise RuntimeError("the consumer is not running")
        return consumer

    # -- reading ---------------------------------------------------------------------------

    async def fetch(self, max_records: int, wait: float) -> list[Fetched]:
        """Fetch records and ends, by partition. Callbacks are served in here: keep calling it."""
        waiting_since = self._committer.waiting_since
        try:
            messages = await self._client.consume(max_records, wait)
        except (KafkaException, SystemError) as exception:
            self._take_error(exception)
            messages = []
        self._committer.called(waiting_since)
        if self._clock() >= self._next_look:
            await self._look()
        if not messages:
            return self._owned.take_passed_over()
        found = sort(messages)
        for error, subject in found.errors:
            self._heard(error, subject)
        # Records from before a gap count, unless the log was begun anew: then offsets mean other records.
        fetched = self._owned.take_in(found.fetched)
        begun_anew = await self._owned.relocate(found.misplaced)
        kept = [one for one in fetched if one.partition not in begun_anew] if begun_anew else fetched
        return kept + self._owned.take_passed_over()

    @property
    def joined(self) -> bool:
        """Whether the group counts this member in, with or without partitions."""
        return self._joining.joined

    @property
    def unresolved(self) -> Collection[TopicPartition]:
        """Partitions that are this member's, but it isn't known yet where they begin."""
        return self._owned.unresolved

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing more from these; what isn't owned is left out."""
        await self._owned.pause(partitions)

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`."""
        await self._owned.resume(partitions)

    # -- offsets ---------------------------------------------------------------------------

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit positions with their metadata, and wait for the broker, without limit while there is none.

        Partitions that are not owned are left out. Raises CommitRefused.
        """
        await self._committer.commit(positions)

    def waits(self) -> bool:
        """Whether a commit has no answer yet: all other calls wait for it, which is no fault of ours."""
        return self._committer.waiting_since is not None

    def tell_silence(self) -> None:
        """Report a commit that has had no answer for long; call it now and then.

        Nothing else would: librdkafka reports errors only in `fetch`, which waits for the commit.
        """
        since = self._committer.waiting_since
        if since is not None and (seconds := self._clock() - since) >= COMMIT_SILENCE:
            self.troubles.notice(
                "unreachable",
                f"a commit has had no answer for {seconds:.0f} s: no broker can be reached, or the group "
                "waits for a member that died",
            )

    def answers_another(self) -> bool:
        """Whether the group's coordinator answers another client than this one. Blocks for some seconds."""
        places = [TopicPartition(topic, 0) for topic in self._topics]
        return bool(committed_regardless(self._properties, places))

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask the brokers where these end: see `Owned`."""
        return await self._owned.end_offsets(partitions)

    async def group_metadata(self) -> Any:
        """Get what a transaction carries to prove that this member is still in the group."""
        return await self._client.consumer_group_metadata()

    def known_ends(self) -> dict[TopicPartition, int]:
        """Where each owned partition ends, as last heard: a few seconds old at most. Costs no request."""
        return self._owned.known_ends()

    def take_records_lost(self) -> Counter[str]:
        """Take the count, by topic, of records that were gone before they were read."""
        return self._owned.take_records_lost()

    def statistics(self) -> Statistics:
        return self._statistics

    # -- rebalances ------------------------------------------------------------------------

    async def _on_assign(self, _consumer: AIOConsumer, given: list[KafkaTopicPartition]) -> None:
        self._joining.succeeded()
        partitions = _ours(given)
        if not partitions:
            return
        deadline = self._clock() + ASSIGN_LIMIT
        found: dict[TopicPartition, StartDecision] = {}
        while not found and self._clock() < deadline:
            found = await self._lookup.find(partitions)
            if not found:
                await asyncio.sleep(ASSIGN_AGAIN)
        await self._owned.begin(partitions, found)

    async def _on_revoke(self, _consumer: AIOConsumer, given: list[KafkaTopicPartition]) -> None:
        partitions = _ours(given)
        known = [p for p in partitions if p in self._owned]
        try:
            positions = await self._listener.revoked(known) if known else {}
            if positions:
                await self._committer.commit_last(positions)
        finally:
            await self._owned.let_go(partitions)

    async def _on_lost(self, _consumer: AIOConsumer, given: list[KafkaTopicPartition]) -> None:
        partitions = _ours(given)
        known = [p for p in partitions if p in self._owned]
        self._joining.begin()
        try:
            if known:
                self._listener.lost(known)
        finally:
            await self._owned.let_go(partitions)

    # -- what is wrong ---------------------------------------------------------------------

    async def _look(self) -> None:
        """Check whether what isn't in order works again."""
        began = self._clock()
        try:
            await self._owned.ask_again()
            await self._missing.look()
            await self._joining.check(connected=self._statistics.connected)
            self.troubles.remind()
        finally:
            now = self._clock()
            self._next_look = now + max(LOOK_EVERY, REST_TIMES * (now - began) * self._lookup.hanging)

    async def _on_error(self, error: KafkaError) -> None:
        self._notice(error)

    def _notice(self, error: KafkaError, subject: str = "") -> None:
        flows = code_of(error) == "oauth_token" and self.joined and self._statistics.connected
        self.troubles.notice_error(error, subject, blocking=not flows)  # the last token may be good still

    def _take_error(self, exception: Exception) -> None:
        error = error_in(exception)
        if error is None:
            raise exception
        self._heard(error)

    def _heard(self, error: KafkaError, subject: str = "") -> None:
        """Tell of an error. A fatal one comes only once, as an exception or among the messages."""
        self._notice(error, subject)
        if is_fatal(error):
            raise SourceFailed(error.str())

    async def _on_statistics(self, text: str) -> None:
        self._statistics = parse(text)
        self._owned.heard_of(self._statistics.ends)
        if self._statistics.connected:
            self.troubles.works(CONNECTION)


def _ours(given: Collection[KafkaTopicPartition]) -> list[TopicPartition]:
    return [TopicPartition(p.topic, p.partition) for p in given]
