"""The commands in .ci: where they take their tools from, and what they have pytest do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_CI = Path(__file__).parents[2] / ".ci"
_NEEDED = ("bash", "dirname", "env", "mktemp", "rm", "sed")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with a shell and little else, and no project's tool."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in _NEEDED:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, as far as these commands are concerned."""
    shutil.copytree(_CI, tmp_path / "project" / ".ci")
    return tmp_path / "project"


def stub(folder: Path, name: str, does: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{does}\n")
    (folder / name).chmod(0o755)


def run(command: list[str], path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={"PATH": str(path)}, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("name", ["lock", "sbom"])
def test_without_its_tools_a_command_says_where_they_come_from(name: str, bare: Path, project: Path) -> None:
    done = run([str(project / ".ci" / name)], bare)
    assert done.returncode == 1
    assert done.stderr == (
        "uv is needed: run .ci/run once, which makes .cache/venv, or pip install -e '.[dev]'\n"
    )


@pytest.mark.parametrize("name", ["lock", "sbom"])
def test_the_tools_are_those_of_the_project_s_environment(name: str, bare: Path, project: Path) -> None:
    tools = project / ".cache" / "venv" / "bin"
    stub(tools, "uv", "echo ours; exit 3")
    for each in ("python", "cyclonedx-py"):
        stub(tools, each, "exit 3")
    stub(bare, "uv", "echo somebody else's; exit 4")
    done = run([str(project / ".ci" / name)], bare)
    assert (done.returncode, done.stdout) == (3, "ours\n")


@pytest.mark.parametrize(("second", "code"), [(0, 0), (1, 1)])
def test_slow_tests_are_told_and_what_failed_gets_a_second_try_alone(
    bare: Path, project: Path, second: int, code: int
) -> None:
    stub(bare, "python", f'echo "$*"; case "$*" in *--last-failed*) exit {second};; *) exit 1;; esac')
    part = 'source <(sed -n "/^tests() {/,/^}/p" "$0"); say() { :; }; tests tests/unit'
    done = run(["bash", "-c", part, str(project / ".ci" / "run")], bare)
    first, again = done.stdout.splitlines()
    assert first == "-m pytest -q -n 4 --dist worksteal --durations=15 tests/unit"
    assert again == "-m pytest -q --last-failed --last-failed-no-failures none tests/unit"
    assert done.returncode == code
