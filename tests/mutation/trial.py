"""One mutant against the tests that run its line, in a process of its own.

The mutant is never written to a file: the child's imports find it instead of the module. A child is
forked from a process that has imported everything but the connector, which saves a second each time.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType
from typing import Any

import pytest

SURVIVED, KILLED, TIMED_OUT = "survived", "killed", "timed out"

_OPTIONS = [
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of the plugins that are imported already
    "--hypothesis-seed=0",  # a trial comes out the same each time
    "--hypothesis-profile=mutation",
]
PRELOADED = (
    "asyncio",
    "confluent_kafka",
    "httpx",
    "hypothesis.stateful",
    "jmespath",
    "msgspec",
    "pytest_asyncio",
)


class _Loader(SourceFileLoader):
    """Loads a module from a source that is in no file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # importlib's signature
        code: CodeType = compile(self._source, self.path, "exec")
        return code


class _Finder(MetaPathFinder):
    """Finds one module, the mutant."""

    def __init__(self, path: str, source: str) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._path = os.path.abspath(path)  # noqa: PTH100  # what importlib itself works with
        self._source = source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002  # importlib's signature
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._source)
        return spec_from_file_location(fullname, self._path, loader=loader)


@dataclass(frozen=True)
class Trial:
    """A file with a mistake in it, and the tests that should notice."""

    path: str
    source: str
    tests: Sequence[str]
    """pytest's node ids, in the order in which they are tried."""
    limit: float
    """Seconds of wall time."""


def start(trial: Trial) -> int:
    """Fork a child that tries it; return its process id."""
    child = os.fork()
    if child:
        return child
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        signal.setitimer(signal.ITIMER_REAL, trial.limit)  # SIGALRM ends the process, in an endless loop too
        sys.meta_path.insert(0, _Finder(trial.path, trial.source))
        code = run_tests(trial.tests)
    finally:
        os._exit(code)


def outcome(status: int) -> str:
    """Tell what a child's exit status means. A module that can't even be imported is killed."""
    if os.WIFSIGNALED(status):
        return TIMED_OUT
    return SURVIVED if os.waitstatus_to_exitcode(status) == pytest.ExitCode.OK else KILLED


def run_tests(arguments: Iterable[str], plugins: Sequence[object] = ()) -> int:
    """Run pytest in this process, silently, and keep no failing example for the next one."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    from hypothesis import Phase, settings  # noqa: PLC0415 - pytest's plugin comes first

    settings.register_profile(
        "mutation", database=None, phases=(Phase.explicit, Phase.generate), deadline=None
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
        mine: list[Any] = list(plugins)
        return int(pytest.main([*_OPTIONS, *arguments], plugins=mine))
