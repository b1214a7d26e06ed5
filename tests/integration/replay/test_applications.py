"""`dead-letters` where there are letters of two applications: counted, chosen, and sent to their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.model import Reason
from connector.sandbox.audience import Options
from connector.testing import RunningSandbox
from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka
from tests.settings import ENOUGH

pytestmark = pytest.mark.broker

FIRST, SECOND = ENOUGH["CONNECTOR_PUSHWOOSH_APPLICATION"], "CCCCC-DDDDD"
SECONDS_TOKEN = "CONNECTOR_APPLICATIONS_CCCCC_DDDDD_TOKEN"


@pytest.fixture
def api() -> Iterator[RunningSandbox]:
    """An API that knows both, each with its own token."""
    tokens: dict[str, str | None] = {FIRST: ENOUGH["CONNECTOR_PUSHWOOSH_TOKEN"], SECOND: "second-token"}
    with RunningSandbox(options=Options(applications=tokens)) as sandbox:
        yield sandbox


@pytest.fixture
def world(kafka: Kafka, api: RunningSandbox) -> World:
    return World(kafka, CONNECTOR_PUSHWOOSH_URL=api.url, **{SECONDS_TOKEN: "second-token"})


def of_second(hwid: str, **changes: Any) -> dict[str, Any]:
    return {**tags(hwid, **changes), "application": SECOND}


def test_letters_are_counted_filtered_and_shown_by_application(world: World) -> None:
    (first,) = world.refused("A")
    (second,) = world.dead_letter(world.produce(of_second("A")))
    world.dead_letter(world.produce(b"not json"), Reason.UNDECODABLE)

    assert world.run("list", "--json").json["by_application"] == {FIRST: 1, SECOND: 1, "?": 1}
    for code, name in ((FIRST, first), (SECOND, second)):
        (listed,) = world.run("list", "--json", "--application", code).json["newest"]
        assert (listed["id"], listed["application"]) == (name, code)
    assert world.run("show", first, "--json").json["application"] == FIRST
    assert SECOND in world.run("show", second).out

    said = world.run("list", "--application", "EEEEE")
    assert said.code == 2
    assert f"--application EEEEE: not configured; there are {FIRST}, {SECOND}" in said.err


def test_letters_go_to_their_own_application_with_its_own_token(world: World, api: RunningSandbox) -> None:
    world.refused("A", "B")
    world.dead_letter(world.produce(of_second("A", plan="basic")))

    said = world.run("replay", "--to", "api", "--yes")

    assert (said.code, "confirmed 3 of 3" in said.out) == (0, True)
    assert api.tags(FIRST) == {"A": {"plan": "pro"}, "B": {"plan": "pro"}}
    assert api.tags(SECOND) == {"A": {"plan": "basic"}}


def test_an_event_of_another_applications_device_is_no_newer_event(world: World) -> None:
    world.refused("A", "B")
    world.produce(of_second("A"), tags("B"))

    assert world.run("replay", "--json").json["not_sent"] == {"newer": 1}
    assert world.run("replay", "--json").json["to_send"] == 1


def test_to_the_source_only_the_chosen_applications_letters_go_as_they_were(world: World) -> None:
    world.refused("A")
    (stored,) = world.produce(of_second("B"))
    world.dead_letter([stored])

    assert world.run("replay", "--application", SECOND, "--yes").code == 0

    (again,) = world.replayed()
    assert (again.key, again.value) == (stored.key, stored.value)


def test_a_wrong_token_keeps_the_letters_of_its_application_and_sends_the_others(
    world: World, api: RunningSandbox
) -> None:
    world.dead_letter(world.produce(of_second("A"), of_second("C")))
    world.refused("A", "B")
    world.environ[SECONDS_TOKEN] = "wrong"

    said = world.run("replay", "--to", "api", "--yes")

    assert said.code == 1
    assert "confirmed 2 of 4" in said.out
    assert f"the API refuses everything of application {SECOND} (unauthorized)" in said.err
    assert f"[applications.{SECOND}]" in said.err
    assert (len(api.tags(FIRST)), api.tags(SECOND)) == (2, {})
    world.environ[SECONDS_TOKEN] = "second-token"
    assert world.run("replay", "--to", "api", "--yes", "--json").json["sent"] == 2
    assert len(api.tags(SECOND)) == 2
