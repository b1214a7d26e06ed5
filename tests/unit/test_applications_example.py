"""deploy/examples/applications.toml: it is a configuration, and its records go where its comment says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.config import load
from connector.credentials import Credentials
from tests.settings import written

_ROOT = Path(__file__).parents[2]
_EXAMPLE = _ROOT / "deploy" / "examples" / "applications.toml"
_SECRETS = "/etc/connector-secrets/"


def test_the_example_is_a_configuration_with_a_token_file_for_each_application(tmp_path: Path) -> None:
    text = _EXAMPLE.read_text()
    files = re.findall(rf"{_SECRETS}([\w-]+)", text)
    for name in files:
        (tmp_path / name).write_text(f"what is in {name}\n")

    settings = load(written(tmp_path, text.replace(_SECRETS, f"{tmp_path}/")), {})
    credentials = Credentials.of(settings)

    found = {settings.pushwoosh.code_of(each): credentials.token(each) for each in credentials}
    assert found == {
        "ABCDE-12345": "what is in token-abcde-12345",
        "FGHIJ-67890": "what is in token-fghij-67890",
    }


def test_the_guides_secret_has_the_files_that_the_example_names() -> None:
    guide = (_ROOT / "deploy" / "README.md").read_text().split("\n## Several applications\n")[1]
    command = re.search(r"^    (kubectl .*)$", guide, re.MULTILINE)
    assert command is not None
    given = [each.removeprefix("--from-file=") for each in command[1].split() if "--from-file" in each]
    named = re.findall(rf"{_SECRETS}([\w-]+)", _EXAMPLE.read_text())
    assert [each for each in given if each != "kafka.properties"] == named


def test_its_records_are_for_the_topics_application_unless_they_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(_ROOT)
    (command,) = re.findall(r"^#\s+pushwoosh-connector (.*)$", _EXAMPLE.read_text(), re.MULTILINE)
    said = CliRunner().invoke(app, [*shlex.split(command), "--json"], env={"CONNECTOR_CONFIG_FILE": None})

    first, second, third = map(json.loads, said.stdout.splitlines())
    assert (first["outcome"], first["application"]) == ("event", "FGHIJ-67890")
    assert (second["outcome"], second.get("application")) == ("event", None)
    assert (third["outcome"], third["reason"]) == ("rejected", "invalid_event")
    assert "KLMNO-24680" in third["detail"]
    assert said.exit_code == 1
