"""A stop while no broker answers takes seconds, whatever librdkafka is waiting for."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import World, world
from tests.broker import Broker
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def seconds_to_stop(connector: Connector) -> float:
    began = time.monotonic()
    connector.signal(signal.SIGTERM)
    connector.wait(30)
    return time.monotonic() - began


def cut_off(connector: Connector) -> bool:
    return any(line["code"] == "unreachable" for line in connector.lines("kafka"))


def owing_letters(here: World, connector: Connector) -> bool:
    return bool(connector.lines("dead letters not written")) and here.lag() > 0


def test_a_stop_does_not_wait_for_brokers_that_are_gone(
    own_broker: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = own_broker()
    with world(tmp_path, Kafka(broker.bootstrap), faults=FAULTS) as here:
        quiet = here.kafka.create_topic(here.kafka.name("quiet"))
        idle = here.run(kafka_group_id=f"{here.group}-idle", kafka_mixed_topics=quiet)
        wait_for(idle.ready, 30, "readiness")
        here.kafka.delete_topic(here.dead)
        here.produce(mixed(300, 100, seed=75, unreadable=0.05))
        owing = here.run()
        wait_for(lambda: owing_letters(here, owing), 40, "a letter that can't be written")
        broker.kill()
        wait_for(lambda: cut_off(owing) and cut_off(idle), 30, "lines about the broker")

        assert seconds_to_stop(idle) < 6, idle.tail()
        assert seconds_to_stop(owing) < 6, owing.tail()
