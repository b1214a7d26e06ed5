"""The connector inside a program: a real Kafka, the API's double as the fixtures have it."""

from __future__ import annotations

import asyncio
import json

import pytest

import connector
from connector.testing import RunningSandbox
from connector.testing.fixtures import pushwoosh_sandbox
from tests.kafka.client import Kafka

__all__ = ["pushwoosh_sandbox"]  # pytest finds fixtures by their names in the module

pytestmark = pytest.mark.broker

RECORDS = 200


def settings(kafka: Kafka, api: RunningSandbox) -> connector.Settings:
    topic, dead = kafka.name("events"), kafka.name("dead")
    kafka.create_topic(topic, 2)
    kafka.create_topic(dead, 1)
    values = [json.dumps({"hwid": f"d{n}", "tags": {"n": n}}).encode() for n in range(RECORDS)]
    kafka.produce(topic, ((f"d{n}".encode(), value, None, []) for n, value in enumerate(values)))
    return connector.load(
        None,
        {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CONNECTOR_KAFKA_GROUP_ID": kafka.name("group"),
            "CONNECTOR_KAFKA_TAGS_TOPICS": topic,
            "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": dead,
            "CONNECTOR_PUSHWOOSH_URL": api.url,
            "CONNECTOR_PUSHWOOSH_APPLICATION": "AAAAA-BBBBB",
            "CONNECTOR_PUSHWOOSH_TOKEN": "token",
            "CONNECTOR_ADMIN_HOST": "127.0.0.1",
            "CONNECTOR_ADMIN_PORT": "0",
            "CONNECTOR_BATCH_LINGER": "20ms",
        },
    )


async def test_it_settles_and_commits_everything_and_is_stopped_by_its_program(
    kafka: Kafka, pushwoosh_sandbox: RunningSandbox
) -> None:
    pushwoosh_sandbox.faults(latency={"seconds": 0.05})
    given = settings(kafka, pushwoosh_sandbox)
    embedded = connector.Connector(given)
    running = asyncio.create_task(embedded.run())
    async with asyncio.timeout(60):
        while embedded.status().settled["confirmed"] < RECORDS:
            await asyncio.sleep(0.05)
            assert not running.done()
        embedded.stop()
        await running
    committed = kafka.committed(given.kafka.group_id)
    assert sum(position.offset for position in committed.values()) == RECORDS
    assert pushwoosh_sandbox.tags() == {f"d{n}": {"n": n} for n in range(RECORDS)}
    assert pushwoosh_sandbox.stats().submitted_twice == 0
