"""The least rights that the tool needs on a guarded cluster; each one missing is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

from tests.broker import Broker
from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka
from tests.kafka.guarded import behind_a_login

pytestmark = pytest.mark.broker

_RIGHTS = ("read dead", "read source", "write source", "read group", "write transactional id")


@pytest.fixture(scope="module")
def guarded(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    assert kafka_jars.exists()
    broker = behind_a_login(tmp_path_factory.mktemp("guarded"), "connector-pw")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def allowed(guarded: Broker) -> Callable[..., World]:
    """Make a world whose tool has these rights and no others."""

    def make(*rights: str) -> World:
        world = World(Kafka(guarded.bootstrap))
        world.environ["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"] = guarded.addresses["SASL"]
        world.environ["CONNECTOR_KAFKA_PROPERTIES"] = (
            "security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\n"
            "sasl.username=connector\nsasl.password=connector-pw"
        )
        own = world.environ["CONNECTOR_KAFKA_GROUP_ID"] + "-dead-letters-replay"
        known: dict[str, tuple[Any, str, Any]] = {
            "read dead": (ResourceType.TOPIC, world.dead, AclOperation.READ),
            "read source": (ResourceType.TOPIC, world.topic, AclOperation.READ),
            "write source": (ResourceType.TOPIC, world.topic, AclOperation.WRITE),
            "read group": (ResourceType.GROUP, own, AclOperation.READ),
            "write transactional id": (ResourceType.TRANSACTIONAL_ID, own, AclOperation.WRITE),
        }
        admin = AdminClient({"bootstrap.servers": guarded.bootstrap})
        literal, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
        for right in rights:
            kind, name, operation = known[right]
            acl = AclBinding(kind, name, literal, "User:connector", "*", operation, allow)
            for future in admin.create_acls([acl]).values():
                future.result(10)
        world.refused("A")
        world.produce(tags("B"))  # something came since: it has to be read
        return world

    return make


def test_five_rights_are_enough(allowed: Callable[..., World]) -> None:
    world = allowed(*_RIGHTS)

    said = world.run("replay", "--yes")

    assert (said.code, said.err) == (0, "")
    assert len(world.replayed()) == 1


def test_one_right_is_enough_to_look(allowed: Callable[..., World]) -> None:
    world = allowed("read dead")

    said = world.run("list", "--json")

    assert (said.code, said.json["letters"]) == (0, 1)
    assert "what was sent again isn't known" in said.err
    assert "grant READ on group" in said.err


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("read dead", "grant READ on topic {dead}"),
        ("read source", "grant READ on topic {topic}"),
        ("write source", "grant WRITE on the source topics"),
        ("read group", "grant READ on group {group}-dead-letters-replay"),
        ("write transactional id", "grant WRITE on transactional id {group}-dead-letters-replay"),
    ],
)
def test_a_missing_right_is_named_and_nothing_is_sent(
    allowed: Callable[..., World], missing: str, words: str
) -> None:
    world = allowed(*(right for right in _RIGHTS if right != missing))

    said = world.run("replay", "--yes")

    assert said.code == 1
    group = world.environ["CONNECTOR_KAFKA_GROUP_ID"]
    assert words.format(dead=world.dead, topic=world.topic, group=group) in said.err
    assert "Traceback" not in said.err
    assert world.replayed() == []
