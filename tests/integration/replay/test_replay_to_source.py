"""`dead-letters replay` to the source topic over a real broker: once, in order, marked, resumable."""

from __future__ import annotations

import json
import random
import signal

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from connector.model import Position, Reason, TopicPartition
from tests.acceptance.processes import wait_for
from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def test_a_dry_run_changes_nothing(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A", "B")

    said = world.run("replay")

    assert said.code == 0
    assert "2 letters meant, 2 to go to their source topics" in said.out
    assert "dry run: nothing was sent" in said.out
    assert world.replayed() == []
    assert kafka.committed(world.environ["CONNECTOR_KAFKA_GROUP_ID"] + "-dead-letters-replay") == {}


def test_a_record_comes_back_as_it_was_with_marks_in_its_own_partition(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.dead_letter(world.produce(tags("A"), partition=1))
    before = world.source()[0]

    assert world.run("replay", "--yes").code == 0

    (again,) = world.replayed()
    assert (again.key, again.value, again.partition) == (before.key, before.value, 1)
    assert again.headers == [
        ("trace", b"abc"),
        ("pushwoosh.replayed_from", name.encode()),
        ("pushwoosh.replay_count", b"1"),
        ("pushwoosh.replay_origin", name.encode()),
        ("pushwoosh.replay_timestamp", b"1700000000000"),
    ]
    assert again.timestamp > before.timestamp


def test_nothing_is_sent_twice_whatever_the_filters(kafka: Kafka) -> None:
    world = World(kafka)
    names = world.refused("A", "B", "C", "D")

    assert world.run("replay", "--yes", "--device", "C").code == 0
    assert world.run("replay", "--yes", "--limit", "1").code == 0
    assert world.run("replay", "--yes").code == 0
    said = world.run("replay", "--yes", "--json")

    assert said.json["not_sent"] == {"replayed": 4}
    sent = [each.header("pushwoosh.replayed_from") for each in world.replayed()]
    assert sent == [names[2], names[0], names[1], names[3]]
    assert world.run("list", "--json").json["replayed"] == 4


def test_where_the_progress_is_gone_the_marks_still_tell(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A", "B")
    assert world.run("replay", "--yes").code == 0

    first, another = world.environ["CONNECTOR_KAFKA_GROUP_ID"], kafka.name("another-group")
    world.environ["CONNECTOR_KAFKA_GROUP_ID"] = another
    said = world.run("replay", "--yes", "--json", "--group", first)

    assert said.json["not_sent"] == {"replayed": 2}
    assert len(world.replayed()) == 2


def test_copies_of_a_letter_are_sent_once(kafka: Kafka) -> None:
    world = World(kafka)
    world.dead_letter(world.produce(tags("A")), times=3)

    assert world.run("replay", "--yes").code == 0
    assert len(world.replayed()) == 1
    assert world.run("list", "--json").json["copies"] == 2


def test_a_device_with_a_newer_event_stays_unless_asked_for(kafka: Kafka) -> None:
    world = World(kafka)
    name, _ = world.refused("A", "B")
    newer = world.produce(tags("A", plan="newer"))[0]

    said = world.run("replay", "--yes")
    assert said.code == 0
    assert [each.key for each in world.replayed()] == [b"B"]
    assert "1  a newer event of the device came since" in said.out
    assert f"newer event: {world.topic}/0/{newer.offset}" in said.out

    assert world.run("replay", "--yes", "--even-if-newer").code == 0
    assert [each.header("pushwoosh.replayed_from") for each in world.replayed()][1:] == [name]


def test_letters_of_one_device_go_in_their_order(kafka: Kafka) -> None:
    world = World(kafka)
    first, second = world.produce(tags("A", n=1), tags("A", n=2))
    world.dead_letter([second])
    world.dead_letter([first])

    assert world.run("replay", "--yes").code == 0
    assert [json.loads(each.value or b"")["tags"]["n"] for each in world.replayed()] == [1, 2]


def test_what_is_refused_again_is_another_letter_that_knows_where_it_began(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")
    assert world.run("replay", "--yes").code == 0
    (again,) = world.replayed()
    (second,) = world.dead_letter([again])

    assert world.run("replay", "--yes").code == 0

    last = world.replayed()[-1]
    assert last.header("pushwoosh.replayed_from") == second
    assert last.header("pushwoosh.replay_count") == "2"
    assert last.header("pushwoosh.replay_origin") == name
    assert len(world.replayed()) == 2


def test_a_record_that_the_topic_refuses_keeps_none_of_the_others(kafka: Kafka) -> None:
    world = World(kafka)
    large = tags("large", text=random.Random(1).randbytes(20_000).hex())
    records = world.produce(tags("A"), large, tags("B"))
    world.dead_letter(records)
    set_topic(kafka, world.topic, "max.message.bytes", "10000")

    said = world.run("replay", "--yes", "--json")

    assert said.code == 1
    assert said.json["sent"] == 2
    assert said.json["not_sent"] == {"refused": 1}
    assert sorted(each.key or b"" for each in world.replayed()) == [b"A", b"B"]
    assert "too large" in next(each["why"] for each in said.json["letters"] if each["fate"] == "refused")
    assert world.run("replay", "--yes", "--json").json["not_sent"] == {"replayed": 2, "tried": 1}
    assert world.run("replay", "--try-again", "--json").json["to_send"] == 1


def set_topic(kafka: Kafka, topic: str, name: str, value: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)


def test_killed_in_the_middle_it_goes_on_and_sends_each_once(kafka: Kafka) -> None:
    world = World(kafka)
    names = world.refused(*(f"d{number}" for number in range(60)))
    process = world.begin("replay", "--yes", "--rate", "10")
    try:
        wait_for(lambda: len(world.replayed()) >= 10)
    finally:
        process.kill()
        process.communicate(timeout=30)
    sent = len(world.replayed())
    assert sent < 60

    said = world.run("replay", "--yes", "--json")

    assert said.json["not_sent"] == {"replayed": sent}
    assert sorted(each.header("pushwoosh.replayed_from") or "" for each in world.replayed()) == sorted(names)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_so_and_how_to_go_on(kafka: Kafka, number: int) -> None:
    world = World(kafka)
    world.refused(*(f"d{index}" for index in range(30)))
    process = world.begin("replay", "--yes", "--rate", "5")
    wait_for(lambda: len(world.replayed()) >= 5)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "interrupted: run the same command again to go on" in err
    assert "Traceback" not in err
    sent = len(world.replayed())
    assert f"sent {sent} of 30" in out

    assert world.run("replay", "--yes", "--json").json["sent"] == 30 - sent
    assert len(world.replayed()) == 30


def test_an_event_that_comes_while_it_sends_is_noticed(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused(*(f"d{index}" for index in range(12)))
    process = world.begin("replay", "--yes", "--rate", "2", "--json")
    wait_for(lambda: len(world.replayed()) >= 2)
    world.produce(tags("d11", plan="newer"))
    out, _ = process.communicate(timeout=60)

    assert json.loads(out)["sent"] == 11
    assert json.loads(out)["not_sent"] == {"newer": 1}
    assert b"d11" not in [each.key for each in world.replayed()]


def test_of_two_at_once_the_second_one_ends_the_first(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused(*(f"d{index}" for index in range(20)))
    first = world.begin("replay", "--yes", "--rate", "5")
    wait_for(lambda: len(world.replayed()) >= 5)

    assert world.run("replay", "--yes").code == 0

    _, err = first.communicate(timeout=30)
    assert first.returncode == 1
    assert "another replay of this group has begun" in err
    assert len(world.replayed()) == 20


def test_without_transactions_it_sends_and_remembers_too(kafka: Kafka) -> None:
    world = World(kafka, CONNECTOR_KAFKA_DEAD_LETTER_DELIVERY="at_least_once")
    world.refused("A", "B")

    assert world.run("replay", "--yes").code == 0
    assert world.run("replay", "--yes", "--json").json["not_sent"] == {"replayed": 2}
    assert len(world.replayed()) == 2


def test_a_source_topic_that_is_gone_is_said(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")
    kafka.delete_topic(world.topic)
    wait_for(lambda: world.run("replay", "--json").code == 1)

    said = world.run("replay", "--yes")

    assert said.code == 1
    assert "their source topic isn't there any more: create it, or use --to api" in said.out


def test_letters_older_than_what_is_left_of_the_source_stay(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")
    world.produce(tags("B"), tags("C"))
    kafka.delete_records(world.topic, 0, 2)

    said = world.run("replay", "--yes", "--json")

    assert said.json["not_sent"] == {"unsure": 1}
    assert "deleted" in said.json["letters"][0]["why"]
    assert world.run("replay", "--yes", "--even-if-newer", "--json").json["sent"] == 1


def test_letters_further_back_than_it_may_look_stay(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")
    world.produce(*(tags("B") for _ in range(5)))

    said = world.run("replay", "--scan-limit", "3", "--json")

    assert said.json["not_sent"] == {"unsure": 1}
    assert "raise --scan-limit" in said.json["letters"][0]["why"]


def test_a_topic_that_was_created_again_has_other_offsets(kafka: Kafka) -> None:
    world = World(kafka)
    records = world.produce(tags("A"))
    world.dead_letter([records[0]._replace(offset=500)], Reason.TAG_REFUSED)

    said = world.run("replay", "--json")

    assert said.json["not_sent"] == {"unsure": 1}
    assert "it is another one now" in said.json["letters"][0]["why"]


def test_a_position_from_another_life_of_the_topic_is_not_believed(kafka: Kafka) -> None:
    world = World(kafka)
    world.dead_letter(world.produce(tags("A"), tags("B")))
    group = world.environ["CONNECTOR_KAFKA_GROUP_ID"] + "-dead-letters-replay"
    kafka.commit(group, {TopicPartition(world.dead, 0): Position(1000, "")})

    said = world.run("replay", "--yes", "--json")

    assert said.json["sent"] == 2
    assert "of an earlier topic of this name" in said.err
