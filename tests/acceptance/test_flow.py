"""Control of the flow: limits a second, as many jobs as the API can do with, pause and resume."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from connector.core.holding_back.pace import BURST
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import Change, Workload
from tests.acceptance.world import World, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

TOKEN = "swordfish-swordfish"
STAYS_SO = 1.5
"""Seconds in which a pause that anything but the right order could end would have ended."""


def plain(events: int) -> Workload:
    """Return a workload in which all devices differ and all is good."""
    work = Workload()
    for index in range(events):
        name, tags = f"device-{index}", {"seen": index}
        event = {"type": "tags", "hwid": name, "tags": tags}
        work.records.append((name.encode(), json.dumps(event).encode()))
        work.change(Change(index, name, "set", tags))
    return work


# -- limits ------------------------------------------------------------------------------------------


def spent(here: World, names: tuple[str, ...], connector: Connector) -> Iterator[tuple[float, int]]:
    """Until all is settled, yield the longest time that it can have taken, and how much the API counted.

    The time begins when nothing had been counted yet and ends when the count is here: never too short.
    """
    before = time.monotonic()
    total = 0
    while here.lag():
        counted = sum(int(here.api.stats()[name]) for name in names)
        now = time.monotonic()
        if not total and not counted:
            before = now
        total = counted
        yield now - before, total
        assert connector.process.poll() is None, connector.tail()
        time.sleep(0.1)


def test_devices_a_second_are_bounded_as_the_api_counts_them(kafka: Kafka, tmp_path: Path) -> None:
    work, rate = plain(4000), 800
    with world(tmp_path, kafka, faults={"latency": {"seconds": 0.2}}) as here:
        here.produce(work)
        connector = here.run(limits_devices_per_second=str(rate))
        held_back = 0.0
        seconds = 0.0
        for seconds, devices in spent(here, ("devices_received",), connector):
            assert devices <= rate * (seconds + BURST) + rate, "a second's worth is the largest batch"
            held_back = max(held_back, connector.metric("held_back"))
        assert held_back == 1
        here.finish(work)
        here.show(devices_per_second=round(len(work.records) / seconds))
        assert here.twice() == 0


def test_requests_a_second_are_bounded_as_the_api_counts_them_polls_included(
    kafka: Kafka, tmp_path: Path
) -> None:
    work, rate = plain(4000), 10
    with world(tmp_path, kafka, faults={"latency": {"seconds": 0.2}}) as here:
        here.produce(work)
        connector = here.run(limits_requests_per_second=str(rate), batch_max_devices="200")
        seconds, requests = 0.0, 0
        for seconds, requests in spent(here, ("posts", "gets"), connector):
            assert requests <= rate * (seconds + BURST) + 2  # the first took longer: it had to connect
        here.finish(work)
        here.show(requests=requests, requests_per_second=round(requests / seconds, 1))
        assert here.twice() == 0


# -- as many jobs as the API can do with -------------------------------------------------------------


class Step(NamedTuple):
    """What happened while the API worked at so many jobs at once."""

    capacity: int
    share: float
    """Of what the API could do."""
    job_seconds: float
    limit: float
    """The average of the second half, of which all the above is."""
    changes: list[tuple[float, int]]
    """After how many seconds the limit became what."""


class Jobs(NamedTuple):
    """What the connector counted since its start."""

    ended: float
    devices: float
    seconds: float
    """Of all devices together: from POST to the end of their job."""

    @classmethod
    def of(cls, connector: Connector) -> Jobs:
        """Ask for it."""
        return cls(
            connector.metric("jobs_total", outcome="completed"),
            connector.metric("stage_seconds_count", stage="job"),
            connector.metric("stage_seconds_sum", stage="job"),
        )


SECONDS = 0.3
"""A job's work. With 16 jobs unfinished and 4 worked at, one takes 1.2 s."""


def step(here: World, connector: Connector, capacity: int, lasting: float) -> Step:
    """Have the API work at so many jobs at once for so long, and watch."""
    here.api.faults(capacity=capacity)
    began = time.monotonic()
    changes: list[tuple[float, int]] = []
    limits: list[int] = []
    half: tuple[float, Jobs] | None = None
    while (elapsed := time.monotonic() - began) < lasting:
        limits.append(int(connector.metric("jobs_limit")))
        if not changes or changes[-1][1] != limits[-1]:
            changes.append((round(elapsed, 1), limits[-1]))
        if half is None and elapsed > lasting / 2:
            half = (time.monotonic(), Jobs.of(connector))
            limits.clear()
        time.sleep(0.1)
    assert half is not None
    before, after = half[1], Jobs.of(connector)
    rate = (after.ended - before.ended) / (time.monotonic() - half[0])
    return Step(
        capacity,
        share=round(rate * SECONDS / capacity, 2),
        job_seconds=round((after.seconds - before.seconds) / max(1.0, after.devices - before.devices), 2),
        limit=round(sum(limits) / len(limits), 1),
        changes=changes,
    )


def test_an_api_whose_capacity_shrinks_gets_fewer_jobs_and_when_it_grows_more(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = plain(30_000)
    faults = {"latency": {"seconds": SECONDS}, "capacity": 16}
    with world(tmp_path, kafka, "--light", faults=faults) as here:
        here.settings |= {"jobs.poll_ceiling": "100ms", "batch.max_devices": "20"}
        here.produce(work)
        connector = here.run()
        wait_for(lambda: connector.metric("jobs_total", outcome="completed") > 50, 40, "some jobs")
        steps = [step(here, connector, *each) for each in ((16, 4.0), (4, 20.0), (16, 10.0))]
        for each in steps:
            print(f"FIGURES {each}")  # noqa: T201 -- a figure is what this is for
        assert here.lag() > 0, "there was work all the time"
        usual, shrunk, grown = steps
        assert usual.limit >= 14
        assert min(limit for _, limit in shrunk.changes) <= 11, "a cut was tried"
        assert 4 <= shrunk.limit < 0.85 * usual.limit, "and kept, but for trials of more"
        assert shrunk.job_seconds < 0.9 * 16 / 4 * SECONDS, "what 16 at once would take"
        assert shrunk.share > 0.8, "the API is kept at work"
        assert grown.limit >= 12


def test_an_api_that_says_too_many_gets_fewer_jobs_and_soon_more(kafka: Kafka, tmp_path: Path) -> None:
    work = plain(16_000)
    with world(tmp_path, kafka, faults={"latency": {"seconds": 0.3}}) as here:
        here.settings |= {"batch.max_devices": "20"}
        here.produce(work)
        connector = here.run()
        wait_for(lambda: settled(connector) > 1000, 40, "progress")
        assert connector.metric("jobs_limit") == 16
        here.api.faults(rate_limit=[{"on": "post", "seconds": 0.2, "share": 0.6}])
        wait_for(lambda: connector.metric("jobs_limit") < 16, 20, "a lower limit")
        here.api.faults(rate_limit=None)
        wait_for(lambda: connector.metric("jobs_limit") == 16, 40, "the usual limit")
        assert here.lag() > 0, "there was work all the time"
        assert here.twice() == 0


# -- pause and resume --------------------------------------------------------------------------------


def order(connector: Connector, what: str, token: str = TOKEN, method: str = "POST") -> httpx.Response:
    return httpx.request(
        method, f"http://127.0.0.1:{connector.port}/{what}", headers={"Authorization": f"Bearer {token}"}
    )


def test_once_a_pause_is_answered_no_new_post_goes_and_what_is_under_way_is_committed(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = plain(12_000)
    with world(tmp_path, kafka, faults={"latency": {"seconds": 0.5}}) as here:
        here.settings |= {"batch.max_devices": "50", "admin.control_token": TOKEN}
        here.produce(work)
        connector = here.run()
        wait_for(lambda: settled(connector) > 500, 40, "progress")
        assert order(connector, "pause").json() == {"paused": True, "changed": True}
        posts = here.api.stats()["posts"]
        wait_for(lambda: connector.metric("jobs_in_flight") == 0, 20, "the end of the jobs under way")
        stats = here.api.stats()
        assert stats["posts"] - posts <= 16, "those on their way"
        wait_for(
            lambda: here.lag() == len(work.records) - stats["devices_received"],
            20,
            "the commit of all of them",
        )
        _is_paused(here, connector, stats["posts"])
        assert order(connector, "resume").json() == {"paused": False, "changed": True}
        wait_for(lambda: connector.metric("halted") == 0, 5, "the end of the halt")
        here.finish(work)
        here.show(posts_after_the_pause=stats["posts"] - posts)
        assert here.twice() == 0
        assert [line["by"] for line in connector.lines("paused")] == ["127.0.0.1"]
        assert [line["by"] for line in connector.lines("going on") if line["after"] == "paused"] == [
            "127.0.0.1"
        ]


def _is_paused(here: World, connector: Connector, posts: int) -> None:
    """Ready, said everywhere, and nothing but the right order ends it."""
    assert order(connector, "resume", method="GET").status_code == 405
    assert order(connector, "resume", "x" * len(TOKEN)).status_code == 401
    assert order(connector, "pause").json() == {"paused": True, "changed": False}
    connector.signal(signal.SIGHUP)  # after the brake: this is another thing
    assert connector.metric("halted", cause="paused") == 1
    assert connector.status()["state"] == "paused"
    assert connector.ready()
    time.sleep(STAYS_SO)
    assert connector.status()["state"] == "paused"
    assert here.api.stats()["posts"] == posts
