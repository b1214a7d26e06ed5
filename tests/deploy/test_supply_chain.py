"""What the image is made of: pinned with hashes, for both architectures, and told."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from connector import __version__
from tests.deploy.requirements import BUILD_LOCK, EXTRAS, LOCK, PROJECT, ROOT, applies, pins, wanted

_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_lock_has_what_the_project_wants_in_a_version_that_it_takes(python: str, machine: str) -> None:
    there = {
        **_LINUX,
        "python_version": python,
        "python_full_version": f"{python}.1",
        "platform_machine": machine,
    }
    pinned = pins(LOCK, **there)
    for requirement in wanted():
        if applies(requirement, **there):
            pin = pinned.get(canonicalize_name(requirement.name))
            assert pin is not None, f"{requirement} isn't in {LOCK.name}: run .ci/lock"
            assert requirement.specifier.contains(pin.version, prereleases=True), (
                f"{requirement}: run .ci/lock"
            )


def test_the_build_lock_has_what_builds_the_wheel() -> None:
    pinned = pins(BUILD_LOCK, **_LINUX)
    for text in PROJECT["build-system"]["requires"]:
        assert canonicalize_name(Requirement(text).name) in pinned


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
def test_every_package_of_a_lock_has_one_version_and_hashes_and_no_index_is_named(lock: Path) -> None:
    pinned = pins(lock)
    assert pinned
    for name, pin in pinned.items():
        assert pin.version, name
        assert pin.hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), name
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_the_image_installs_nothing_whose_hash_is_not_known() -> None:
    recipe = re.sub(r" *\\\n *", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    runs = [line.removeprefix("RUN ") for line in recipe.splitlines() if line.startswith("RUN ")]
    steps = [each for run in runs for each in run.split(" && ")]
    installs = [each for each in steps if re.search(r"\bpip (install|wheel|download)\b", each)]
    pinned = [each for each in installs if "--require-hashes --only-binary :all: -r deploy/image/" in each]
    ours = [each for each in installs if "--no-deps" in each]
    assert len(pinned) == 2
    assert len(ours) == 2
    assert [*pinned, *ours] == installs
    wheel, install = ours
    assert "--no-build-isolation" in wheel  # nothing is fetched to build it
    assert "--no-index" in install


def test_the_commands_pin_the_extras_that_the_image_has() -> None:
    told = re.findall(r"--extra (\w+)", (ROOT / ".ci" / "lock").read_text(encoding="utf-8"))
    assert sorted(told) == sorted(EXTRAS)


@pytest.mark.parametrize("python", ["3.11", "3.13"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_wheels_with_these_hashes_can_be_installed_on_both_architectures(
    python: str, machine: str, tmp_path: Path
) -> None:
    done = install(LOCK, tmp_path, python, machine)
    assert done.returncode == 0, done.stderr
    there = {
        **_LINUX,
        "python_version": python,
        "python_full_version": f"{python}.1",
        "platform_machine": machine,
    }
    installed = {canonicalize_name(each.metadata["Name"]) for each in distributions(path=[str(tmp_path)])}
    assert installed == pins(LOCK, **there).keys()


def test_a_file_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    altered = tmp_path / "requirements.txt"
    altered.write_text(re.sub(r"sha256:\w{60}", "sha256:" + "0" * 60, BUILD_LOCK.read_text(encoding="utf-8")))
    done = install(altered, tmp_path / "there", "3.13", "x86_64")
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()


def install(lock: Path, target: Path, python: str, machine: str) -> subprocess.CompletedProcess[str]:
    """Install a lock into a folder, as an image of this architecture would."""
    return subprocess.run(
        [
            *("uv", "pip", "install", "--quiet", "--target", str(target), "--python-version", python),
            *("--python-platform", f"{machine}-manylinux_2_28", "--require-hashes", "--only-binary", ":all:"),
            *("--no-deps", "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_the_bill_of_materials_names_every_package_with_version_and_licence() -> None:
    done = subprocess.run([ROOT / ".ci" / "sbom"], capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    sbom: dict[str, Any] = json.loads((ROOT / ".cache" / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    about = sbom["metadata"]["component"]
    assert (about["name"], about["version"]) == ("pushwoosh-connector", __version__)
    named = {canonicalize_name(each["name"]): each for each in sbom["components"]}
    assert {name: each["version"] for name, each in named.items()} == {
        name: pin.version for name, pin in pins(LOCK).items()
    }
    for name, each in named.items():
        assert licences(each), f"{name} has no licence"
        assert each["purl"] == f"pkg:pypi/{name}@{each['version']}"


def test_it_is_told_how_the_base_that_the_image_is_built_on_is_pinned() -> None:
    (default,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    text = (ROOT / "deploy/SUPPLY_CHAIN.md").read_text().split("\n## The base image\n")[1].split("\n## ")[0]
    assert f"imagetools inspect {default} " in text
    assert f"--build-arg BASE_IMAGE={default}@sha256:" in text


def licences(component: dict[str, Any]) -> list[str]:
    """Every licence that a component names, by id, expression or name."""
    found = component.get("licenses", [])
    told = [each.get("expression") or each["license"].get("id") or each["license"]["name"] for each in found]
    return [each for each in told if each and each != "UNKNOWN"]
