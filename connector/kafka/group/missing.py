"""Which of the topics don't exist: the brokers are asked, because librdkafka does not say so.

Under group.protocol=consumer it reports no topic that is missing or was deleted. Under neither protocol does
it report that one exists again, and its first record may be long in coming, or another member's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.aio import AIOConsumer

from connector.kafka.group.start_lookup import CALL_LIMIT
from connector.kafka.troubles import Troubles, code_of

ASK_TOPICS_EVERY = 10.0
"""Seconds between two rounds of questions."""
AGAIN_AFTER = 1.0
"""Seconds after a round that nobody answered: it should be known before a new process counts as ready."""
MISSING = "topic_missing"


class MissingTopics:
    """Looks for missing topics. `client` returns the consumer, `read` the topics of its partitions.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        client: Callable[[], AIOConsumer],
        topics: Sequence[str],
        read: Callable[[], Collection[str]],
        troubles: Troubles,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._topics = [*topics]
        self._read = read
        self._troubles = troubles
        self._clock = clock
        self._next = clock()

    async def look(self) -> None:
        """If it is time, ask about each topic that is reported missing or of which no partition is owned.

        A member of a large group may rightly own none of a topic: only the brokers' word counts.
        """
        if self._clock() < self._next:
            return
        told = {trouble.subject for trouble in self._troubles.active if trouble.code == MISSING}
        nameless = told.difference(self._topics)
        read = self._read()
        try:
            for topic in self._topics:
                if nameless or topic in told or topic not in read:
                    await self._ask(topic)
        except KafkaException:  # the consumer reports why nobody answers when it meets it
            self._next = self._clock() + AGAIN_AFTER
            return
        for subject in nameless:  # each that is missing has been named
            self._troubles.works((MISSING,), subject)
        self._next = self._clock() + ASK_TOPICS_EVERY

    async def _ask(self, topic: str) -> None:
        error = (await self._client().list_topics(topic, timeout=CALL_LIMIT)).topics[topic].error
        if error is None:
            self._troubles.works((MISSING,), topic)
        elif code_of(error) == MISSING:
            self._troubles.notice(MISSING, f"Subscribed topic not available: {topic}: {error.str()}", topic)
