"""A real Prometheus, a real broker, a running connector: every documented query has data, an alert fires."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import World, settled, world
from tests.deploy import dashboard
from tests.deploy.prometheus import BINARY, PATIENCE, Prometheus, prometheus
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(BINARY is None, reason="no Prometheus: apt-get install prometheus"),
]

METRICS = Path(__file__).parents[2] / "deploy/METRICS.md"
EVENTS = 10_000
WINDOW = "20s"
_FOUND_IN_TROUBLE_ONLY = ("pushwoosh_connector_kafka_trouble",)
"""Metrics that are exported only while something is wrong: a query of them has no data on a good day."""


@dataclass
class Scene:
    """A connector at work, and Prometheus, which looks at it."""

    here: World
    connector: Connector
    seen: Prometheus
    produced: int = 0

    def work(self, events: int) -> None:
        """Give the connector something to do."""
        self.here.produce(mixed(events, 4_000, seed=self.produced))
        self.produced += events

    def wait_for_data(self, queries: set[str], asked: Callable[[str], str]) -> None:
        """Wait until each query has had an answer, at work meanwhile: a rate needs two scrapes of one."""
        without = queries
        deadline = time.monotonic() + 60
        while without and time.monotonic() < deadline:
            self.work(500)
            time.sleep(0.5)
            without = {query for query in without if not self.seen.numbers(asked(query))}
        assert without == set()


@pytest.fixture(scope="module")
def scene(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("prometheus")
    faults = {**FAULTS, "latency": {"seconds": 0.3, "distribution": "exponential"}}
    faults["outage"] = [{"next": 3}]
    with world(folder, kafka, faults=faults, partitions=12) as here:
        connector = here.run(jobs_probe_interval="300ms", jobs_max_in_flight="8")
        with prometheus(folder, [connector.port]) as seen:
            wait_for(connector.ready, 30, "readiness")
            scene = Scene(here, connector, seen)
            scene.work(EVENTS)
            wait_for(lambda: settled(connector) > EVENTS / 2, 60, "half of the work")
            wait_for(lambda: seen.numbers("pushwoosh_connector_broker_round_trip_seconds"), 30, "statistics")
            yield scene


def documented() -> list[str]:
    """Every query in METRICS.md."""
    lines = [line for line in METRICS.read_text().splitlines() if line.startswith("|")]
    cells = [cell for line in lines for cell in re.split(r"(?<!\\)\|", line)]
    found = [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]
    return sorted({code for code in found if "(" in code or " == " in code})


def as_question(query: str) -> str:
    """Ask in a shorter window, and for yes or no (1 or 0) instead of silence where the answer is no."""
    return re.sub(r" (==|>) (\d+)$", r" \1 bool \2", re.sub(r"\[\d+[mhd](:?)\]", rf"[{WINDOW}\1]", query))


def on_the_dashboard() -> list[tuple[str, str]]:
    """Title and query of every panel of the file that people import."""
    panels = [panel for panel in json.loads(dashboard.FILE.read_text())["panels"] if panel["type"] != "row"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def all_of(seen: Prometheus, variable: str) -> str:
    """Give what Grafana puts in for "All": the value that the variable names for it, or a list."""
    listed = json.loads(dashboard.FILE.read_text())["templating"]["list"]
    (found,) = [each for each in listed if each["name"] == variable]
    if "allValue" in found:
        return str(found["allValue"])
    metric = re.sub(r"\{.*\}", "", found["query"].removeprefix("label_values(").split(",")[0])
    values = [each["metric"][variable] for each in seen.query(f"count by ({variable}) ({metric})")]
    return f"({'|'.join(values)})"


def as_grafana_asks(query: str, seen: Prometheus) -> str:
    """Put in what Grafana would: all of each variable."""
    query = query.replace("$__rate_interval", WINDOW)
    return re.sub(r"\$(namespace|job|topic)\b", lambda found: all_of(seen, found[1]), query)


def test_every_question_of_the_document_has_an_answer(scene: Scene) -> None:
    queries = documented()
    assert len(queries) > 40
    scene.wait_for_data(
        {query for query in queries if not any(name in query for name in _FOUND_IN_TROUBLE_ONLY)}, as_question
    )


def test_every_panel_of_the_dashboard_shows_data(scene: Scene) -> None:
    scene.wait_for_data(
        {
            query
            for _, query in on_the_dashboard()
            if not any(f"by (cause) ({name}" in query for name in _FOUND_IN_TROUBLE_ONLY)
        },
        lambda query: as_grafana_asks(query, scene.seen),
    )


def test_no_panel_shows_anything_of_what_else_prometheus_scrapes(scene: Scene) -> None:
    wait_for(lambda: scene.seen.numbers('process_cpu_seconds_total{job="another"}'), 10, "the other job")
    queries = dict(on_the_dashboard())
    assert scene.seen.numbers(as_grafana_asks(queries["Instances"], scene.seen)) == [1]
    for title in ("CPU", "Memory"):
        (shown,) = scene.seen.query(as_grafana_asks(queries[title], scene.seen))
        assert shown["metric"]["instance"] == f"127.0.0.1:{scene.connector.port}"


def test_the_answers_are_those_of_the_connector(scene: Scene) -> None:
    scene.here.wait_settled(60)
    total = scene.connector.metric("events_settled_total")
    assert total == scene.produced
    wait_for(
        lambda: scene.seen.numbers("sum(pushwoosh_connector_events_settled_total)") == [total], 10, "a scrape"
    )
    assert scene.seen.numbers("sum(pushwoosh_connector_backlog_records)") == [0]
    refused = scene.seen.numbers("sum(pushwoosh_connector_dead_letters_total)")
    assert refused == [sum(len(reasons) for reasons in scene.here.letters().values())]


def test_no_figure_is_the_minus_one_that_librdkafka_writes_for_unknown(scene: Scene) -> None:
    assert scene.seen.query('{__name__=~"pushwoosh_connector_.*"} == -1') == []


def test_an_instance_with_twelve_partitions_has_fewer_than_300_series(scene: Scene) -> None:
    (count,) = scene.seen.numbers('scrape_samples_scraped{job="pushwoosh-connector"}')
    scene.here.show(series=int(count))
    assert count < 300


def test_promtool_finds_nothing_wrong_with_the_metrics(scene: Scene) -> None:
    page = scene.connector.get("/metrics")
    assert page is not None
    tool = shutil.which("promtool")
    assert tool is not None
    done = subprocess.run(
        [tool, "check", "metrics"], input=page.text, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_alert_fires_when_the_api_refuses_the_token_and_resolves_when_it_takes_it(scene: Scene) -> None:
    here, seen = scene.here, scene.seen
    here.wait_settled(60)
    wait_for(lambda: "Halted" not in seen.firing(), 10, "peace")
    here.api.faults(unauthorized=[{}])
    here.produce(mixed(200, 50, seed=2))
    wait_for(lambda: seen.numbers("max(pushwoosh_connector_halted)") == [1], 30, "the halt")
    began = time.monotonic()
    wait_for(lambda: "Halted" in seen.firing(), 30, "the alert")
    took = time.monotonic() - began
    here.show(seconds_from_scrape_to_alert=round(took, 1), patience=PATIENCE)
    # One evaluation to notice, then its patience, then one to fire; and a busy machine.
    assert took < PATIENCE + 4
    here.api.faults(unauthorized=None)
    wait_for(lambda: "Halted" not in seen.firing(), 30, "the end of the alert")
    here.wait_settled(60)
