"""librdkafka's producer, opened when it is needed and dropped when it is of no use.

Given: its properties. Gives: the open producer, and the errors that only its callback hears. Knows no letter.
Once another process has taken its transactional id it opens none any more: that would shut out the other one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Producer

from connector.kafka.letters import producer_steps as steps
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable

FRESH = 5.0
"""Seconds for which a producer is kept though it lost a connection: one that loses some isn't opened anew."""
_CUT = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}  # noqa: SLF001 -- named so there
)


class KeptProducer:
    """One producer at a time. `connection_lost` is called whenever it has lost a connection. Not thread-safe.

    `errors` collects the errors that librdkafka reports to its callback alone. `may_reopen` is asked before
    one is opened in place of another.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        connection_lost: Callable[[], None],
        may_reopen: Callable[[], bool] = lambda: True,
    ) -> None:
        self.properties = {**properties, "error_cb": self._keep_error}
        """With the callback: what else is asked with them has its errors kept, too."""
        self.transactional = "transactional.id" in properties
        self._connection_lost = connection_lost
        self._producer: Producer | None = None
        self._may_reopen = may_reopen
        self._opened_at = 0.0
        self._lifetime = int(properties.get("transaction.timeout.ms", 0)) / 1000
        """Seconds after which the coordinator aborts a transaction and fences its producer; 0 without any."""
        self._began = 0.0
        self._taken = ""
        """Why no producer is opened any more: how it showed that another process has the transactional id."""
        self._cut = False
        """A connection was lost. A broker that is gone for good may still count as the group's coordinator in
        librdkafka, which then waits for it for ever (#5511); a new producer doesn't."""
        self.errors: list[KafkaError] = []

    def opened(self) -> Producer:
        """Return the producer, opened if it isn't. Raises what the binding raises, and Fenced.

        Opening aborts what a predecessor of the same transactional id left open, and shuts out whoever has
        that id now. After a standstill this may be the one that was started in our place.
        """
        if self._producer is None:
            if self._taken:
                raise Fenced("producer", self._taken)
            if self.transactional and self._opened_at and not self._may_reopen():
                raise Fenced("group", "the process stood still: the group is asked first whether it goes on")
            self._producer = steps.opened(self.properties)
            self._opened_at, self._cut = time.monotonic(), False
        return self._producer

    def is_open(self, producer: Producer) -> bool:
        """Whether this one is still in use."""
        return producer is self._producer

    def renew(self) -> None:
        """Drop a producer that lost a connection; the next write opens another."""
        if self._cut and self.transactional and time.monotonic() - self._opened_at > FRESH:
            self.drop()

    def serve(self) -> None:
        """Serve callbacks that are due. Errors between two writes are dropped: the consumer reports them."""
        if self._producer is not None:
            steps.serve(self._producer)
            self.errors.clear()
            self.renew()

    def begin(self, producer: Producer) -> None:
        """Begin a transaction of the open producer."""
        producer.begin_transaction()
        self._began = time.monotonic()

    def shut_out(self, why: str) -> LettersUnwritable | Fenced:
        """Drop a producer that was fenced, and return what that means.

        The coordinator fences one whose transaction took too long with the same words as one whose id another
        process has taken. The time tells which it was: nobody else does it before that is up.
        """
        self.drop()
        if time.monotonic() - self._began >= self._lifetime:
            return LettersUnwritable("unavailable", "the transaction took too long and was aborted")
        self._taken = why
        return Fenced("producer", why)

    def drop(self) -> None:
        """Let the producer go. The next one, or the broker's time-out, aborts what isn't finished."""
        producer, self._producer = self._producer, None
        if producer is not None:
            steps.discard(producer)

    def leave(self) -> None:
        """Leave the producer to its fate, without one more call: one of its calls never came back."""
        self._producer = None

    def _keep_error(self, error: KafkaError) -> None:
        self.errors.append(error)
        if error.code() in _CUT:
            self._cut = True
            self._connection_lost()
