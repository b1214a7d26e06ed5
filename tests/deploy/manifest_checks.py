"""What every resource and every pod of the manifests has to pass."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.deploy.manifests import Resource, container, of_kind, pod

KUBERNETES = ("1.32", "1.37")
"""The oldest and the newest version that these are validated against."""


def custom_schemas() -> dict[tuple[str, str], Draft202012Validator]:
    """By apiVersion and kind, a validator of each custom resource that is used."""
    folder = Path(__file__).parent / "schemas"
    files = {file.name: json.loads(file.read_text()) for file in folder.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, DRAFT202012.create_resource(schema)) for name, schema in files.items()
    )
    found = {}
    for name, schema in files.items():
        if name == "metadata.json":
            continue
        own = schema.get("$defs", {}).get("root", schema)["properties"]
        validator = Draft202012Validator({"$ref": name}, registry=registry)
        found[(own["apiVersion"]["const"], own["kind"]["const"])] = validator
    return found


def check_schema(resource: Resource, version: str) -> None:
    """Refuse what the API server would refuse or warn about, fields that nobody knows included."""
    custom = custom_schemas().get((resource["apiVersion"], resource["kind"]))
    if custom is not None:
        custom.validate(resource)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kubernetes_validate.validate(resource, version, strict=True)


def check_safety(resources: list[Resource]) -> None:
    spec, only = pod(resources)["spec"], container(resources)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(only["resources"]) == {"requests", "limits"}
    for name in of_kind(resources, "Namespace"):
        assert name["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def mebibytes(quantity: str) -> int:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]
