"""The KafkaUser's rights on a real broker that grants nothing else: enough to run, and each one needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.acceptance.processes import Api
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import QUICK, World
from tests.broker import Broker
from tests.deploy.manifests import composed, of_kind, one
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl"),
]

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_LOGIN = "security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username=connector\nsasl.password=pw"
_GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl.plain.sasl.jaas.config": f'{_PLAIN} user_connector="pw";',
}


@pytest.fixture(scope="module")
def broker(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker whose one listener for others wants a login and has ACLs."""
    assert kafka_jars.exists()
    guarded = Broker(
        tmp_path_factory.mktemp("guarded"), listeners={"SASL": "SASL_PLAINTEXT"}, extra_config=_GUARDED
    )
    guarded.start()
    try:
        yield guarded
    finally:
        guarded.kill()


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return composed(tmp_path_factory.mktemp("strimzi"), "strimzi")


def binding(acl: dict[str, Any], operation: str) -> AclBinding:
    """Turn one of Strimzi's rules into Kafka's own."""
    kinds = {
        "topic": ResourceType.TOPIC,
        "group": ResourceType.GROUP,
        "transactionalId": ResourceType.TRANSACTIONAL_ID,
    }
    patterns = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
    resource = acl["resource"]
    return AclBinding(
        kinds[resource["type"]],
        resource["name"],
        patterns[resource["patternType"]],
        "User:connector",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )


def test_the_connector_runs_with_the_rights_of_the_kafka_user_and_no_others(
    broker: Broker, resources: list[dict[str, Any]], tmp_path: Path
) -> None:
    acls = one(resources, "KafkaUser")["spec"]["authorization"]["acls"]
    rights = [binding(acl, operation) for acl in acls for operation in acl["operations"]]
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for granted in admin.create_acls(rights).values():
        granted.result(10)
    here = World(tmp_path, Kafka(broker.bootstrap), Api(tmp_path, faults=FAULTS))
    try:
        topics = {each["metadata"]["name"]: each["spec"] for each in of_kind(resources, "KafkaTopic")}
        for name, spec in topics.items():
            here.kafka.create_topic(
                name, spec["partitions"], {"retention.ms": str(spec["config"]["retention.ms"])}
            )
        here.topic, here.dead, here.group = (
            "pushwoosh-events",
            "pushwoosh-dead-letters",
            "pushwoosh-connector",
        )
        here.settings |= {
            "kafka.bootstrap_servers": broker.addresses["SASL"],
            "kafka.mixed_topics": here.topic,
            "kafka.dead_letter_topic": here.dead,
            "kafka.group_id": here.group,
            "kafka.properties": f"{QUICK}\n{_LOGIN}",
        }
        work = mixed(2_000, 500)
        here.produce(work)
        connector = here.run("--until-end")
        assert connector.wait(60) == 0, connector.tail()
        assert not connector.lines("kafka")
        here.reconcile(work)
        assert work.refused, "no letter was written"
    finally:
        here.close()
