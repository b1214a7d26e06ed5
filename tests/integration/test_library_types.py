"""What a strict type checker says of programs that use the library."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import connector
import connector.testing
from connector.testing import fixtures

pytest.importorskip("mypy")

_GUIDE = (Path(__file__).parents[2] / "deploy" / "LIBRARY.md").read_text(encoding="utf-8")
_WRONG = """\
from connector import Connector, Conector
import connector

connector.nothing_like_it
"""


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are, and what mypy knows of the library: ten seconds' work that the next run has."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    return cache.mkdir("typed-programs") if cache else tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def complaints(folder: Path) -> list[str]:
    """Mypy's words about each example of the guide, and about a program with wrong names."""
    examples = re.findall(r"```python\n(.*?)```", _GUIDE, re.DOTALL)
    programs = {f"example_{number}.py": text for number, text in enumerate(examples)} | {"wrong.py": _WRONG}
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", *programs],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_the_examples_of_the_guide_are_strictly_typed(complaints: list[str]) -> None:
    assert [line for line in complaints if not line.startswith("wrong.py")] == []


def test_a_name_that_is_not_there_is_an_error(complaints: list[str]) -> None:
    wrong = "\n".join(line for line in complaints if line.startswith("wrong.py"))
    assert 'has no attribute "Conector"' in wrong
    assert 'has no attribute "nothing_like_it"' in wrong
    assert 'has no attribute "Connector"' not in wrong


_ENGINE = {name for name in re.findall(r"`(\w+)(?:\([^`]*\))?`", _GUIDE) if hasattr(connector.Engine, name)}

DOCUMENTED = (
    *(getattr(connector.Engine, name) for name in ("__init__", *sorted(_ENGINE))),
    *(connector.Interpreter.__init__, connector.Interpreter.read),
    *(*get_args(connector.PostAnswer), *get_args(connector.PollAnswer)),
    connector.load,
    connector.testing.read,
    connector.testing.outcomes,
    connector.testing.faults_from,
    inspect.unwrap(fixtures.pushwoosh_sandbox),
    inspect.unwrap(fixtures.pushwoosh_app),
    *(
        getattr(part, "fget", part)
        for each in (connector.Connector, connector.testing.RunningSandbox, connector.testing.SampleRecord)
        for name, part in vars(each).items()
        if name == "__init__" or (name[0] != "_" and (callable(part) or isinstance(part, property)))
    ),
)
"""The functions and methods that the guide's tables name, and the answers that the engine is given."""


def ours(hint: Any) -> Iterator[type]:
    """Our own classes in a type."""
    if inspect.isclass(hint) and hint.__module__.startswith("connector."):
        yield hint
    for part in get_args(hint):
        for inner in part if isinstance(part, list) else [part]:
            yield from ours(inner)


def test_every_type_of_a_signature_can_be_imported() -> None:
    types = {each for signed in DOCUMENTED for hint in get_type_hints(signed).values() for each in ours(hint)}
    named = {each.__name__ for each in types}
    assert {"plan", "posted", "polled"} <= _ENGINE
    assert {"AudienceApp", "Cause", "Faults", "Options", "Stats", "Status", "Unsent"} <= named
    assert named - {*connector.__all__, *connector.testing.__all__} == set()
