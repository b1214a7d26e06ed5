"""`check` against real brokers: what is right, and each thing that can be wrong, in the user's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connector.finding import Finding, Grade
from connector.kafka.cluster_check import ClusterCheck
from connector.model import Position, TopicPartition
from tests.broker import Broker
from tests.kafka.client import Kafka
from tests.kafka.guarded import behind_a_login, filter_of
from tests.settings import with_environment

pytestmark = pytest.mark.broker

_LOGIN = {
    "security.protocol": "sasl_plaintext",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "connector",
    "sasl.password": "connector-pw",
}


class Cluster(NamedTuple):
    """A broker with a listener for everybody and one that wants a login and has ACLs."""

    open: str
    guarded: str
    admin: Any


@pytest.fixture(scope="module")
def cluster(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    assert kafka_jars.exists()
    broker = behind_a_login(tmp_path_factory.mktemp("guarded"), "connector-pw")
    broker.start()
    try:
        kafka = Kafka(broker.bootstrap)
        kafka.create_topic("source", 2)
        kafka.create_topic("dead", 1)
        kafka.create_topic("small", 1, {"max.message.bytes": "1000", "cleanup.policy": "compact"})
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        yield Cluster(broker.bootstrap, broker.addresses["SASL"], admin)
    finally:
        broker.kill()


@pytest.fixture
def grant(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Give the user a right; all are taken away afterwards."""
    given = []

    def give(kind: Any, name: str, operation: Any, pattern: Any = ResourcePatternType.LITERAL) -> None:
        acl = AclBinding(kind, name, pattern, "User:connector", "*", operation, AclPermissionType.ALLOW)
        for future in cluster.admin.create_acls([acl]).values():
            future.result(10)
        given.append(acl)

    yield give
    for acl in given:
        for future in cluster.admin.delete_acls([filter_of(acl)]).values():
            future.result(10)


def probed(
    servers: str, properties: dict[str, str] | None = None, patience: float = 10.0, **environment: str
) -> dict[str, Finding]:
    """Findings by the first word of what was looked at."""
    settings = with_environment(
        **{
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": servers,
            "CONNECTOR_KAFKA_GROUP_ID": "group",
            "CONNECTOR_KAFKA_TAGS_TOPICS": "source",
            "CONNECTOR_KAFKA_TRANSACTIONAL_ID": "group-1",
            "CONNECTOR_KAFKA_PROPERTIES": "\n".join(f"{k}={v}" for k, v in (properties or {}).items()),
            **environment,
        }
    )
    return {finding.what.split()[0]: finding for finding in ClusterCheck(settings, patience).findings()}


def problems(found: dict[str, Finding]) -> dict[str, str]:
    return {what: f"{one.result}; {one.mend}" for what, one in found.items() if one.grade is not Grade.OK}


def test_no_problem_is_found_where_everything_is_there(cluster: Cluster) -> None:
    found = probed(cluster.open, {"group.protocol": "consumer"})

    assert problems(found) == {}
    assert list(found) == [
        "brokers",
        "topic",
        "dead-letter",
        "group",
        "transactions",
        "group.protocol=consumer",
    ]


def test_no_transaction_is_tried_where_letters_go_without_one(cluster: Cluster) -> None:
    assert "transactions" not in probed(cluster.open, CONNECTOR_KAFKA_DEAD_LETTER_DELIVERY="at_least_once")


def test_four_acls_are_enough(cluster: Cluster, grant: Callable[..., None]) -> None:
    grant(ResourceType.TOPIC, "source", AclOperation.READ)
    grant(ResourceType.GROUP, "group", AclOperation.READ)
    grant(ResourceType.TOPIC, "dead", AclOperation.WRITE)
    grant(ResourceType.TRANSACTIONAL_ID, "group", AclOperation.WRITE, ResourcePatternType.PREFIXED)

    assert problems(probed(cluster.guarded, _LOGIN)) == {}


def test_each_missing_acl_is_a_problem_that_names_it(cluster: Cluster) -> None:
    found = problems(probed(cluster.guarded, _LOGIN))

    assert set(found) == {"topic", "dead-letter", "group", "transactions"}
    assert "grant READ on topic source" in found["topic"]
    assert "grant WRITE on topic dead" in found["dead-letter"]
    assert "grant READ on group group" in found["group"]
    assert "grant WRITE on transactional ids with the prefix group-1" in found["transactions"]


def test_rights_to_see_topics_and_a_group_are_not_enough(
    cluster: Cluster, grant: Callable[..., None]
) -> None:
    grant(ResourceType.TOPIC, "source", AclOperation.DESCRIBE)
    grant(ResourceType.TOPIC, "dead", AclOperation.READ)
    grant(ResourceType.GROUP, "group", AclOperation.DESCRIBE)
    found = problems(probed(cluster.guarded, _LOGIN))

    assert found["topic"].startswith("READ is not allowed")
    assert found["dead-letter"].startswith("WRITE is not allowed")
    assert found["group"].startswith("READ is not allowed")


def test_a_missing_topic_is_named(cluster: Cluster) -> None:
    found = problems(probed(cluster.open, CONNECTOR_KAFKA_DEAD_LETTER_TOPIC="nowhere"))

    assert list(found) == ["dead-letter"]
    assert "create the topic" in found["dead-letter"]


def test_a_dead_letter_topic_with_other_settings_than_it_should_have_is_a_warning(cluster: Cluster) -> None:
    found = probed(cluster.open, CONNECTOR_KAFKA_DEAD_LETTER_TOPIC="small")

    assert found["room"].grade is Grade.WARNING
    assert "max.message.bytes of small is 1000" in found["room"].result
    assert found["compaction"].grade is Grade.WARNING


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_records_that_are_gone_before_they_were_read_are_said_before_run_halts(
    cluster: Cluster, protocol: str
) -> None:
    kafka = Kafka(cluster.open)
    topic, group = kafka.create_topic(), kafka.name("late")
    kafka.produce(topic, [(None, b"v")] * 9)
    kafka.commit(group, {TopicPartition(topic, 0): Position(2, "")})
    own: dict[str, Any] = {"CONNECTOR_KAFKA_TAGS_TOPICS": topic, "CONNECTOR_KAFKA_GROUP_ID": group}
    assert problems(probed(cluster.open, {"group.protocol": protocol}, **own)) == {}
    for deleted in cluster.admin.delete_records([KafkaTopicPartition(topic, 0, 5)]).values():
        deleted.result(10)

    found = probed(cluster.open, {"group.protocol": protocol}, **own)["start"]

    assert (found.grade, found.what) == (Grade.PROBLEM, f"start of group {group}")
    assert "3 records from offset 2 on are gone" in found.result
    going_on = probed(cluster.open, CONNECTOR_KAFKA_ON_DATA_LOSS="continue", **own)["start"]
    assert going_on.grade is Grade.WARNING


@pytest.mark.parametrize(
    ("listener", "properties", "says"),
    [
        ("guarded", {**_LOGIN, "sasl.password": "hush"}, "Invalid username or password"),
        ("guarded", {**_LOGIN, "sasl.mechanism": "SCRAM-SHA-512"}, "supported mechanisms: PLAIN"),
        ("guarded", {}, "security.protocol"),
        ("guarded", {**_LOGIN, "security.protocol": "sasl_ssl"}, "security.protocol"),
        ("open", {"security.protocol": "ssl"}, "security.protocol"),
        ("open", _LOGIN, "takes no SASL login: set security.protocol"),
    ],
)
def test_a_wrong_way_in_is_one_problem_that_says_what_to_set(
    cluster: Cluster, listener: str, properties: dict[str, str], says: str
) -> None:
    found = probed(getattr(cluster, listener), properties, patience=2.0)

    assert list(found) == ["brokers"]
    assert says in problems(found)["brokers"]
    assert "hush" not in str(found)


def test_brokers_that_advertise_an_address_nobody_reaches_are_found_out(
    own_broker: Callable[..., Broker],
) -> None:
    broker = own_broker(listeners={"OUTSIDE": "PLAINTEXT"})
    wrong = broker.addresses["OUTSIDE"]
    broker.kill()
    properties = broker.directory / "server.properties"
    text = properties.read_text()
    advertised = next(line for line in text.splitlines() if line.startswith("advertised.listeners="))
    properties.write_text(text.replace(advertised, advertised.replace(wrong, "127.0.0.1:1")))
    broker.start()
    Kafka(broker.bootstrap).create_topic("source")

    found = probed(wrong, patience=2.0)

    assert found["brokers"].grade is Grade.PROBLEM
    assert "127.0.0.1:1/" in found["brokers"].result
    assert "advertised.listeners" in found["brokers"].mend


def test_it_joins_no_group_and_writes_nothing(cluster: Cluster) -> None:
    kafka = Kafka(cluster.open)
    probed(cluster.open)

    assert kafka.end_offsets("dead") == {0: 0}
    assert kafka.committed("group") == {}
