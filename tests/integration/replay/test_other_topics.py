"""A device whose tags are in one topic and whose registrations are in another: what is newer there counts."""

from __future__ import annotations

import pytest

from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

THEN = 1_700_000_000_000
"""The time of all records of `World.produce`, ms."""


class Devices:
    """A topic of registrations, with two partitions, beside the world's topic of tags."""

    def __init__(self, kafka: Kafka) -> None:
        self.world = World(kafka)
        self.topic = kafka.create_topic(kafka.name("devices"), 2, {"retention.ms": "-1"})
        self.world.environ["CONNECTOR_KAFKA_REGISTRATIONS_TOPICS"] = self.topic

    def register(self, hwid: str, time: int, partition: int = 1) -> None:
        value = f'{{"hwid": "{hwid}", "push_token": "t", "platform": "ios"}}'.encode()
        self.world.kafka.produce(self.topic, [(b"another key", value, partition, [], time)])


@pytest.mark.parametrize("target", ["source", "api"])
def test_a_newer_registration_keeps_the_letter_unless_asked_for(kafka: Kafka, target: str) -> None:
    devices = Devices(kafka)
    devices.world.refused("A", "B", "C")
    devices.register("A", THEN - 1)
    devices.register("A", THEN + 5)
    devices.register("B", THEN - 5)
    devices.register("unheard-of", THEN + 5)

    said = devices.world.run("replay", "--to", target, "--json")

    assert (said.json["to_send"], said.json["not_sent"]) == (2, {"newer": 1})
    (newer,) = [each for each in said.json["letters"] if each["fate"] == "newer"]
    assert (newer["device"], newer["why"]) == ("A", f"newer event: {devices.topic}/1/1")
    assert devices.world.run("replay", "--to", target, "--even-if-newer", "--json").json["to_send"] == 3


def test_the_plan_says_where_newer_events_were_looked_for(kafka: Kafka) -> None:
    devices = Devices(kafka)
    devices.world.refused("A")
    devices.world.produce(tags("B"))
    devices.register("B", THEN - 5)
    devices.register("B", THEN + 5)

    said = devices.world.run("replay")

    own, other = (f"looked for newer events in {each}" for each in (devices.world.topic, devices.topic))
    assert f"{own}: 1 partition from the letters on, 1 record" in said.out
    assert f"{other}: 2 partitions from 2023-11-14T22:13:20Z on, 1 record" in said.out
    looked = {each["topic"]: each for each in devices.world.run("replay", "--json").json["looked_at"]}
    assert looked[devices.topic]["since"] == "2023-11-14T22:13:20Z"


def test_where_records_of_the_other_topic_are_deleted_it_can_not_be_told(kafka: Kafka) -> None:
    devices = Devices(kafka)
    devices.world.refused("A")
    devices.register("B", THEN + 5)
    devices.register("B", THEN + 6)
    kafka.delete_records(devices.topic, 1, 1)

    said = devices.world.run("replay", "--json")

    assert said.json["not_sent"] == {"unsure": 1}
    assert f"records of {devices.topic}/1 up to 1 are deleted" in said.json["letters"][0]["why"]
    said = devices.world.run("replay", "--scan-limit", "1", "--json")
    assert said.json["not_sent"] == {"unsure": 1}


def test_an_event_that_comes_to_the_other_topic_while_it_sends_is_noticed(kafka: Kafka) -> None:
    devices = Devices(kafka)
    devices.world.refused(*(f"d{index}" for index in range(12)))
    process = devices.world.begin("replay", "--yes", "--rate", "2", "--json")
    while len(devices.world.replayed()) < 2:
        assert process.poll() is None
    devices.register("d11", THEN + 5)
    out, _ = process.communicate(timeout=60)

    assert '"newer": 1' in out
    assert b"d11" not in [each.key for each in devices.world.replayed()]
