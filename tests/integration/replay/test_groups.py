"""A dead-letter topic that several consumer groups share: each one's tool is about its own letters."""

from __future__ import annotations

import pytest

from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def test_letters_of_other_groups_are_counted_and_left_alone_unless_asked_for(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")
    stored = world.produce(tags("B"), tags("C"))
    theirs, _ = world.dead_letter(stored, group="others")
    words = "2 letters of other groups (others): --group NAME or --any-group"

    said = world.run("list")
    assert words in said.out
    assert "1 letter, 0 sent again" in said.out
    assert words in world.run("replay").out
    assert world.run("replay", "--yes", "--json").json["sent"] == 1
    assert [each.header("pushwoosh.replayed_from") for each in world.replayed()] == [name]

    said = world.run("show", theirs)
    assert (said.code, "1 letter of other groups (others): --group NAME or --any-group" in said.err) == (
        1,
        True,
    )
    assert world.run("show", theirs, "--group", "others").code == 0
    assert world.run("list", "--group", "others", "--json").json["letters"] == 2
    said = world.run("list", "--any-group")
    assert "3 letters" in said.out
    assert any("group" in line and "device" in line for line in said.out.splitlines())
    assert world.run("replay", "--any-group", "--yes", "--json").json["sent"] == 2
    assert world.run("list", "--group", "x", "--any-group").code == 2


def test_what_another_group_refused_does_not_hide_a_newer_event(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")
    world.dead_letter(world.produce(tags("A", plan="newer")), group="others")

    assert world.run("replay", "--json").json["not_sent"] == {"newer": 1}
