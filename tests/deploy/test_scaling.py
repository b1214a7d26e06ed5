"""What KEDA is told to scale by: the backlog of those that can do something about it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.guide import section
from tests.deploy.manifests import ROOT, Resource, build, composed, one
from tests.deploy.test_rules import promtool, run

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")

THRESHOLD = 30_000


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    spec: dict[str, Any] = one(composed(tmp_path_factory.mktemp("keda"), "keda"), "ScaledObject")["spec"]
    return spec


def query(scaled: Mapping[str, Any]) -> str:
    (trigger,) = scaled["triggers"]
    return str(trigger["metadata"]["query"])


def instance(
    name: str, backlog: int, *, halted: str = "", gate: int = 1, namespace: str = "pushwoosh"
) -> dict[str, str]:
    """Write the series of one instance with two partitions, as promtool reads them: 21 samples each."""
    same = f'namespace="{namespace}", job="pushwoosh-connector", instance="{name}"'
    prefix = "pushwoosh_connector_"
    found = {
        f'{prefix}backlog_records{{{same}, topic="t", partition="0"}}': f"{backlog // 2}x20",
        f'{prefix}backlog_records{{{same}, topic="t", partition="1"}}': f"{backlog - backlog // 2}x20",
        f"{prefix}gate_open{{{same}}}": f"{gate}x20",
    }
    for cause in ("unauthorized", "brake", "paused"):
        found[f'{prefix}halted{{{same}, cause="{cause}"}}'] = f"{int(cause == halted)}x20"
    return found


@promtool
@pytest.mark.parametrize(
    ("instances", "backlog"),
    [
        ([instance("a", 100_000), instance("b", 5_000)], 105_000),
        ([instance("a", 0)], 0),
        # The API is down: what both have is enough for two replicas, and no more.
        ([instance("a", 100_000, gate=0), instance("b", 900_000, gate=0)], 2 * THRESHOLD),
        ([instance("a", 100_000, gate=0), instance("b", 1_000, gate=0)], THRESHOLD + 1_000),
        ([instance("a", 100_000, halted="unauthorized"), instance("b", 100_000)], THRESHOLD + 100_000),
        ([instance("a", 100_000, halted="brake"), instance("b", 100_000, halted="paused")], 2 * THRESHOLD),
        # Another one, elsewhere.
        ([instance("a", 100_000), instance("b", 500_000, namespace="staging")], 100_000),
        ([instance("b", 500_000, namespace="staging")], None),
        ([{'up{job="pushwoosh-connector", namespace="pushwoosh"}': "0x20"}], None),
    ],
)
def test_who_can_not_submit_adds_no_replicas_and_silence_is_no_number(
    scaled: Mapping[str, Any], tmp_path: Path, instances: list[dict[str, str]], backlog: int | None
) -> None:
    samples = [] if backlog is None else [{"labels": "{}", "value": backlog}]
    given = [{"series": name, "values": values} for each in instances for name, values in each.items()]
    test = {
        "interval": "1m",
        "input_series": given,
        "promql_expr_test": [{"expr": query(scaled), "eval_time": "10m", "exp_samples": samples}],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    run("promtool", "test", "rules", file)


def test_the_threshold_and_the_namespace_in_the_query_are_those_of_the_rest(
    scaled: Mapping[str, Any],
) -> None:
    (trigger,) = scaled["triggers"]
    assert re.findall(r"\d{3,}", query(scaled)) == [trigger["metadata"]["threshold"]] == [str(THRESHOLD)]
    production: list[Resource] = build(ROOT / "overlays/production")
    assert set(re.findall(r'namespace="([^"]*)"', query(scaled))) == {
        one(production, "Namespace")["metadata"]["name"]
    }
    assert query(scaled).count("{") == query(scaled).count('{job="pushwoosh-connector", namespace=')


def test_without_prometheus_nobody_is_scaled_down(scaled: Mapping[str, Any]) -> None:
    assert scaled["fallback"]["behavior"] == "currentReplicasIfHigher"
    folder = ROOT / "components/keda"
    for text in ((folder / "kustomization.yaml").read_text(), section("Scale")):
        assert "KEDA 2.17" in text  # the first that knows it


def test_the_guide_says_how_a_running_deployment_keeps_its_replicas_when_they_leave_the_overlay() -> None:
    """`apply` sets what was applied before and isn't any more to its default: one."""
    name = one(build(ROOT / "base"), "Deployment")["metadata"]["name"]
    text = section("Scale")
    before = text.index(f"apply edit-last-applied deployment/{name}")
    assert before < text.index("kubectl apply -k ")
    (handed,) = re.findall(r"--field-manager=\S+ --validate=false -f - <<< '(.*)'$", text, re.MULTILINE)
    deployment = yaml.safe_load(handed)
    assert (deployment["kind"], deployment["metadata"]["name"]) == ("Deployment", name)
    assert list(deployment["spec"]) == ["replicas"]
