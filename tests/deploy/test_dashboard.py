"""The dashboard's JSON: written by its builder, complete, and about metrics that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy import dashboard
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
        (None, "green"),
        (1, "red"),
    ]


def test_no_panel_lies_over_another(written: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in written["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_restarts_and_halts_are_marked(written: dict[str, Any]) -> None:
    assert {each["name"] for each in written["annotations"]["list"]} == {"Restarts", "Halts"}
