"""The connector inside a program: a real Kafka, the API's double as the fixtures have it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Hashable

import pytest

import connector
from connector.kafka.clients.properties import LOGGERS
from connector.ops.log import _Repeats
from connector.ops.throttle import Throttle
from connector.testing import RunningSandbox
from connector.testing.fixtures import pushwoosh_sandbox
from tests.kafka.client import Kafka
from tests.settings import ENOUGH
from tests.unit.fakes import until

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
    await until(lambda: running.done() or embedded.status().settled["confirmed"] == RECORDS, 60)
    assert not running.done()
    embedded.stop()
    async with asyncio.timeout(60):
        await running
    committed = kafka.committed(given.kafka.group_id)
    assert sum(position.offset for position in committed.values()) == RECORDS
    assert pushwoosh_sandbox.tags() == {f"d{n}": {"n": n} for n in range(RECORDS)}
    assert pushwoosh_sandbox.stats().submitted_twice == 0


class Asked(Throttle):
    """Remembers each line that it was asked about, by its kind."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.kinds: list[Hashable] = []

    def passes(self, kind: Hashable) -> int | None:
        self.kinds.append(kind)
        return super().passes(kind)


async def test_without_brokers_the_program_s_log_gets_a_line_of_each_kind_and_the_clients_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "connector.kafka.letters.producer_steps.INIT_LIMIT", 1.0
    )  # that long the last call takes
    throttle = Asked(lambda: 0.0)  # time stands still: no line of a kind may come twice
    monkeypatch.setattr("connector.ops.log._repeats", _Repeats(throttle))
    for name in LOGGERS.values():
        logging.getLogger(name).filters.clear()
    nowhere = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_ADMIN_HOST": "127.0.0.1"}
    settings = connector.load(None, {**ENOUGH, **nowhere, "CONNECTOR_ADMIN_PORT": "0"})
    embedded = connector.Connector(settings)

    def lines() -> list[logging.LogRecord]:
        return [each for each in caplog.records if each.name in LOGGERS.values()]

    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(embedded.run())
        await until(lambda: {*LOGGERS.values()} == {each.name for each in lines()}, 60)
        await until(lambda: len(throttle.kinds) > len({*throttle.kinds}), 60)
        embedded.stop()
        await running
        async with asyncio.timeout(15):
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert len(lines()) == len({*throttle.kinds})
    assert {(each.levelname, each.levelno) for each in lines()} == {("INFO", logging.INFO)}
