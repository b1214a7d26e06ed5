"""The librdkafka properties that the guarantees rest on, and why each can't be set.

Names and values go in, a reason comes out. Everything not named here may be set.
"""

from __future__ import annotations

from collections.abc import Callable

_COMMITS = "offsets are committed by the connector alone, after the API's verdict"
_OWN_SETTING = "it has a setting of its own: {}"
_CODE = "it needs code, not text"
_ALL = ("all", "-1")
LONGEST_TRANSACTION = 60_000
"""Milliseconds. After a crash, whoever takes a partition over waits for the end of an open transaction."""
_MOST_IN_FLIGHT = 5
"""The most that an idempotent producer may have in flight (KIP-98)."""

_NEVER = {
    "enable.auto.commit": _COMMITS,
    "auto.commit.enable": _COMMITS,
    "auto.commit.interval.ms": _COMMITS,
    "enable.auto.offset.store": _COMMITS,
    "offset.store.method": _COMMITS,
    "offset.store.path": _COMMITS,
    "offset.store.sync.interval.ms": _COMMITS,
    "enable.partition.eof": "the end of a partition tells which offsets don't exist; it is always on",
    "group.id": _OWN_SETTING.format("kafka.group_id"),
    "bootstrap.servers": _OWN_SETTING.format("kafka.bootstrap_servers"),
    "metadata.broker.list": _OWN_SETTING.format("kafka.bootstrap_servers"),
    "transactional.id": _OWN_SETTING.format("kafka.transactional_id"),
    "enable.gapless.guarantee": "a dead letter that can't be written is tried again, it must not be fatal",
    "delivery.report.only.error": "a dead letter's offset is committed only after its delivery report",
    "queuing.strategy": "dead letters keep their order",
    "default_topic_conf": _CODE,
    "default.topic.config": "librdkafka's topic properties are set by their plain names",
    "opaque": _CODE,
    "logger": _CODE,
    "interceptors": _CODE,
    "enabled_events": _CODE,
    "log.queue": "the connector takes librdkafka's log lines into its own log",
    "key.serializer": "a dead letter is the source record byte for byte",
    "value.serializer": "a dead letter is the source record byte for byte",
    "test.mock.num.brokers": "it would write to a broker that does not exist",
}
_JAVA = {
    "sasl.jaas.config": "it is the Java client's: set sasl.mechanism, sasl.username and sasl.password",
    "ssl.truststore.location": "it is the Java client's: set ssl.ca.location to a file in PEM form",
    "ssl.truststore.password": "it is the Java client's: ssl.ca.location needs none",
    "ssl.truststore.type": "it is the Java client's: ssl.ca.location is in PEM form",
    "ssl.keystore.type": "it is the Java client's: ssl.keystore.location is PKCS#12 here",
    "ssl.truststore.certificates": "it is the Java client's: set ssl.ca.pem",
    "ssl.keystore.certificate.chain": "it is the Java client's: set ssl.certificate.pem",
    "ssl.keystore.key": "it is the Java client's: set ssl.key.pem",
}


def _only(*allowed: str, why: str) -> Callable[[str], str]:
    def judge(value: str) -> str:
        return "" if value.strip().lower() in allowed else f"only {' or '.join(allowed)}: {why}"

    return judge


def _at_most(limit: int, why: str) -> Callable[[str], str]:
    def judge(value: str) -> str:
        too_much = value.strip().isdecimal() and int(value) > limit
        return f"at most {limit}: {why}" if too_much else ""

    return judge


_ACKS = _only(*_ALL, why="a dead letter must be on every in-sync replica before its offset is committed")
_IN_FLIGHT = _at_most(_MOST_IN_FLIGHT, "the dead-letter producer is idempotent")

_JUDGES: dict[str, Callable[[str], str]] = {
    "allow.auto.create.topics": _only("false", why="a misspelt topic must not come into being, empty"),
    "isolation.level": _only("read_committed", why="an aborted record was never sent by anybody"),
    "partition.assignment.strategy": _only(
        "cooperative-sticky", why="partitions that stay must not stop in a rebalance"
    ),
    "enable.idempotence": _only("true", why="a dead letter must not be written twice"),
    "acks": _ACKS,
    "request.required.acks": _ACKS,
    "max.in.flight": _IN_FLIGHT,
    "max.in.flight.requests.per.connection": _IN_FLIGHT,
    "transaction.timeout.ms": _at_most(
        LONGEST_TRANSACTION, "after a crash, the next owner of a partition waits this long"
    ),
}


def why_forbidden(name: str, value: str) -> str:
    """Why this property can't have this value here; empty where it can, as far as the guarantees go."""
    if name in _NEVER:
        return _NEVER[name]
    if name in _JAVA:
        return _JAVA[name]
    if name in _JUDGES:
        return _JUDGES[name](value)
    if name.endswith("_cb") or name.startswith("on_"):
        return _CODE
    return ""


def reasons() -> dict[str, str]:
    """Every property that can't be set, or not to everything, and why: for the documentation."""
    return {**_NEVER, **_JAVA, **{name: judge("9" * 12) for name, judge in _JUDGES.items()}}
