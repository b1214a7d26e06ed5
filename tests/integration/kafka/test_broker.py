"""The tests' own broker: what the other tests rely on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker import Broker, Cluster
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def test_what_is_produced_is_read_back_byte_for_byte(kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, [(b"k", b"v", 1, [("h", b"1"), ("h", None)], 1_700_000_000_000), (None, None, 0)])
    null, record = kafka.read_all(topic)
    assert (null.key, null.value) == (None, None)
    assert (record.key, record.value, record.partition, record.timestamp) == (
        b"k",
        b"v",
        1,
        1_700_000_000_000,
    )
    assert record.headers == [("h", b"1"), ("h", None)]
    assert kafka.end_offsets(topic) == {0: 1, 1: 1}


def test_a_killed_broker_takes_up_its_log_again(own_broker: Callable[..., Broker]) -> None:
    broker = own_broker()
    kafka = Kafka(broker.bootstrap)
    topic = kafka.create_topic()
    kafka.produce(topic, [(b"k", b"v")])
    broker.kill()
    broker.start()
    assert [record.value for record in kafka.read_all(topic)] == [b"v"]


def test_three_brokers_go_on_when_one_is_killed(kafka_jars: Path, tmp_path: Path) -> None:
    assert kafka_jars.exists()
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        kafka = Kafka(cluster.bootstrap)
        topic = kafka.create_topic(partitions=3)
        cluster.brokers[0].kill()
        kafka.produce(topic, [(b"k", b"v", partition) for partition in range(3)])
        assert len(kafka.read_all(topic)) == 3
    finally:
        cluster.stop()
