"""The alerts: what they fire on and don't, what they are made of, and that everybody has the same ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.kafka import troubles
from connector.model import Cause
from connector.ops import mends
from connector.ops.families import Families
from connector.running import decoding
from tests.deploy.alert_scenarios import SCENARIOS, Scenario
from tests.deploy.exported import unknown_names
from tests.deploy.guide import commands, section

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
CUSTOM_RESOURCE = ROOT / "deploy/kubernetes/components/prometheus-rule/prometheus-rule.yaml"
GUIDE = ROOT / "deploy/README.md"
PREFIX = "PushwooshConnector"
BASE = "https://git.example.com/pushwoosh-connector/"
"""What `runbook_url` begins with until somebody puts in where these files are."""

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus"
)


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def custom_resource() -> str:
    """Write the rules as the Prometheus Operator wants them."""
    head = """\
# Written by `python -m tests.deploy.test_rules` from deploy/prometheus/rules.yaml; a test compares them.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: pushwoosh-connector
  labels:
    app.kubernetes.io/name: pushwoosh-connector
spec:
"""
    rules = RULES.read_text()
    body = rules[rules.index("groups:") :]
    return head + "".join(f"  {line}" if line.strip() else line for line in body.splitlines(keepends=True))


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@promtool
def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    assert f"SUCCESS: {len(alerts())} rules found" in run("promtool", "check", "rules", "--lint-fatal", RULES)


@promtool
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_exactly_the_alerts_fire_that_should(scenario: Scenario, tmp_path: Path) -> None:
    wanted = [
        {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": f'{{alertname="{PREFIX}{name}"}}', "value": 1} for name in names],
        }
        for minute, names in scenario.firing.items()
    ]
    test = {"interval": "1m", "input_series": scenario.written(), "promql_expr_test": wanted}
    file = tmp_path / "test.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    run("promtool", "test", "rules", file)


def test_every_alert_is_seen_firing_in_a_scenario() -> None:
    seen = {PREFIX + name for scenario in SCENARIOS for names in scenario.firing.values() for name in names}
    assert seen == {rule["alert"] for rule in alerts()}


def test_every_metric_in_a_rule_is_exported() -> None:
    assert {name for rule in alerts() for name in unknown_names(rule["expr"])} == set()


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_has_a_severity_a_summary_and_a_place_in_the_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"{BASE}deploy/README.md#{rule['alert'].lower()}"
    assert re.search(rf"^### {rule['alert']}$", GUIDE.read_text(), re.MULTILINE)


def test_the_command_of_the_guide_puts_ones_own_base_into_every_runbook_url(tmp_path: Path) -> None:
    (command,) = [line for line in commands("Alerts") if line.startswith("sed ")]
    for file in (RULES, CUSTOM_RESOURCE):
        (tmp_path / file.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    subprocess.run(["bash", "-c", command], check=True, cwd=tmp_path)
    for file in (RULES, CUSTOM_RESOURCE):
        text = (tmp_path / file.relative_to(ROOT)).read_text()
        assert BASE not in text
        assert text.count("runbook_url: https://YOUR.GIT/") == len(alerts())


@pytest.mark.parametrize(
    ("alert", "causes"),
    [
        ("Halted", {*mends.MENDS, Cause.DATA_LOSS} - {Cause.PAUSED}),
        ("KafkaTrouble", {*troubles.MENDS, decoding.DECODER_TROUBLE}),
    ],
)
def test_the_runbook_says_what_to_do_about_every_cause_and_about_no_other(
    alert: str, causes: set[str]
) -> None:
    text = section("Alerts").split(f"### {PREFIX}{alert}\n")[1].split("\n### ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {cause for row in rows for cause in re.findall(r"`(\w+)`", row)} - {"cause"} == causes


def test_the_objective_is_a_bound_of_the_histogram() -> None:
    bounds = {str(float(bound)) for bound in Families().confirmation_latency.bounds}
    named = {bound for rule in alerts() for bound in re.findall(r'le="([^"]+)"', rule["expr"])}
    assert named
    assert named <= bounds


def test_the_prometheus_operator_gets_the_same_rules() -> None:
    assert CUSTOM_RESOURCE.read_text() == custom_resource()
    assert yaml.safe_load(CUSTOM_RESOURCE.read_text())["spec"] == yaml.safe_load(RULES.read_text())


if __name__ == "__main__":
    CUSTOM_RESOURCE.write_text(custom_resource())
