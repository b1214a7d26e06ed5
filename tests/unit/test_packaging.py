"""What is delivered: the wheel's metadata, the image's recipe, the command of the checks."""

from __future__ import annotations

import functools
import hashlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from connector import __version__

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_DOCKERFILE = (_ROOT / "Dockerfile").read_text(encoding="utf-8")

_IMPORTED_BY_OTHERS = {
    "sniffio": "httpcore asks it in every request",
    "httptools": "uvicorn's parser",
}
"""Dependencies that are there for another one, and why; those that we import need no mention here."""
_MODULES = {
    "googleapis-common-protos": "google",
    "jsonschema-rs": "jsonschema_rs",
    "protobuf": "google",
    "confluent-kafka": "confluent_kafka",
    "prometheus-client": "prometheus_client",
    "opentelemetry-api": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
}


_IMPORT = re.compile(r"^ *(?:import|from) (\w+)", re.MULTILINE)


@functools.cache
def _imported() -> frozenset[str]:
    """Top-level names of everything that the package imports, anywhere in a module."""
    sources = (path.read_text(encoding="utf-8") for path in (_ROOT / "connector").rglob("*.py"))
    return frozenset(name for source in sources for name in _IMPORT.findall(source))


def _dependencies() -> list[str]:
    return [*map(_name, _PROJECT["project"]["dependencies"])]


def _optional() -> list[str]:
    """Dependencies of the extras that a user installs; two are for those who work on this."""
    extras = _PROJECT["project"]["optional-dependencies"]
    return [
        _name(each) for extra, needed in extras.items() if extra not in ("test", "dev") for each in needed
    ]


def _name(requirement: str) -> str:
    return re.split(r"[><=;\[ ]", requirement)[0]


def test_the_version_is_in_one_place() -> None:
    assert _PROJECT["project"]["dynamic"] == ["version"]
    assert _PROJECT["tool"]["hatch"]["version"]["path"] == "connector/__init__.py"
    assert metadata.version("pushwoosh-connector") == __version__
    assert __version__ not in _DOCKERFILE


def test_every_dependency_is_used_has_a_lower_bound_and_a_reason() -> None:
    imported = _imported()
    assert {*_IMPORTED_BY_OTHERS} <= {*_dependencies()}
    for name in _dependencies():
        assert _MODULES.get(name, name) in imported or name in _IMPORTED_BY_OTHERS, f"{name} is not used"
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("\n]")[0]
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) == len(_dependencies())
    for line in lines:
        assert ">=" in line, line
        assert re.search(r"  # \S", line), f"{line}: why?"


def test_whatever_is_imported_is_a_dependency() -> None:
    ours = {"connector", *sys.stdlib_module_names}
    declared = {_MODULES.get(name, name) for name in (*_dependencies(), *_optional())}
    assert _imported() - ours - declared == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (_ROOT / "connector" / "py.typed").exists()


def test_the_licence_is_the_whole_apache_licence_as_it_is_published() -> None:
    text = (_ROOT / "LICENSE").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )


def test_the_image_runs_as_a_numbered_user_without_a_shell_between() -> None:
    lines = [line for line in _DOCKERFILE.splitlines() if line and not line.startswith("#")]
    assert lines[0].startswith("ARG BASE_IMAGE=")
    stages = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    assert [lines[index].split()[1] for index in stages] == ["${BASE_IMAGE}"] * 2
    final = lines[stages[-1] :]
    assert "USER 10001:10001" in final
    assert final[-2:] == ['ENTRYPOINT ["pushwoosh-connector"]', 'CMD ["run"]']
    assert not [line for line in final if line.startswith("RUN")], "the last stage only copies"
    assert "PIP_NO_CACHE_DIR=1" in _DOCKERFILE


def test_the_image_is_built_from_what_the_wheel_needs_and_nothing_else() -> None:
    rules = (_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    assert "*" in rules
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", _DOCKERFILE, re.MULTILINE)
    assert {each for sources in copies for each in sources.split()} == kept
    assert all((_ROOT / each).exists() for each in kept)


def test_the_script_of_the_checks_is_sound_bash() -> None:
    subprocess.run(["bash", "-n", _ROOT / ".ci" / "run"], check=True)
