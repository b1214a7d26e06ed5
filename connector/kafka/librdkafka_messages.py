"""What librdkafka says beside its answers, and what that makes of a cluster that can't be reached.

It tells of failed logins and of TLS by a callback and a log line only, so both are collected.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

import logging
import re

from confluent_kafka import KafkaError

from connector.kafka.troubles import MENDS, WAYS_IN, code_of, mend_in, words_of

ADVERTISED = "see that this machine reaches the addresses that the brokers advertise (advertised.listeners)"
_HEARTBEAT = re.compile(r"ApiKey ConsumerGroupHeartbeat \(68\) Versions \d+\.\.(\d+)")
"""How librdkafka logs what a broker supports. Version 0, of brokers before 4.0, is not enough for it."""
_LOG_PREFIX = re.compile(r"^FAIL \[[^]]*\] \[thrd:.*?\]: ")
_NODE = re.compile(r"\S+/\d+: ")
"""How a line about a broker begins that was learnt of from the cluster; others end in `/bootstrap`."""
_AFTER = re.compile(r" \(after \d+ms in state \w+\)|, \d+ identical error\(s\) suppressed")


class LibrdkafkaMessages(logging.Handler):
    """Hears what librdkafka says beside its answers: errors by callback, failed connections by log line."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.errors: list[KafkaError] = []
        self.failures: list[str] = []
        self.heartbeat: int | None = None
        # Not one of the process's own: its handler must hear this client alone.
        self.logger = logging.Logger(__name__, logging.DEBUG)  # noqa: LOG001 -- as above
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        found = _HEARTBEAT.search(text)
        if found:
            self.heartbeat = max(int(found[1]), self.heartbeat or 0)
        elif text.startswith("FAIL "):
            self.failures.append(_AFTER.sub("", _LOG_PREFIX.sub("", text)))

    def diagnosis(self) -> tuple[str, str]:
        """Cause and mend of no connection, from whatever says most."""
        for error in self.errors:
            code = code_of(error)
            if code is not None and code in WAYS_IN:
                return _AFTER.sub("", error.str()), mend_in(error.str()) or MENDS[code]
            if error.code() == KafkaError._RESOLVE:
                return _AFTER.sub("", error.str()), "correct the host in kafka.bootstrap_servers, or DNS"
        words = [_AFTER.sub("", e.str()) for e in self.errors if e.code() != KafkaError._ALL_BROKERS_DOWN]
        advertised = [text for text in self.failures if _NODE.match(text)]
        said = next(iter([*self.failures, *words]), "no broker answers")
        if advertised:
            return advertised[-1], ADVERTISED
        return words_of(said), mend_in(said) or _usual_mend(said)


def _usual_mend(said: str) -> str:
    if "refused" in said:
        return "nothing listens there: correct kafka.bootstrap_servers, or start the broker"
    if "onnected" in said or "andshake" in said:
        return "set security.protocol in kafka.properties to what this listener speaks"
    return MENDS["unreachable"]
