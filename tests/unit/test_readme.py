"""What the README says is so: commands, settings, metrics, reasons, events, files."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from connector.cli import app
from connector.config import load
from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.kafka.clients.properties import consumer_properties
from connector.model import Content, Reason
from connector.ops.families import Families
from connector.ops.mends import MENDS
from tests.records import ARecord

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_METRICS = {family.name for family in Families(["t"]).families}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _README, re.DOTALL)


def _words() -> list[str]:
    """Everything in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", _README, flags=re.DOTALL))


def _settings() -> dict[str, str]:
    """Settings and their defaults, from the reference that a test of its own holds to the code."""
    lines = (_ROOT / "deploy" / "SETTINGS.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| `")]
    return {row[1].strip("`"): row[3].strip("`") for row in rows if len(row) == 7}


def _commands() -> list[str]:
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    told = [*lines, *_words()]
    told = [f"pushwoosh-connector {each}" if each.startswith("dead-letters ") else each for each in told]
    return [
        re.split(r"\s*&&\s*", line)[-1].removeprefix(".venv/bin/")
        for line in told
        if "pushwoosh-connector " in line
    ]


def test_it_has_at_most_200_lines() -> None:
    assert len(_README.splitlines()) <= 200


@pytest.mark.parametrize("command", [each for each in _commands() if each.startswith("pushwoosh-connector ")])
def test_every_command_and_option_that_it_shows_exists(command: str) -> None:
    here: Any = typer.main.get_command(app)
    for word in shlex.split(command)[1:]:
        known = {option for parameter in here.params for option in parameter.opts} | {"--help", "-h"}
        if word.startswith("-"):
            assert word in known, f"{here.name} has no {word}"
        elif hasattr(here, "commands"):
            assert word in here.commands, f"{here.name} has no {word}"
            here = here.commands[word]


def test_it_shows_every_command() -> None:
    commands: Any = typer.main.get_command(app)
    assert [name for name in commands.commands if name not in " ".join(_commands())] == []


def test_its_setup_commands_name_what_is_there() -> None:
    first, tests = _blocks("sh")[:2]
    assert first.splitlines() == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/pushwoosh-connector demo"
    ]
    assert tests.splitlines() == [".ci/run"]
    assert (_ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_its_configuration_is_a_whole_one_of_ten_lines(tmp_path: Path) -> None:
    (block,) = _blocks("toml")
    assert len(block.splitlines()) <= 10
    token = tmp_path / "token"
    token.write_text("secret")
    file = tmp_path / "connector.toml"
    file.write_text(block.replace("/run/secrets/pushwoosh-token", str(token)))
    settings = load(file, {})
    assert settings.kafka.contents == {
        "device-tags": Content.TAGS,
        "device-registrations": Content.REGISTRATIONS,
    }


def test_its_settings_have_the_defaults_that_it_says() -> None:
    known = _settings()
    section = _README.split("## Settings")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.split("|")] for line in section.splitlines() if line.startswith("| `")
    ]
    assert len(rows) > 10
    for _, names, default, *_rest in rows:
        for name in re.findall(r"`([^`]+)`", names):
            assert known[name] == default.strip("`"), name


def test_every_setting_that_it_mentions_exists() -> None:
    known = _settings()
    sections = {name.split(".")[0] for name in known}
    mentioned = [word.split(" ")[0] for word in _words() if re.fullmatch(r"[a-z]+\.[a-z_]+( = .*)?", word)]
    own = {"pushwoosh.reason", "pushwoosh.detail", "pushwoosh.id"}
    asked = {word for word in mentioned if word.split(".")[0] in sections} - own
    assert len(asked) > 20
    assert asked <= known.keys()
    for block in _blocks("toml"):
        for section, keys in tomllib.loads(block).items():
            assert {f"{section}.{key}" for key in keys} <= known.keys()


def test_every_metric_that_it_mentions_exists() -> None:
    mentioned = {word for word in _words() if word.startswith("pushwoosh_connector_")}
    assert len(mentioned) > 5
    assert mentioned <= _METRICS


def test_its_reasons_are_all_there_are() -> None:
    table = _README.split("| reason |")[1].split("\n\n")[0]
    first_cells = " ".join(line.split("|")[1] for line in table.splitlines()[2:])
    assert {*re.findall(r"`([^`]+)`", first_cells)} == {reason.value for reason in Reason}


def test_its_halts_are_those_there_are() -> None:
    for cause in ("unauthorized", "unknown_application", "wrong_url"):
        assert f"`{cause}`" in _README
    assert {*MENDS} == {"unauthorized", "unknown_application", "wrong_url", "brake", "paused"}


@pytest.mark.parametrize(("line", "content"), [(0, Content.TAGS), (1, Content.REGISTRATIONS)])
def test_its_events_can_be_read(line: int, content: Content) -> None:
    (block,) = _blocks("json")
    value = block.splitlines()[line].encode()
    interpreter = Interpreter(
        content, None, key_is_hwid=False, max_row_bytes=1_000_000, application="XXXXX-XXXXX"
    )
    (event,) = interpreter.read([ARecord(value)])
    assert isinstance(event, Event)
    assert event.hwid == "A1"


def test_the_session_timeout_is_what_it_says() -> None:
    chosen, _ = consumer_properties({})
    assert chosen["session.timeout.ms"] == 10_000
    assert "session timeout, 10 s by default" in _README


def test_the_time_to_stop_is_what_it_says() -> None:
    assert _settings()["jobs.stop_timeout"] == "20s"
    assert "`jobs.stop_timeout` (20 s)" in _README


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", _README))
def test_every_file_that_it_links_to_is_there(link: str) -> None:
    assert (_ROOT / link).exists()


@pytest.mark.parametrize("path", re.findall(r"^    ((?:connector|tests)/\S*)", _README, re.MULTILINE))
def test_every_folder_that_it_names_is_there(path: str) -> None:
    assert (_ROOT / path).exists()
