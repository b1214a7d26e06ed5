"""The command line: what it says, what it refuses, and with which exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector import __version__, check
from connector.cli import app
from connector.finding import Finding, Grade
from tests.settings import ENOUGH

_HEAVY = ("confluent_kafka", "httpx", "aiohttp", "uvicorn", "msgspec", "structlog", "starlette")


@pytest.fixture
def command() -> CliRunner:
    return CliRunner(env=dict(ENOUGH))


def test_the_version_is_printed(command: CliRunner) -> None:
    result = command.invoke(app, ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"{__version__}\n")


def test_no_command_and_help_name_every_command(command: CliRunner) -> None:
    shown = command.invoke(app, ["--help"]).stdout

    assert all(name in shown for name in ("run", "check", "demo", "sandbox"))
    assert "run" in command.invoke(app, []).output


def test_help_reads_nothing_heavy() -> None:
    """That is what keeps it, and shell completion, quick: the heavy modules take ten times as long."""
    lines = [["--help"], ["--version"], ["run", "--help"], ["sandbox", "--help"]]
    code = (
        "import sys\n"
        "from connector.__main__ import main\n"
        f"for line in {lines!r}:\n"
        "    sys.argv = ['x', *line]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        f"    print('READ', *line, [m for m in {_HEAVY!r} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    for line in lines:
        assert " ".join(["READ", *line, "[]"]) in done.stdout


@pytest.mark.parametrize(
    "arguments", [["run", "--nonsense"], ["nonsense"], ["check", "extra"], ["run", "--config"]]
)
def test_a_wrong_command_line_ends_with_2(command: CliRunner, arguments: list[str]) -> None:
    assert command.invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_wrong_configuration_is_2_and_every_mistake_is_on_standard_error(name: str) -> None:
    result = CliRunner().invoke(app, [name], env={"CONNECTOR_LOG_LEVEL": "loud"})

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "CONNECTOR_LOG_LEVEL" in result.stderr
    assert "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_proxy_in_the_environment_that_cannot_be_used_ends_with_2(
    command: CliRunner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    result = command.invoke(app, [name], env={"ALL_PROXY": "socks5://user:secret@proxy.test:1080"})
    assert result.exit_code == 2
    assert "ALL_PROXY: a proxy that speaks socks5 can't be used" in result.stderr
    assert "secret" not in result.output


def test_who_asks_no_api_needs_no_proxy(command: CliRunner, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"hwid": "A1", "tags": {"a": 1}}')
    result = command.invoke(app, ["check", "--sample", str(sample)], env={"ALL_PROXY": "socks5://proxy.test"})
    assert result.exit_code == 0


def test_a_configuration_file_that_is_not_there_ends_with_2(command: CliRunner) -> None:
    result = command.invoke(app, ["check", "--config", "/no/such/file.toml"])

    assert result.exit_code == 2
    assert "/no/such/file.toml" in result.stderr


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Grade.OK, Grade.OK], 0),
        ([Grade.OK, Grade.WARNING], 0),
        ([Grade.PROBLEM, Grade.OK], 1),
    ],
)
def test_a_problem_is_1_and_every_finding_is_a_line(
    command: CliRunner, monkeypatch: pytest.MonkeyPatch, outcomes: list[Grade], code: int
) -> None:
    def found(_settings: Any) -> Iterator[Finding]:
        for outcome in outcomes:
            yield Finding("this", outcome, "is so", "" if outcome is Grade.OK else "do that")

    monkeypatch.setattr(check, "findings", found)
    result = command.invoke(app, ["check"])

    assert result.exit_code == code
    assert result.stdout.splitlines() == [
        f"{outcome.value:<8} this: is so" + ("" if outcome is Grade.OK else "; do that")
        for outcome in outcomes
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--faults", '{"no_such_fault": 1}'],
        ["--faults", "/no/such/file"],
        ["--faults", "{"],
        ["--latency", "5"],
        ["--capacity", "0"],
        ["--schema", "/no/such/file"],
        ["--port", "70000"],
        ["--latency-distribution", "odd"],
    ],
)
def test_a_wrong_option_of_the_sandbox_ends_with_2(command: CliRunner, arguments: list[str]) -> None:
    result = command.invoke(app, ["sandbox", *arguments])

    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stderr
