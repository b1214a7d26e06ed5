"""Kubernetes manifests as kustomize builds them, and questions to them."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

Resource = dict[str, Any]
Secrets = Mapping[str, Mapping[str, str]]

ROOT = Path(__file__).parents[2] / "deploy/kubernetes"
BUILDS = ("overlays/example", "overlays/production", "backfill", "overlays/production-backfill")
COMPONENTS = sorted(folder.name for folder in (ROOT / "components").iterdir())
NEEDS_KUBECTL = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
"""For each file of tests that builds manifests."""


def build(folder: Path) -> list[Resource]:
    """Build an overlay; a warning of kustomize is an error."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def composed(folder: Path, *components: str, base: str = "base", **more: Any) -> list[Resource]:
    """Build a base or overlay with components on top, as a user's own overlay does; `more` goes into it."""
    folder.mkdir(parents=True, exist_ok=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(ROOT / base, folder.resolve())],
        "components": [os.path.relpath(ROOT / "components" / name, folder.resolve()) for name in components],
        **more,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return build(folder)


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    return [each for each in resources if each["kind"] == kind]


def one(resources: list[Resource], kind: str) -> Resource:
    (found,) = of_kind(resources, kind)
    return found


def workload(resources: list[Resource]) -> Resource:
    """The Deployment or the Job."""
    (found,) = of_kind(resources, "Deployment") + of_kind(resources, "Job")
    return found


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    (found,) = [each for each in of_kind(resources, kind) if each["metadata"]["name"] == name]
    return found


def rights(resources: list[Resource], user: str) -> list[tuple[str, str, str, str]]:
    """What a KafkaUser may: kind and name of a resource, pattern, operation."""
    return [
        (acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"], operation)
        for acl in named(resources, "KafkaUser", user)["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    ]


def dead_letter_job(resources: list[Resource]) -> list[Resource]:
    """What `kubectl create job --from` makes of the dead-letter tool, in place of the connector."""
    template = named(resources, "CronJob", "pushwoosh-connector-dead-letters")["spec"]["jobTemplate"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "dead-letters"}, **template}
    return [*(each for each in resources if each["kind"] != "Deployment"), job]


def pod(resources: list[Resource]) -> Resource:
    template: Resource = workload(resources)["spec"]["template"]
    return template


def container(resources: list[Resource]) -> Resource:
    (found,) = pod(resources)["spec"]["containers"]
    return dict(found)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector made of `matchLabels` alone takes these labels."""
    assert set(selector) == {"matchLabels"}
    wanted: Mapping[str, str] = selector["matchLabels"]
    return bool(wanted) and wanted.items() <= labels.items()


def mounted(
    resources: list[Resource], folder: Path, given: Mapping[str, Mapping[str, str]]
) -> dict[str, Path]:
    """Write what the container sees below `folder`; returns by mount path where that is.

    `given` are Secrets that aren't among the resources: keys and values by the Secret's name.
    """
    volumes = {each["name"]: each for each in pod(resources)["spec"]["volumes"]}
    places = {}
    for mount in container(resources)["volumeMounts"]:
        volume = volumes.pop(mount["name"])
        place = places[mount["mountPath"]] = folder / mount["mountPath"].strip("/")
        place.mkdir(parents=True)
        for name, text in _content(resources, volume, given).items():
            (place / name).write_text(text)
    assert not volumes, f"not mounted: {volumes}"
    return places


def _content(resources: list[Resource], volume: Resource, given: Secrets) -> Mapping[str, str]:
    if "configMap" in volume:
        name = volume["configMap"]["name"]
        (found,) = [each for each in of_kind(resources, "ConfigMap") if each["metadata"]["name"] == name]
        return dict(found["data"])
    name = volume["secret"]["secretName"]
    made = [each for each in of_kind(resources, "Secret") if each["metadata"]["name"] == name]
    return _plain(made[0]) if made else given[name]


def _plain(secret: Resource) -> dict[str, str]:
    return {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}


def ports_allowed(resources: list[Resource]) -> Iterator[range]:
    """Every range of TCP ports that the NetworkPolicy lets out."""
    for rule in one(resources, "NetworkPolicy")["spec"]["egress"]:
        for port in rule["ports"]:
            if port["protocol"] == "TCP":
                yield range(port["port"], port.get("endPort", port["port"]) + 1)
