"""The KafkaUsers' rights on a real broker that grants nothing else: enough for what each is for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
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

from tests.acceptance.processes import PYTHON, Api
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import QUICK, World
from tests.broker import Broker
from tests.deploy.manifests import composed, named, of_kind
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl"),
]

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
USERS = {
    "pushwoosh-connector-kafka": "connector",
    "pushwoosh-connector-dead-letters-kafka": "letters",
    "pushwoosh-connector-backfill-kafka": "backfill",
}
"""By the KafkaUser's name, who has its rights here."""
_GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl.plain.sasl.jaas.config": " ".join(
        [_PLAIN, *(f'user_{user}="pw"' for user in USERS.values())]
    )
    + ";",
}


def login(user: str) -> str:
    return f"security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username={user}\nsasl.password=pw"


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
    return composed(tmp_path_factory.mktemp("strimzi"), "strimzi", "strimzi-backfill")


def binding(acl: dict[str, Any], operation: str, user: str) -> AclBinding:
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
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )


@pytest.fixture(scope="module")
def here(
    broker: Broker, resources: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The topics and users that Strimzi would make, each user with its rights; an API that refuses some."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for name, user in USERS.items():
        acls = named(resources, "KafkaUser", name)["spec"]["authorization"]["acls"]
        rights = [binding(acl, operation, user) for acl in acls for operation in acl["operations"]]
        for granted in admin.create_acls(rights).values():
            granted.result(10)
    folder = tmp_path_factory.mktemp("world")
    made = World(folder, Kafka(broker.bootstrap), Api(folder, faults=FAULTS))
    try:
        topics = {each["metadata"]["name"]: each["spec"] for each in of_kind(resources, "KafkaTopic")}
        for name, spec in topics.items():
            made.kafka.create_topic(
                name, spec["partitions"], {"retention.ms": str(spec["config"]["retention.ms"])}
            )
        made.topic, made.dead, made.group = (
            "pushwoosh-events",
            "pushwoosh-dead-letters",
            "pushwoosh-connector",
        )
        made.settings |= {
            "kafka.bootstrap_servers": broker.addresses["SASL"],
            "kafka.mixed_topics": made.topic,
            "kafka.dead_letter_topic": made.dead,
            "kafka.group_id": made.group,
            "kafka.properties": f"{QUICK}\n{login('connector')}",
        }
        yield made
    finally:
        made.close()


def test_the_connector_runs_with_the_rights_of_the_kafka_user_and_no_others(here: World) -> None:
    work = mixed(2_000, 500)
    here.produce(work)
    connector = here.run("--until-end")
    assert connector.wait(60) == 0, connector.tail()
    assert not connector.lines("kafka")
    here.reconcile(work)
    assert work.refused, "no letter was written"


def test_the_dead_letter_tool_looks_and_sends_again_with_its_own_user_and_not_with_the_connectors(
    here: World,
) -> None:
    here.produce(mixed(200, 50, seed=1))
    assert here.run("--until-end").wait(60) == 0
    connector, own = {**here.settings}, {**here.settings, "kafka.properties": login("letters")}

    refused = dead_letters(connector, "list")
    assert refused.returncode == 1
    assert f"grant READ on topic {here.dead}" in refused.stderr

    listed = dead_letters(own, "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    letters = json.loads(listed.stdout)["letters"]
    assert letters > 0

    sent = dead_letters(own, "replay", "--yes", "--even-if-newer")
    assert (sent.returncode, sent.stderr) == (0, "")
    marks = [each.header("pushwoosh.replayed_from") for each in here.kafka.read_all(here.topic)]
    assert len(marks) - marks.count(None) == letters


def test_a_backfill_runs_beside_it_with_its_own_user(here: World) -> None:
    records = mixed(200, 50, seed=2).records
    here.kafka.produce("pushwoosh-backfill", ((key, value, None, []) for key, value in records))
    backfill = here.run(
        "--until-end",
        kafka_mixed_topics="pushwoosh-backfill",
        kafka_group_id="pushwoosh-connector-backfill",
        kafka_properties=f"{QUICK}\n{login('backfill')}",
    )
    assert backfill.wait(60) == 0, backfill.tail()
    assert not backfill.lines("kafka")
    committed = here.kafka.committed("pushwoosh-connector-backfill")
    assert sum(at.offset for at in committed.values()) == len(records)


def dead_letters(settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as its Pod does."""
    environ = {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
    return subprocess.run(
        [*PYTHON, "dead-letters", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
