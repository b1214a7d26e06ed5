"""Two applications with the same devices in one topic: what is wrong with one doesn't stop the other."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.running.consuming import MOST_RECORDS
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, Workload, mixed
from tests.acceptance.world import LONG, ONE, World, seconds_until, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

FIRST, SECOND = "AAAAA-BBBBB", "CCCCC-DDDDD"
"""The default application; and the one that events name."""
KILLS = 3


@dataclass
class Both:
    """The work of two applications, and their records in turn as they are produced."""

    of: dict[str, Workload]
    records: Workload

    @classmethod
    def mixed(cls, events: int, devices: int, **how: Any) -> Both:
        """The same names of devices in both, and other events; half of the records are each one's."""
        first, second = (mixed(events, devices, seed=seed, **how) for seed in (50, 51))
        together = Workload()
        for index in range(events):
            key, value = second.records[index]
            together.records += [first.records[index], (key, _named(value))]
        together.refused = {2 * index: why for index, why in first.refused.items()}
        together.refused |= {2 * index + 1: why for index, why in second.refused.items()}
        return cls({FIRST: first, SECOND: second}, together)

    def reconcile(self, here: World) -> None:
        """Every record accounted for, and each application's devices are what its own events say."""
        here.reconcile_letters(self.records)
        for application, work in self.of.items():
            here.reconcile_devices(work, application)


def _named(value: bytes | None) -> bytes | None:
    """An event that names its application; what is no event stays as it is."""
    if value is None or not value.startswith(b"{"):
        return value
    return json.dumps({**json.loads(value), "application": SECOND}).encode()


@contextmanager
def two(folder: Path, kafka: Kafka, faults: dict[str, Any], token: Path) -> Iterator[World]:
    """An API that knows both applications, each with its own token; `token` is the second one's file."""
    known = [f"--application={FIRST}=first-token", f"--application={SECOND}=second-token"]
    with world(folder, kafka, *known, faults=faults) as here:
        here.settings |= {
            "pushwoosh.application": FIRST,
            "pushwoosh.token": "first-token",
            f"applications.{SECOND.replace('-', '_')}.token_file": str(token),
            "batch.max_devices": "200",
        }
        yield here


def _first_of_second(here: World) -> dict[int, int]:
    """By partition, the offset of the first record of the second application."""
    found: dict[int, int] = {}
    for record in here.kafka.read_all(here.topic):
        if int(record.header("n") or 0) % 2:
            found.setdefault(record.partition, record.offset)
    return found


def _confirmed(connector: Connector) -> float:
    """How many events of either application the API has confirmed; tombstones are skipped without it."""
    outcomes = ("confirmed", "superseded")
    return sum(connector.metric("events_settled_total", outcome=outcome) for outcome in outcomes)


def _second_is_halted(here: World, connector: Connector) -> None:
    """Assert that everything which tells of a halt names the application, and no other."""
    assert connector.metric("application_halted", application=SECOND) == 1
    assert connector.metric("application_halted", application=FIRST) == 0
    assert connector.metric("halted", cause="unauthorized") == 1
    readiness = connector.get("/readyz")
    assert readiness is not None
    assert readiness.status_code == 503
    assert f"halted (unauthorized): {SECOND}: " in readiness.text
    assert FIRST not in readiness.text
    (halt,) = connector.status()["halts"]
    assert (halt["cause"], halt["subject"]) == ("unauthorized", SECOND)
    assert f"[applications.{SECOND}]" in halt["mend"]
    (line,) = connector.lines("halted")
    assert (line["application"], line["cause"], line["mend"]) == (SECOND, "unauthorized", halt["mend"])
    assert [*here.api.stats()["devices_by_application"]] == [FIRST]


def test_a_wrong_token_halts_its_own_application_and_the_other_one_flows_at_full_pace(
    kafka: Kafka, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first-token\n")  # a valid one, but another application's
    both = Both.mixed(12_000, 12_000, odd=0.0, unreadable=0.0, spoilt=0.0, skew=0.2)
    with two(tmp_path, kafka, {"latency": {"seconds": 0.2}}, token) as here:
        here.produce(both.records)
        first_of_second = _first_of_second(here)
        connector = here.run()
        wait_for(lambda: _confirmed(connector) > 0, 40, "progress")
        goal = len(both.of[FIRST].changes)
        first = seconds_until(lambda: _confirmed(connector) == goal, 40, "the first application's events")
        _second_is_halted(here, connector)
        here.reconcile_devices(both.of[FIRST], FIRST)
        for partition, position in here.positions().items():
            assert position <= first_of_second[partition], "what is halted is not settled"
        assert here.letters() == {}

        token.write_text("second-token\n")
        began = time.monotonic()
        wait_for(lambda: _confirmed(connector) > goal, 10, "progress of the second application")
        back = time.monotonic() - began
        goal += len(both.of[SECOND].changes)
        second = seconds_until(lambda: _confirmed(connector) == goal, 40, "the second application's events")
        wait_for(connector.ready, 10, "readiness")
        assert connector.metric("application_halted") == 0
        here.wait_settled()
        assert connector.terminate() == 0
        both.reconcile(here)
        here.show(
            seconds_of_the_first=round(first, 2),
            seconds_of_the_second=round(second, 2),
            seconds_after_mending=round(back, 2),
        )
        assert here.twice() == 0
        assert first <= 1.5 * second + 1, "as quick as alone"
        assert [line["application"] for line in connector.lines("token changed")] == [SECOND]
        assert SECOND in [line.get("application") for line in connector.lines("going on")]


def test_with_a_topic_of_its_own_an_application_settles_everything_while_the_other_one_is_halted(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Ten times what the buffer holds of each: in one topic the first application would stand still, too."""
    token = tmp_path / "token"
    token.write_text("first-token\n")
    works = [mixed(10_000, 10_000, seed=seed, odd=0.0, unreadable=0.0, skew=0.0) for seed in (52, 53)]
    with two(tmp_path, kafka, {"tag_refused": FAULTS["tag_refused"]}, token) as here:
        seconds_topic = kafka.create_topic(kafka.name("second"), 4)
        here.settings |= {
            "kafka.mixed_topics": f"{here.topic},{seconds_topic}",
            f"applications.{SECOND.replace('-', '_')}.topics": seconds_topic,
            "buffer.max_events": "1000",
            "batch.max_devices": "100",
        }
        kafka.produce(seconds_topic, works[1].records)
        here.produce(works[0])
        connector = here.run()
        here.wait_settled(60)
        _second_is_halted(here, connector)
        assert connector.metric("buffered_events") <= 1000 + 2 * MOST_RECORDS, (
            "the bound, and what was on its way"
        )
        assert connector.terminate() == 0
        here.reconcile_letters(works[0])
        here.reconcile_devices(works[0], FIRST)


@pytest.mark.timeout(180)
def test_kills_with_both_applications_under_load_lose_nothing_and_mix_nothing_up(
    kafka: Kafka, tmp_path: Path
) -> None:
    dice = random.Random(50)
    token = tmp_path / "token"
    token.write_text("second-token\n")
    # None for which a dozen jobs are made, one after the other: they are long here.
    prone = ["failed-", "gone-", "shy-", "twice-"]
    both = Both.mixed(4000, 4000, skew=0.2, prone=prone)
    with two(tmp_path, kafka, {**FAULTS, "latency": {"seconds": LONG}}, token) as here:
        here.settings["jobs.max_in_flight"] = "8"
        here.produce(both.records)
        port = adopted = 0
        for _ in range(KILLS):
            connector = here.run(port=port)
            port = connector.port
            wait_for(lambda c=connector: settled(c) > 500 and c.metric("jobs_in_flight") >= 4, 40, "jobs")  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.3))
            connector.kill()
            adopted += sum(line["jobs"] for line in connector.lines("adopting unfinished jobs"))
        assert here.run("--until-end", port=port).wait(80) == 0
        both.reconcile(here)
        received = here.api.stats()["devices_by_application"]
        here.show(adopted=adopted, received=received)
        assert adopted > 0
        assert here.twice() <= KILLS * ONE * 200
        assert here.in_two_jobs() <= here.twice(), "the next one can't know of their jobs"
