"""The dashboard's JSON: written by its builder, complete, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy import dashboard
from tests.deploy.alert_scenarios import Scenario
from tests.deploy.alert_series import BUSY, HALTED, IDLE, TROUBLE, UP
from tests.deploy.exported import unknown_names


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dashboard.FILE.read_text())
    return found


def panels(written: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in written["panels"] if panel["type"] != "row"]


def test_the_file_is_what_its_builder_writes() -> None:
    assert dashboard.FILE.read_text() == dashboard.build()


def test_grafanas_own_types_can_read_it(written: dict[str, Any]) -> None:
    assert Dashboard.from_json(written).title == "Pushwoosh connector"


def test_every_query_names_metrics_and_labels_that_are_exported(written: dict[str, Any]) -> None:
    queries = [target["expr"] for panel in panels(written) for target in panel["targets"]]
    queries += [each["expr"] for each in written["annotations"]["list"]]
    assert {name for query in queries for name in unknown_names(query)} == set()


def test_every_panel_has_a_description_a_unit_and_selects_by_every_variable(written: dict[str, Any]) -> None:
    for panel in panels(written):
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert "$job" in target["expr"]
            assert "$namespace" in target["expr"]


def test_rates_fit_the_scrape_interval_and_the_zoom(written: dict[str, Any]) -> None:
    ranges = [
        text
        for panel in panels(written)
        for target in panel["targets"]
        for text in re.findall(r"\[(.+?)\]", target["expr"])
    ]
    assert set(ranges) == {"$__rate_interval"}


def test_the_first_row_answers_whether_all_is_well(written: dict[str, Any]) -> None:
    first = [panel["title"] for panel in panels(written) if panel["gridPos"]["y"] == 0]
    assert first == ["Confirmed a second", "Backlog", "Oldest unsettled", "Refused", "Halted", "Instances"]


def test_a_halt_is_told_in_a_word_and_in_red(written: dict[str, Any]) -> None:
    (defaults,) = [
        panel["fieldConfig"]["defaults"] for panel in panels(written) if panel["title"] == "Halted"
    ]
    (mapping,) = defaults["mappings"]
    assert {value: each["text"] for value, each in mapping["options"].items()} == {"0": "no", "1": "HALTED"}
    assert [(step.get("value"), step["color"]) for step in defaults["thresholds"]["steps"]] == [
        (None, "red"),
        (0, "green"),
        (1, "red"),
    ]


def test_the_first_row_is_red_where_there_is_nothing_to_show(written: dict[str, Any]) -> None:
    tiles = [panel for panel in panels(written) if panel["type"] == "stat"]
    assert tiles
    for tile in tiles:
        assert [(target["instant"], target["range"]) for target in tile["targets"]] == [(True, False)]
        assert tile["fieldConfig"]["defaults"]["noValue"] == "no data"
        base, *_ = tile["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert (base.get("value"), base["color"]) == (None, "red")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")
@pytest.mark.parametrize(
    ("what", "seen", "values"),
    [
        ("all is well", BUSY, {"Halted": 0, "Instances": 1, "Backlog": 500}),
        ("an idle topic", IDLE, {"Halted": 0, "Refused": 0, "Confirmed a second": 0, "Instances": 1}),
        ("Kafka in trouble", BUSY | {TROUBLE: "1x"}, {"Halted": 1}),
        ("halted", BUSY | {HALTED: "1x"}, {"Halted": 1}),
        ("no instance answers", {UP: "1x20 0x"}, {"Instances": 0}),
    ],
)
def test_the_first_row_shows_what_is_halted_idle_or_missing(
    what: str, seen: dict[str, str], values: dict[str, float], written: dict[str, Any], tmp_path: Path
) -> None:
    wanted = {
        query: [{"labels": "{}", "value": values[title]}]
        for title, query in tiles(written).items()
        if title in values
    }
    ask_promtool(Scenario(what, seen, {}), wanted, tmp_path)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")
def test_of_a_connector_that_is_gone_the_first_row_says_nothing(
    written: dict[str, Any], tmp_path: Path
) -> None:
    gone = dict.fromkeys(BUSY, "1x20 stale")
    ask_promtool(Scenario("gone", gone, {}), {query: [] for query in tiles(written).values()}, tmp_path)


def tiles(written: dict[str, Any]) -> dict[str, str]:
    """Query by title, as Grafana asks where there is one connector among other jobs."""
    chosen = {"$namespace": ".*", "$job": "(pushwoosh-connector)", "$topic": "(t)", "$__rate_interval": "4m"}
    found = {}
    for panel in panels(written):
        if panel["type"] == "stat":
            query = panel["targets"][0]["expr"]
            for variable, value in chosen.items():
                query = query.replace(variable, value)
            found[panel["title"]] = query
    return found


def ask_promtool(scenario: Scenario, wanted: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Have these queries answered an hour into the scenario, beside another job that is well."""
    beside = {"series": 'up{job="another"}', "values": "1x300"}
    asked = [{"expr": query, "eval_time": "1h", "exp_samples": samples} for query, samples in wanted.items()]
    test = {"interval": "1m", "input_series": [*scenario.written(), beside], "promql_expr_test": asked}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_jobs_are_those_of_the_connector(written: dict[str, Any]) -> None:
    """Of what else Prometheus scrapes, `up` and the process's figures have the same names."""
    variables = {each["name"]: each for each in written["templating"]["list"]}
    assert {name for name, each in variables.items() if "allValue" in each} == {"namespace"}
    assert variables["job"]["query"] == "label_values(pushwoosh_connector_build_info, job)"


def test_no_panel_lies_over_another(written: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in written["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_restarts_and_halts_are_marked(written: dict[str, Any]) -> None:
    marks = {each["name"]: each for each in written["annotations"]["list"]}
    assert {name: (each["titleFormat"], each["textFormat"]) for name, each in marks.items()} == {
        "Restarts": ("Restarts", "{{instance}}"),
        "Halts": ("Halts", "{{cause}}"),
    }
