"""What a person must mend is named, and is over when it is mended: against real brokers that refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs forget to re-export them
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connector.kafka.group.source import SourceFailed
from connector.kafka.troubles import Phase
from tests.broker import Broker
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

LOGIN: dict[str, Any] = {
    "sasl_mechanism": "PLAIN",
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_username": "connector",
}
JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'user_admin="admin-pw" user_connector="conn-pw";'
)


@pytest.fixture
def guarded(own_broker: Callable[..., Broker]) -> Broker:
    """A broker that asks for a password on its listener SASL and lets `connector` do nothing yet."""
    return own_broker(
        listeners={"SASL": "SASL_PLAINTEXT"},
        extra_config={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:admin",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": JAAS,
        },
    )


def allow(broker: Broker, kind: ResourceType, name: str, operation: AclOperation) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    binding = AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        "User:connector",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )
    for future in admin.create_acls([binding]).values():
        future.result(10)


async def test_a_wrong_password_is_an_authentication_trouble(guarded: Broker) -> None:
    async with Member(guarded.addresses["SASL"], "g", ["t"], sasl_password="wrong", **LOGIN) as member:
        await member.until(lambda: member.told("authentication"))
        assert member.source.troubles.blocking
        assert not member.source.joined
        assert "wrong" not in str(member.troubles)


async def test_a_plaintext_client_at_a_sasl_listener_is_told_to_check_its_protocol(guarded: Broker) -> None:
    async with Member(guarded.addresses["SASL"], "g", ["t"]) as member:
        await member.until(lambda: member.told("unreachable"))
        trouble = member.told("unreachable")
        assert trouble is not None
        assert "security.protocol" in trouble.mend


async def test_missing_rights_are_named_one_by_one_and_heal(guarded: Broker) -> None:
    topic = Kafka(guarded.bootstrap).create_topic("events")
    Kafka(guarded.bootstrap).produce(topic, [(None, b"v")])
    async with Member(guarded.addresses["SASL"], "g", [topic], sasl_password="conn-pw", **LOGIN) as member:
        await member.until(lambda: member.told("group_authorization"))
        allow(guarded, ResourceType.GROUP, "g", AclOperation.READ)
        await member.until(lambda: member.told("topic_authorization"))
        allow(guarded, ResourceType.TOPIC, topic, AclOperation.READ)
        await member.until(lambda: member.records)
        await member.until(lambda: not member.source.troubles.active)
        assert member.told("group_authorization", Phase.ENDED)
        assert member.told("topic_authorization", Phase.ENDED)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_missing_topic_is_named_and_found_once_it_exists(kafka: Kafka, protocol: str) -> None:
    topic = kafka.name()
    async with Member(
        kafka.bootstrap,
        kafka.name("group"),
        [topic],
        topic_metadata_refresh_interval_ms=500,
        group_protocol=protocol,
    ) as member:
        await member.until(lambda: member.told("topic_missing"))
        trouble = member.told("topic_missing")
        assert trouble is not None
        assert trouble.subject == topic
        kafka.create_topic(topic)
        kafka.produce(topic, [(None, b"v")])
        await member.until(lambda: member.records)
        assert not member.source.troubles.active


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_topic_that_is_deleted_beside_one_that_is_read_is_named_until_it_is_back(
    kafka: Kafka, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.group.missing.ASK_TOPICS_EVERY", 1.0)
    kept, deleted = kafka.create_topic(), kafka.create_topic()
    async with Member(
        kafka.bootstrap,
        kafka.name("group"),
        [kept, deleted],
        topic_metadata_refresh_interval_ms=500,
        group_protocol=protocol,
    ) as member:
        await member.until(lambda: len(member.starts) == 2)
        assert not member.troubles
        kafka.delete_topic(deleted)
        await member.until(lambda: deleted in {trouble.subject for trouble in member.source.troubles.active})
        kafka.produce(kept, [(None, b"v")])
        await member.until(lambda: member.records)
        assert member.source.troubles.blocking
        kafka.create_topic(deleted)
        await member.until(lambda: not member.source.troubles.active)
        assert {trouble.code for trouble in member.troubles} == {"topic_missing"}


async def test_a_dead_broker_is_unreachable_until_it_is_back(own_broker: Callable[..., Broker]) -> None:
    broker = own_broker()
    topic = Kafka(broker.bootstrap).create_topic()
    async with Member(broker.bootstrap, "g", [topic]) as member:
        await member.until(lambda: member.ends)
        broker.kill()
        await member.until(lambda: member.told("unreachable"))
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(Kafka(broker.bootstrap).produce, topic, [(None, b"v")])
        await member.until(lambda: member.records)
        await member.until(lambda: not member.source.troubles.active)
        assert sum(t.phase is Phase.BEGAN and t.code == "unreachable" for t in member.troubles) == 1


@pytest.mark.slow
async def test_an_older_broker_without_the_new_protocol_is_named(
    own_broker: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.group.joining.JOIN_LIMIT", 3.0)
    broker = own_broker(version="3.9.1")
    topic = Kafka(broker.bootstrap).create_topic()
    async with Member(broker.bootstrap, "g", [topic], group_protocol="consumer") as member:
        await member.until(lambda: member.told("protocol_unsupported"))
        assert not member.source.joined
        assert member.source.troubles.blocking
    async with Member(broker.bootstrap, "g", [topic]) as member:
        await member.until(lambda: member.starts)
        assert not member.troubles


async def test_an_assignor_that_the_group_does_not_know_ends_the_member_and_is_named(kafka: Kafka) -> None:
    properties: dict[str, Any] = {"group_protocol": "consumer", "group_remote_assignor": "bogus"}
    async with Member(kafka.bootstrap, kafka.name("g"), [kafka.create_topic()], **properties) as member:
        with pytest.raises(SourceFailed, match="assignor"):
            await member.until(lambda: False)
        assert member.told("group_settings")


async def test_a_group_that_has_members_of_the_other_protocol_ends_a_new_one_and_is_named(
    kafka: Kafka,
) -> None:
    """Kafka (4.4.0) makes a new group of a classic one if it can: not after a rebalance of librdkafka's."""
    topic, group = kafka.create_topic(partitions=2), kafka.name("g")
    async with Member(kafka.bootstrap, group, [topic]) as kept:
        await kept.until(lambda: kept.starts)
        for _ in range(2):
            async with Member(kafka.bootstrap, group, [topic]) as other:
                await other.until(lambda: other.starts)
            await kept.until(lambda: len(kept.starts) == 2)
        async with Member(kafka.bootstrap, group, [topic], group_protocol="consumer") as new:
            with pytest.raises(SourceFailed, match="group id does not exist"):
                await new.until(lambda: False)
            assert new.told("group_settings")


async def test_under_the_new_protocol_the_second_of_two_with_one_instance_id_ends(kafka: Kafka) -> None:
    """So does one that was killed and started again: the words must be good for that, too."""
    topic, group = kafka.create_topic(), kafka.name("g")
    properties: dict[str, Any] = {"group_instance_id": "one", "group_protocol": "consumer"}
    async with Member(kafka.bootstrap, group, [topic], **properties) as first:
        await first.until(lambda: first.starts)
        async with Member(kafka.bootstrap, group, [topic], **properties) as second:
            with pytest.raises(SourceFailed, match="still used by another member"):
                await second.until(lambda: False)
            trouble = second.told("instance_id")
            assert trouble is not None
            assert "group.consumer.session.timeout.ms" in trouble.mend


async def test_of_two_members_with_one_instance_id_the_first_is_fenced_and_ends(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("g")
    async with Member(kafka.bootstrap, group, [topic], group_instance_id="one") as first:
        await first.until(lambda: first.starts)
        async with Member(kafka.bootstrap, group, [topic], group_instance_id="one") as second:
            await second.until(lambda: second.starts)
            with pytest.raises(SourceFailed, match=r"group\.instance\.id"):
                await first.until(lambda: False)
            assert first.told("instance_id")
