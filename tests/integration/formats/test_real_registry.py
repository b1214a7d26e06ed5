"""From a producer with a schema registry to the API: a real broker, a real registry, a process of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import Api, Connector, wait_for
from tests.acceptance.world import World
from tests.integration.formats.serializing import SERIALIZERS, expected, serializer
from tests.kafka.client import Kafka
from tests.schema_registry.apicurio import Apicurio

pytestmark = pytest.mark.broker

UNKNOWN = b"\0" + (99_999).to_bytes(4) + b"\x02A"


@pytest.fixture
def world(tmp_path: Path, kafka: Kafka) -> Iterator[World]:
    api = Api(tmp_path)
    made = World(tmp_path, kafka, api, partitions=2)
    yield made
    for connector in made.connectors:
        if connector.process.poll() is None:
            connector.kill()
    api.stop()


def run(world: World, registry: Apicurio, word: str) -> Connector:
    return world.run(kafka_decoder=word, schema_registry_url=registry.url, schema_registry_timeout="1s")


def produce(world: World, write: object, numbers: range) -> None:
    assert callable(write)
    records = [(f"d{number}".encode(), write(f"d{number}", number)) for number in numbers]
    world.kafka.produce(world.topic, records)


@pytest.mark.parametrize("word", SERIALIZERS)
def test_what_serializers_write_arrives_and_what_nobody_can_read_is_a_dead_letter(
    world: World, apicurio: Apicurio, word: str
) -> None:
    write = serializer(word, apicurio.url, world.topic)
    produce(world, write, range(1, 101))
    world.kafka.produce(world.topic, [(b"x", UNKNOWN), (b"y", b'{"hwid": "plain", "tags": {"a": 1}}')])
    connector = run(world, apicurio, word)
    world.wait_settled(60)
    assert connector.terminate() == 0, connector.tail()
    tags = world.api.tags()
    assert {hwid: tags.get(hwid) for hwid in (f"d{n}" for n in range(1, 101))} == {
        f"d{n}": expected(n) for n in range(1, 101)
    }
    letters = world.kafka.read_all(world.dead)
    details = sorted(letter.header("pushwoosh.detail") or "" for letter in letters)
    assert [letter.header("pushwoosh.reason") for letter in letters] == ["undecodable"] * 2
    assert details[0] == "FormatError: schema 99999: the registry, asked twice, doesn't know it"
    assert "written without a schema registry?" in details[1]


def test_while_the_registry_is_down_records_wait_and_it_is_said(world: World, apicurio: Apicurio) -> None:
    write = serializer("avro", apicurio.url, world.topic)
    produce(world, write, range(1, 51))
    apicurio.freeze()
    try:
        connector = run(world, apicurio, "avro")
        wait_for(lambda: connector.metric("kafka_trouble", cause="decoder_unavailable"), 30, "the trouble")
        answer = connector.get("/readyz")
        assert answer is not None
        assert answer.status_code == 503
        assert "decoder_unavailable: schema registry: " in answer.text
        assert "to mend it: look at the registry" in answer.text
        wait_for(lambda: connector.get("/livez"), 5).raise_for_status()
        assert world.lag() == 50
    finally:
        apicurio.thaw()
    world.wait_settled(60)
    assert connector.ready()
    assert connector.terminate() == 0, connector.tail()
    assert world.letters() == {}
    tags = world.api.tags()
    assert all(tags[f"d{number}"] == expected(number) for number in range(1, 51))
    assert "decoder works again" in connector.log.read_text()
