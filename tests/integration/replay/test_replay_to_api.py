"""`dead-letters replay --to api`: a real broker, the sandbox API over a real socket."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from connector.model import Reason
from tests.acceptance.processes import wait_for
from tests.broker import free_ports
from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


class Api:
    """A sandbox in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "connector", "sandbox", "--port", "0", "--latency", "50ms"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def ask(self, path: str, content: Any = None) -> str:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/sandbox/{path}", data, method="PUT" if data else "GET"
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            return str(reply.read().decode())

    def faults(self, **faults: Any) -> None:
        self.ask("faults", {"latency": {"seconds": 0.05}} | faults)

    def devices(self) -> dict[str, Any]:
        found = [json.loads(line) for line in self.ask("devices").splitlines()]
        return {each["hwid"]: each["tags"] for each in found}

    def received(self) -> int:
        return int(json.loads(self.ask("stats"))["devices_received"])


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.process.terminate()
    made.process.communicate(timeout=30)


@pytest.fixture
def world(kafka: Kafka, api: Api) -> World:
    return World(kafka, CONNECTOR_PUSHWOOSH_URL=api.url)


def test_letters_are_confirmed_and_remembered_and_the_source_gets_nothing(world: World, api: Api) -> None:
    world.refused("A", "B")

    said = world.run("replay", "--to", "api", "--yes")

    assert said.code == 0
    assert "confirmed 2 of 2" in said.out
    assert api.devices() == {"A": {"plan": "pro"}, "B": {"plan": "pro"}}
    assert world.replayed() == []
    assert world.run("replay", "--to", "api", "--yes", "--json").json["not_sent"] == {"replayed": 2}
    assert api.received() == 2


def test_a_dry_run_asks_the_api_nothing(world: World, api: Api) -> None:
    world.refused("A")

    assert "1 letter meant, 1 to go to the API" in world.run("replay", "--to", "api").out
    assert api.received() == 0


def test_what_is_refused_again_stays_and_is_reported(world: World, api: Api) -> None:
    names = world.refused("A", "failing-B", "C")
    api.faults(device_failed=[{"prefix": "failing-"}])

    said = world.run("replay", "--to", "api", "--yes", "--json")

    assert said.code == 1
    assert said.json["sent"] == 2
    assert said.json["not_sent"] == {"refused": 1}
    (refused,) = [each for each in said.json["letters"] if each["fate"] == "refused"]
    assert (refused["id"], refused["why"]) == (names[1], "device_failed: failed: no reason was given")

    api.faults()
    said = world.run("replay", "--to", "api", "--yes", "--json")
    assert (said.code, said.json["sent"], said.json["not_sent"]) == (0, 0, {"replayed": 2, "tried": 1})
    assert world.run("replay", "--to", "api", "--yes", "--try-again", "--json").json["sent"] == 1
    assert len(world.kafka.read_all(world.dead)) == 3


def test_a_limit_gets_past_what_is_refused_again(world: World, api: Api) -> None:
    names = world.refused("failing-A", "failing-B", "C", "D")
    api.faults(device_failed=[{"prefix": "failing-"}])

    tried = []
    for _ in range(3):
        said = world.run("replay", "--to", "api", "--yes", "--limit", "2", "--json")
        tried.append([each["id"] for each in said.json["letters"] if each["fate"] in ("sent", "refused")])

    assert tried == [names[:2], names[2:], []]
    assert list(api.devices()) == ["C", "D"]


def test_events_of_one_device_are_applied_in_their_order(world: World, api: Api) -> None:
    records = world.produce(tags("A", n=1), tags("A", n=2), tags("A", n=3))
    world.dead_letter([records[2], records[0], records[1]])

    assert world.run("replay", "--to", "api", "--yes", "--json").json["sent"] == 3
    assert api.devices() == {"A": {"n": 3}}


def test_what_can_not_be_read_and_what_is_older_than_another_event_stays(world: World, api: Api) -> None:
    world.dead_letter(world.produce(b"\xff"), Reason.UNDECODABLE)
    world.refused("A", "B")
    world.produce(tags("A", plan="newer"))

    said = world.run("replay", "--to", "api", "--yes", "--json")

    assert said.code == 0
    assert said.json["not_sent"] == {"newer": 1, "unreadable": 1}
    assert list(api.devices()) == ["B"]


def test_wrong_credentials_are_said_and_nothing_counts_as_sent(world: World, api: Api) -> None:
    world.refused("A")
    api.faults(unauthorized=[{}])

    said = world.run("replay", "--to", "api", "--yes")

    assert said.code == 1
    assert "the API refuses everything (unauthorized)" in said.err
    assert "check pushwoosh.token" in said.err
    assert "no verdict" not in said.out, "the API has nothing of it"
    api.faults()
    assert world.run("replay", "--to", "api", "--yes", "--json").json["sent"] == 1


def test_while_nobody_answers_ctrl_c_ends_it(world: World) -> None:
    world.refused("A")
    (port,) = free_ports(1)
    world.environ["CONNECTOR_PUSHWOOSH_URL"] = f"http://127.0.0.1:{port}"
    process = world.begin("replay", "--to", "api", "--yes")
    assert process.stderr is not None
    assert "the API is down" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "confirmed 0 of 1" in out
    assert "no verdict" not in out, "nobody was reached"
    assert "run the same command again to go on" in err


def test_what_the_api_accepted_and_did_not_finish_has_no_verdict(world: World, api: Api) -> None:
    world.refused("A")
    api.faults(latency={"seconds": 600})
    world.environ["CONNECTOR_JOBS_STOP_TIMEOUT"] = "1s"
    process = world.begin("replay", "--to", "api", "--yes")
    wait_for(lambda: api.received() == 1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "1 have no verdict: they may be at the API" in out


def test_interrupted_it_waits_for_verdicts_and_goes_on_later(world: World, api: Api) -> None:
    world.refused(*(f"d{index}" for index in range(30)))
    process = world.begin("replay", "--to", "api", "--yes", "--rate", "5", "--json")
    wait_for(lambda: len(api.devices()) >= 5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    first = json.loads(out)
    assert process.returncode == 1
    assert "interrupted" in err
    assert first["without_verdict"] == 0
    assert 5 <= first["sent"] < 30
    second = world.run("replay", "--to", "api", "--yes", "--json").json
    assert second["sent"] == 30 - first["sent"]
    assert api.received() == 30


def test_killed_it_submits_again_only_what_it_had_under_way(world: World, api: Api) -> None:
    world.refused(*(f"d{index}" for index in range(40)))
    process = world.begin("replay", "--to", "api", "--yes", "--rate", "10")
    wait_for(lambda: len(api.devices()) >= 20)
    process.kill()
    process.communicate(timeout=30)

    assert world.run("replay", "--to", "api", "--yes").code == 0

    assert len(api.devices()) == 40
    assert api.received() <= 60


def test_who_is_in_the_group_is_warned_of(world: World) -> None:
    from confluent_kafka import Consumer  # noqa: PLC0415 - this test alone joins a group

    world.refused("A")
    consumer = Consumer(
        {
            "bootstrap.servers": world.kafka.bootstrap,
            "group.id": world.environ["CONNECTOR_KAFKA_GROUP_ID"],
        }
    )
    consumer.subscribe([world.topic])
    try:
        wait_for(lambda: consumer.poll(0.05) is not None or bool(consumer.assignment()))

        said = world.run("replay", "--to", "api", "--yes")
    finally:
        consumer.close()

    assert said.code == 0
    assert "is at work (1 member)" in said.err
