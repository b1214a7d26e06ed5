"""Opt-in: the manifests on a real API server, rolled out, drained. Containers and nodes are simulated.

Not seen by it: probes, grace periods and network policies, which are the kubelet's and the network's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.processes import wait_for
from tests.deploy.control_plane import ControlPlane, binaries, control_plane
from tests.deploy.guide import commands
from tests.deploy.manifests import COMPONENTS, ROOT, Resource, build, composed, workload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        binaries() is None, reason="no KUBERNETES_BINARIES: tests/deploy/build_control_plane.sh makes them"
    ),
]

EXAMPLE = ROOT / "overlays/example"
OURS = "app.kubernetes.io/component=connector"
NAME = "deployment/pushwoosh-connector"
REPLICAS = 3


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    where = binaries()
    assert where is not None
    with control_plane(where, tmp_path_factory.mktemp("plane"), nodes=REPLICAS) as running:
        running.kubectl("apply", "-f", EXAMPLE / "namespace.yaml")
        account = ["-n", "pushwoosh", "get", "serviceaccount", "default", "--ignore-not-found", "-o", "name"]
        wait_for(lambda: running.kubectl(*account), 60, "the namespace's service account")
        yield running


@pytest.fixture(scope="module")
def rolled_out(plane: ControlPlane) -> ControlPlane:
    """Three replicas, scheduled and running by the API's word."""
    plane.kubectl("apply", "-k", EXAMPLE)
    ours(plane, "scale", NAME, f"--replicas={REPLICAS}")
    wait_until_rolled_out(plane)
    return plane


def ours(plane: ControlPlane, *arguments: str | Path, fails: bool = False) -> str:
    return plane.kubectl("-n", "pushwoosh", *arguments, fails=fails)


def wait_until_rolled_out(plane: ControlPlane) -> None:
    ours(plane, "rollout", "status", NAME, "--timeout=120s")


def pods(plane: ControlPlane) -> list[Resource]:
    """Those that aren't on their way out."""
    found = plane.get("-n", "pushwoosh", "pods", "-l", OURS)["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def status(plane: ControlPlane, what: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = plane.get("-n", "pushwoosh", what)["status"]
    return found


def allowed(plane: ControlPlane) -> int:
    return int(status(plane, "poddisruptionbudget/pushwoosh-connector")["disruptionsAllowed"])


def written(resources: list[Resource], folder: Path) -> Path:
    file = folder / "resources.yaml"
    file.write_text(yaml.safe_dump_all(resources))
    return file


# -- admitted ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder",
    ["overlays/example", "overlays/production", "backfill", "overlays/production-backfill", *COMPONENTS],
)
def test_the_api_server_takes_every_resource_without_a_warning(
    plane: ControlPlane, folder: str, tmp_path: Path
) -> None:
    """Each overlay, and the example with each component, in a namespace that enforces `restricted`."""
    if folder in COMPONENTS:
        resources = composed(tmp_path / "own", folder, base="overlays/example")
    else:
        resources = build(ROOT / folder)
    unknown = {each["kind"] for each in resources} - plane.kinds()
    if unknown:
        pytest.skip(
            f"no CustomResourceDefinition of {', '.join(sorted(unknown))} in KUBERNETES_BINARIES/crds"
        )
    said = ours(plane, "apply", "--dry-run=server", "--validate=strict", "-f", written(resources, tmp_path))
    assert said.count("(server dry run)") == len(resources) == len(said.splitlines())


def test_the_api_server_would_refuse_a_misspelt_field(plane: ControlPlane, tmp_path: Path) -> None:
    wrong = (ROOT / "base/deployment.yaml").read_text().replace("livenessProbe", "livnessProbe")
    (tmp_path / "wrong.yaml").write_text(wrong)
    said = ours(plane, "apply", "--dry-run=server", "-f", tmp_path / "wrong.yaml", fails=True)
    assert "livnessProbe" in said


@pytest.mark.parametrize(
    ("instead_of", "this"),
    [
        ("drop: [ALL]", "drop: [KILL]"),
        ("runAsNonRoot: true", "runAsNonRoot: false"),
        ("type: RuntimeDefault", "type: Unconfined"),
        ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
    ],
)
def test_the_restricted_standard_would_not_take_less(
    plane: ControlPlane, tmp_path: Path, instead_of: str, this: str
) -> None:
    """The warning that an offence gets: its absence above means something."""
    text = (ROOT / "base/deployment.yaml").read_text()
    assert instead_of in text
    (tmp_path / "weak.yaml").write_text(text.replace(instead_of, this))
    said = ours(plane, "apply", "--dry-run=server", "-f", tmp_path / "weak.yaml", fails=True)
    assert 'would violate PodSecurity "restricted:latest"' in said


# -- running -----------------------------------------------------------------------------------


def test_three_replicas_run_on_three_nodes_without_a_token_of_the_service_account(
    rolled_out: ControlPlane,
) -> None:
    found = pods(rolled_out)
    assert len({pod["spec"]["nodeName"] for pod in found}) == REPLICAS
    assert {pod["status"]["phase"] for pod in found} == {"Running"}
    for pod in found:
        assert {volume["name"] for volume in pod["spec"]["volumes"]} == {"config", "secrets"}


def test_a_rollout_replaces_one_pod_at_a_time_and_never_has_a_surplus_one(rolled_out: ControlPlane) -> None:
    before = {pod["metadata"]["uid"] for pod in pods(rolled_out)}
    ours(rolled_out, "rollout", "restart", NAME)
    most, least = 0, REPLICAS

    def replaced() -> bool:
        nonlocal most, least
        alive = {pod["metadata"]["uid"] for pod in pods(rolled_out)}
        most = max(most, len(alive))
        least = min(least, int(status(rolled_out).get("availableReplicas", 0)))
        return not alive & before and len(alive) == REPLICAS

    wait_for(replaced, 120, "three new pods")
    wait_until_rolled_out(rolled_out)
    assert (most, least) == (REPLICAS, REPLICAS - 1)
    assert len({pod["spec"]["nodeName"] for pod in pods(rolled_out)}) == REPLICAS


def test_a_changed_configuration_rolls_out_and_one_that_can_not_start_stops_at_the_first_pod(
    rolled_out: ControlPlane, tmp_path: Path
) -> None:
    """As a wrong token does, whose Pod is never ready; here no node takes the Pod."""
    before = {pod["metadata"]["uid"] for pod in pods(rolled_out)}
    resources = build(EXAMPLE)
    workload(resources)["spec"]["replicas"] = REPLICAS
    for each in resources:
        if each["kind"] == "ConfigMap":
            each["metadata"]["name"] += "-changed"
            volume = workload(resources)["spec"]["template"]["spec"]["volumes"][0]
            volume["configMap"]["name"] = each["metadata"]["name"]
    workload(resources)["spec"]["template"]["spec"]["nodeSelector"] = {"no-node": "has-this"}
    ours(rolled_out, "apply", "-f", written(resources, tmp_path))
    wait_for(lambda: status(rolled_out).get("updatedReplicas") == 1, 60, "the first new pod")
    ours(rolled_out, "rollout", "status", NAME, "--timeout=5s", fails=True)
    phases = sorted((pod["status"]["phase"], pod["metadata"]["uid"] in before) for pod in pods(rolled_out))
    assert phases == [("Pending", False), ("Running", True), ("Running", True)]
    ours(rolled_out, "rollout", "undo", NAME)
    wait_until_rolled_out(rolled_out)
    assert len({pod["metadata"]["uid"] for pod in pods(rolled_out)} & before) == REPLICAS - 1


# -- drained -----------------------------------------------------------------------------------


def test_a_drain_takes_one_pod_and_no_second_one_until_that_is_back(rolled_out: ControlPlane) -> None:
    wait_for(lambda: allowed(rolled_out) == 1, 60, "the budget")
    hosts = [pod["spec"]["nodeName"] for pod in pods(rolled_out)]
    first, *others = sorted(
        {f"node-{number}" for number in range(REPLICAS)}, key=lambda n: hosts.count(n) != 1
    )
    second, third = sorted(others, key=lambda node: -hosts.count(node))
    rolled_out.kubectl("cordon", second, third)  # the replacement finds no place, so it stays away
    rolled_out.kubectl("drain", first, "--ignore-daemonsets", "--timeout=60s")
    wait_for(lambda: allowed(rolled_out) == 0, 60, "the budget to be used up")
    refused = rolled_out.kubectl("drain", second, "--ignore-daemonsets", "--timeout=3s", fails=True)
    assert "would violate the pod's disruption budget" in refused
    rolled_out.kubectl("uncordon", third)
    rolled_out.kubectl("drain", second, "--ignore-daemonsets", "--timeout=60s")
    wait_until_rolled_out(rolled_out)
    assert {pod["spec"]["nodeName"] for pod in pods(rolled_out)} == {third}
    rolled_out.kubectl("uncordon", first, second)


def test_halted_pods_do_not_hold_up_a_drain(rolled_out: ControlPlane) -> None:
    """All are not ready, so the budget allows nothing; `AlwaysAllow` lets them go all the same."""
    condition = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    halted = pods(rolled_out)
    for pod in halted:
        patch = json.dumps({"status": {"conditions": [condition]}})
        ours(rolled_out, "patch", "pod", pod["metadata"]["name"], "--subresource=status", "-p", patch)
    wait_for(lambda: allowed(rolled_out) == 0, 60, "the budget to see it")
    node = halted[0]["spec"]["nodeName"]
    rolled_out.kubectl("drain", node, "--ignore-daemonsets", "--timeout=60s")
    rolled_out.kubectl("uncordon", node)
    gone = {pod["metadata"]["name"] for pod in halted} - {pod["metadata"]["name"] for pod in pods(rolled_out)}
    assert gone == {pod["metadata"]["name"] for pod in halted if pod["spec"]["nodeName"] == node}
    rest = {pod["metadata"]["name"] for pod in halted} - gone
    if rest:  # nobody mends a simulated container
        ours(rolled_out, "delete", "pod", *rest)
    wait_until_rolled_out(rolled_out)


def test_a_backfill_runs_to_its_end_beside_the_deployment(rolled_out: ControlPlane) -> None:
    rolled_out.kubectl("create", "-k", ROOT / "backfill")
    ours(rolled_out, "wait", "--for=condition=complete", "job/pushwoosh-connector-backfill", "--timeout=60s")
    assert status(rolled_out)["availableReplicas"] == REPLICAS


def test_the_commands_of_the_guide_install_it(rolled_out: ControlPlane, tmp_path: Path) -> None:
    """As they are written, in a copy of deploy/; the image is there already, as nobody starts it."""
    if "PodMonitor" not in rolled_out.kinds():
        pytest.skip("KUBERNETES_BINARIES/crds defines no PodMonitor")
    shutil.copytree(ROOT.parent, tmp_path / "deploy")
    for name in ("token", "kafka.properties", "ca.crt"):
        (tmp_path / name).write_text("something")
    given = [line for line in commands("Install") if not line.startswith("docker ")]
    assert len(given) == 6
    done = subprocess.run(
        ["bash", "-ec", "\n".join(given)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
        cwd=tmp_path,
        env={**os.environ, "KUBECONFIG": str(rolled_out.kubeconfig)},
    )
    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout.lower()
    assert done.stdout.splitlines()[-1] == 'deployment "pushwoosh-connector" successfully rolled out'
    assert status(rolled_out)["availableReplicas"] == 3
    assert {volume["name"] for volume in pods(rolled_out)[0]["spec"]["volumes"]} == {
        "config",
        "secrets",
        "kafka-ca",
    }
