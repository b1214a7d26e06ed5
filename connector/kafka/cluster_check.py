"""Looks at a cluster as the connector will use it, and touches nothing that anybody else uses.

Joins no group (that would make the running instances rebalance), writes no record (not even in an
aborted transaction: readers of uncommitted data would see it), commits no offset. What the user is
allowed to do, the brokers tell themselves (KIP-430). One thing is left behind: the transaction
coordinator remembers the id `<transactional id>-check` until it expires. It is not the connector's own
id, because that would fence a running instance; a prefixed ACL covers both.

Every question has a time limit.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclOperation,
    AdminClient,
    ConfigResource,
    OffsetSpec,
)

from connector.finding import Finding, Grade
from connector.kafka import topic_settings
from connector.kafka.clients.given import to_admin, to_producer
from connector.kafka.clients.properties import producer_properties
from connector.kafka.librdkafka_messages import ADVERTISED, LibrdkafkaMessages
from connector.kafka.start_findings import start_findings
from connector.kafka.troubles import MENDS, WAYS_IN, code_of, mend_in
from connector.settings import Settings

QUESTION_LIMIT = 10.0
"""Seconds that any one question may take."""

ALL_DOWN_FOR = 2.0
"""Seconds after which brokers that all refuse count as down: one that is starting refuses too."""

AGAIN_AFTER = 0.2
"""Seconds until a question is asked again whose obstacle passes."""

_PASSING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
"""What a coordinator says that has just begun, or is about to: librdkafka leaves it to us to ask again."""
_UNREACHED = (
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._WAIT_COORD,
    KafkaError.REQUEST_TIMED_OUT,
)
"""What is said where a broker's own address isn't reached."""


class ClusterCheck:
    """One look at the cluster of the settings. `patience` is the limit of each question, in seconds."""

    def __init__(self, settings: Settings, patience: float = QUESTION_LIMIT) -> None:
        self._settings = settings
        self._patience = patience
        self._messages = LibrdkafkaMessages()
        self._began = 0.0
        own: dict[str, Any] = {
            "socket.connection.setup.timeout.ms": max(1000, int(patience * 1000)),
            **to_admin(settings.kafka),
            "debug": "feature",  # among it, which protocols the brokers speak
            "error_cb": self._messages.errors.append,
            "logger": self._messages.logger,
        }
        self._admin: Any = AdminClient(own)

    def findings(self) -> Iterator[Finding]:
        """Look at one thing after the other; without brokers, at nothing else."""
        brokers = self._brokers()
        yield brokers
        if brokers.grade is Grade.PROBLEM:
            return
        kafka = self._settings.kafka
        to_read = []
        for topic, content in kafka.contents.items():
            to_read.append(self._topic(topic, f"topic {topic} ({content})", AclOperation.READ))
            yield to_read[-1]
        yield self._topic(
            kafka.dead_letter_topic, f"dead-letter topic {kafka.dead_letter_topic}", AclOperation.WRITE
        )
        yield from self._topic_settings()
        to_read.append(self._group())
        yield to_read[-1]
        if all(found.grade is Grade.OK for found in to_read):
            yield from start_findings(kafka, self._patience)
        if kafka.dead_letter_delivery == "exactly_once":
            yield self._transactions()
        if kafka.properties.get("group.protocol") == "consumer":
            yield self._protocol()

    def _brokers(self) -> Finding:
        """Reach one of the named brokers, then one of those that the cluster advertises itself by."""
        what = f"brokers {self._settings.kafka.bootstrap_servers}"
        self._began = time.monotonic()
        deadline = self._began + self._patience
        self._admin.poll(0)  # serves a first token, where librdkafka makes it itself
        while True:
            left = deadline - time.monotonic()
            try:
                found = self._admin.list_topics(timeout=max(0.1, min(left, 1.0)))
                break
            except KafkaException:
                self._admin.poll(0.2)  # hears the errors
                if left <= 0 or self._hopeless():
                    return Finding(what, Grade.PROBLEM, *self._messages.diagnosis())
        try:
            self._admin.describe_cluster(request_timeout=self._patience).result(self._patience + 1)
        except (KafkaException, TimeoutError):
            self._admin.poll(0.2)
            return Finding(what, Grade.PROBLEM, *self._messages.diagnosis())
        advertised = ", ".join(sorted(f"{b.host}:{b.port}" for b in found.brokers.values()))
        protocol = self._settings.kafka.properties.get("security.protocol", "plaintext")
        return Finding(what, Grade.OK, f"reached over {protocol}; they advertise {advertised}")

    def _hopeless(self) -> bool:
        """Whether more time won't help: not let in, or none of the servers has answered for a while."""
        if any(code_of(error) in WAYS_IN for error in self._messages.errors):
            return True
        down = any(error.code() == KafkaError._ALL_BROKERS_DOWN for error in self._messages.errors)
        return down and time.monotonic() - self._began >= ALL_DOWN_FOR

    def _topic(self, topic: str, what: str, wanted: AclOperation) -> Finding:
        """Exists, may be read or written, and each partition's leader can be reached."""

        def look() -> Finding:
            described = self._admin.describe_topics(
                TopicCollection([topic]), include_authorized_operations=True, request_timeout=self._patience
            )
            found = described[topic].result(self._patience + 1)
            allowed = found.authorized_operations
            if allowed and wanted not in allowed:
                return Finding(what, Grade.PROBLEM, f"{wanted.name} is not allowed", _grant(wanted, topic))
            partitions = [KafkaTopicPartition(topic, one.id) for one in found.partitions]
            end: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
            ends = self._admin.list_offsets(dict.fromkeys(partitions, end), request_timeout=self._patience)
            for asked in ends.values():
                asked.result(self._patience + 1)
            rights = f"{wanted.name} is allowed" if allowed else "the brokers do not tell what is allowed"
            return Finding(what, Grade.OK, f"{_count(len(partitions), 'partition')}, {rights}")

        missing = _grant(wanted, topic)
        mends = {KafkaError.TOPIC_AUTHORIZATION_FAILED: f"create it if it is missing, and {missing}"}
        return self._asked(what, look, mends)

    def _topic_settings(self) -> Iterator[Finding]:
        kafka = self._settings.kafka
        told = {topic: self._told(topic) for topic in [*kafka.contents, kafka.dead_letter_topic]}
        return topic_settings.warnings(kafka.dead_letter_topic, told)

    def _told(self, topic: str) -> dict[str, str]:
        """Return a topic's settings; none where they may not be read."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            asked = self._admin.describe_configs([resource], request_timeout=self._patience)
            found = asked[resource].result(self._patience + 1)
        except (KafkaException, TimeoutError):
            return {}
        return {name: entry.value for name, entry in found.items() if entry.value is not None}

    def _group(self) -> Finding:
        group = self._settings.kafka.group_id
        what = f"group {group}"
        mend = f"grant READ on group {group} to this user"

        def look() -> Finding:
            asked = self._admin.describe_consumer_groups(
                [group], include_authorized_operations=True, request_timeout=self._patience
            )
            found = asked[group].result(self._patience + 1)
            allowed = found.authorized_operations
            if allowed and AclOperation.READ not in allowed:
                return Finding(what, Grade.PROBLEM, "READ is not allowed", mend)
            members = _count(len(found.members), "member") if found.members else "nobody in it now"
            rights = "READ is allowed" if allowed else "the brokers do not tell what is allowed"
            return Finding(what, Grade.OK, f"{members}, {rights}")

        return self._asked(what, look, {KafkaError.GROUP_AUTHORIZATION_FAILED: mend})

    def _transactions(self) -> Finding:
        own = self._settings.transactional_id
        what = f"transactions as {own}"
        messages = LibrdkafkaMessages()

        def look() -> Finding:
            given = producer_properties(to_producer(self._settings.kafka), f"{own}-check")
            producer: Any = Producer({**given, "logger": messages.logger, "error_cb": messages.errors.append})
            producer.init_transactions(self._patience)
            return Finding(what, Grade.OK, f"the coordinator takes {own}-check")

        mend = (
            f"grant WRITE on transactional ids with the prefix {own} (on that id alone is enough to run, "
            "not to check), or set kafka.dead_letter_delivery to at_least_once"
        )
        return self._asked(what, look, {KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: mend})

    def _protocol(self) -> Finding:
        what = "group.protocol=consumer"
        deadline = time.monotonic() + 1
        while self._messages.heartbeat is None and time.monotonic() < deadline:
            self._admin.poll(0.1)
        if self._messages.heartbeat is None:
            return Finding(what, Grade.WARNING, "the brokers do not tell", MENDS["protocol_unsupported"])
        if self._messages.heartbeat < 1:
            return Finding(what, Grade.PROBLEM, "not offered", MENDS["protocol_unsupported"])
        return Finding(what, Grade.OK, "offered by the brokers")

    def _asked(self, what: str, look: Callable[[], Finding], mends: Mapping[int, str]) -> Finding:
        """Look; put a failure into words, but for one that passes: then look again while patience lasts."""
        before = len(self._messages.failures)
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return look()
            except TimeoutError:
                text, code = "no answer in time", KafkaError._TIMED_OUT
            except KafkaException as caught:
                error = caught.args[0]
                text, code = error.str() or error.name(), error.code()
            if code not in _PASSING or time.monotonic() >= deadline:
                break
            self._admin.poll(AGAIN_AFTER)
        self._admin.poll(0)
        return Finding(what, Grade.PROBLEM, *_explained(text, code, mends, self._messages.failures[before:]))


def _explained(text: str, code: int, mends: Mapping[int, str], failures: Sequence[str]) -> tuple[str, str]:
    """Cause and mend of a failure; of one that only took too long, that of what failed meanwhile."""
    if code in mends:
        return text, mends[code]
    known = code_of(KafkaError(code))
    if known is not None:
        return text, MENDS[known]
    if code in _PASSING:
        return text, "the coordinator is still loading or moving: try again, then look at the brokers' logs"
    if code in _UNREACHED:
        return f"{text}: {failures[-1]}" if failures else text, ADVERTISED
    return text, mend_in(text) or "look at the brokers' logs"


def _grant(operation: AclOperation, topic: str) -> str:
    return f"grant {operation.name} on topic {topic} to this user"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
