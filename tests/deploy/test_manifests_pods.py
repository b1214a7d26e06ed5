"""The manifests' pods: what probes ask, how long an end may take, who selects them."""

from __future__ import annotations

import math
import re
from pathlib import Path

from prometheus_client import CollectorRegistry
from starlette.routing import Route

from connector.ops import admin
from connector.ops.privacy import Mask
from tests.deploy.manifest_settings import settings_of, stop_deadline
from tests.deploy.manifests import (
    NEEDS_KUBECTL,
    ROOT,
    Resource,
    build,
    composed,
    container,
    of_kind,
    one,
    pod,
    selects,
    workload,
)
from tests.unit.ops.provider import Provider

pytestmark = NEEDS_KUBECTL


# -- probes, ports, the end --------------------------------------------------------------------


def test_the_probes_ask_what_the_admin_endpoints_serve(resources: list[Resource], tmp_path: Path) -> None:
    served = {
        route.path
        for route in admin.application(Provider(), CollectorRegistry(), Mask()).routes
        if isinstance(route, Route)
    }
    ports = {port["name"]: port["containerPort"] for port in container(resources)["ports"]}
    probes = [probe for name, probe in container(resources).items() if name.endswith("Probe")]
    assert probes
    for probe in probes:
        assert probe["httpGet"]["path"] in served
        assert ports[probe["httpGet"]["port"]] == settings_of(resources, tmp_path / "1").admin.port
        tmp_path = tmp_path / "next"
    for monitor in of_kind(resources, "PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert endpoint["path"] in served
            assert endpoint["port"] in ports


def test_nobody_is_killed_before_an_orderly_stop_has_ended(resources: list[Resource], tmp_path: Path) -> None:
    grace = pod(resources)["spec"]["terminationGracePeriodSeconds"]
    deadline = stop_deadline(settings_of(resources, tmp_path))
    assert deadline < grace <= 2 * deadline


def test_the_readme_says_how_long_a_stop_may_take_and_what_the_manifests_give(tmp_path: Path) -> None:
    base = build(ROOT / "base")
    deadline = stop_deadline(settings_of(base, tmp_path))
    text = (ROOT.parents[1] / "README.md").read_text()
    said = re.findall(r"(\d+) s at the very most with the defaults, so give a container (\d+) s", text)
    assert said == [(str(math.ceil(deadline)), str(pod(base)["spec"]["terminationGracePeriodSeconds"]))]


# -- selectors ---------------------------------------------------------------------------------


def test_every_selector_takes_the_pods_and_the_budget_only_those_of_the_deployment(
    everything: list[Resource],
) -> None:
    labels = pod(everything)["metadata"]["labels"]
    backfill = pod(build(ROOT / "backfill"))["metadata"]["labels"]
    spec = workload(everything)["spec"]
    policy = one(everything, "NetworkPolicy")["spec"]["podSelector"]
    monitor = one(everything, "PodMonitor")["spec"]["selector"]
    budget = one(everything, "PodDisruptionBudget")["spec"]["selector"]
    spread = [each["labelSelector"] for each in pod(everything)["spec"]["topologySpreadConstraints"]]
    assert all(selects(each, labels) for each in (spec["selector"], policy, monitor, budget, *spread))
    assert [selects(each, backfill) for each in (spec["selector"], budget, policy, monitor)] == [
        False,
        False,
        True,
        True,
    ]


def test_the_monitor_names_the_job_that_rules_and_scaling_ask_for(everything: list[Resource]) -> None:
    monitor = one(everything, "PodMonitor")["spec"]
    assert pod(everything)["metadata"]["labels"][monitor["jobLabel"]] == "pushwoosh-connector"
    backfill = pod(build(ROOT / "backfill"))["metadata"]["labels"]
    assert backfill[monitor["jobLabel"]] == "pushwoosh-connector-backfill"
    (trigger,) = one(everything, "ScaledObject")["spec"]["triggers"]
    assert '{job="pushwoosh-connector", ' in trigger["metadata"]["query"]
    rules = [rule for group in one(everything, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    assert 'up{job="pushwoosh-connector"}' in rules[0]["expr"]


def test_the_job_stays_where_a_tool_of_deployment_writes_its_own_name_over_the_usual_labels(
    tmp_path: Path,
) -> None:
    """As Argo CD does with its label of tracking, and `helm` with its release."""
    usual = ("name", "instance", "version", "component", "part-of", "managed-by")
    labels = [{"pairs": {f"app.kubernetes.io/{name}": "argo" for name in usual}, "includeTemplates": True}]
    changed = composed(tmp_path, "pod-monitor", labels=labels)
    given = pod(changed)["metadata"]["labels"]
    assert given["app.kubernetes.io/instance"] == "argo"
    assert given[one(changed, "PodMonitor")["spec"]["jobLabel"]] == "pushwoosh-connector"


def test_a_kube_prometheus_stack_would_take_monitor_and_rules(production: list[Resource]) -> None:
    """By default it selects by the name of its Helm release; its chart's own name is the usual one."""
    for kind in ("PodMonitor", "PrometheusRule"):
        assert one(production, kind)["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert sum("release" in each["metadata"].get("labels", {}) for each in production) == 2
