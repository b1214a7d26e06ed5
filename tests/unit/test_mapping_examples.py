"""deploy/MAPPING.md and deploy/examples: what they say is so."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.config import load
from connector.mapping.functions import KNOWN
from connector.mapping.reading import KEYS
from tests.settings import ENOUGH, mistakes, written

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "deploy" / "MAPPING.md").read_text(encoding="utf-8")
_GUIDE = (_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
_EXAMPLES = _ROOT / "deploy" / "examples"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _TEXT, re.DOTALL | re.MULTILINE)


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run `pushwoosh-connector ...` where the repository is."""
    monkeypatch.chdir(_ROOT)
    name, *arguments = shlex.split(command)
    assert name == "pushwoosh-connector"
    return CliRunner().invoke(app, arguments, env={"CONNECTOR_CONFIG_FILE": None})


def tried(name: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run the command that an example says how to try it by."""
    (command,) = re.findall(r"^#\s+(pushwoosh-connector .*)$", (_EXAMPLES / name).read_text(), re.MULTILINE)
    return run(f"{command} --json", monkeypatch)


def events(result: Result) -> list[Any]:
    """What came out: the endpoint, the device and its tags, or the reason, or None for what is skipped."""
    found = []
    for line in result.stdout.splitlines():
        each = json.loads(line)
        if each["outcome"] == "event":
            found.append((each["endpoint"], each["device"], each["tags"]))
        else:
            found.append(each.get("reason"))
    return found


def row(customer: bool, plan: str | None, interests: list[str] | None, since: str | None) -> dict[str, Any]:
    return {"Customer": customer, "Plan": plan, "Interests": interests, "Signed up": since}


def test_rows_of_debezium_become_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    result = tried("debezium.toml", monkeypatch)
    one, two = ({"user_id": name, "list_operator": "set"} for name in ("1001", "1002"))
    assert events(result) == [
        ("bulkSetTags", one, row(True, "free", ["news"], "2024-02-29 23:30")),
        ("bulkSetTags", one, row(True, "pro", None, "2024-02-29 23:30")),
        ("bulkSetTags", two, row(True, "pro", [], "2024-02-29 23:31")),
        ("bulkSetTags", one, row(False, None, None, None)),
        None,
        "invalid_event",
    ]
    assert result.exit_code == 1


def test_structured_cloudevents_become_registrations_and_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    result = tried("cloudevents.toml", monkeypatch)
    assert events(result) == [
        (
            "bulkRegisterDevice",
            {"hwid": "A1", "push_token": "t0", "platform": 1},
            {"Language": "en", "Last seen": "2024-02-29 23:30"},
        ),
        (
            "bulkSetTags",
            {"hwid": "A1", "list_operator": "set"},
            {"Plan": "pro", "Last seen": "2024-02-29 23:00"},
        ),
        None,
    ]
    assert result.exit_code == 0


def test_binary_cloudevents_are_told_by_their_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    result = tried("cloudevents-binary.toml", monkeypatch)
    expected = {"user_id": "u42", "list_operator": "set"}, {"Language": "en", "Plan": "pro"}
    assert events(result) == [("bulkSetTags", *expected)]


def test_every_example_is_named_and_has_a_sample() -> None:
    for file in _EXAMPLES.glob("*.toml"):
        assert f"(examples/{file.name})" in _TEXT + _GUIDE
        assert list(_EXAMPLES.glob(f"{file.stem}.json*"))


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_configuration_that_the_guide_shows_is_sound(block: str, tmp_path: Path) -> None:
    own = [name for name, table in tomllib.loads(block)["mapping"].items() if isinstance(table, dict)]
    topics = ",".join([*(name for name in own if name != "tags"), "others"])
    load(written(tmp_path, block), {**ENOUGH, "CONNECTOR_KAFKA_TAGS_TOPICS": topics})


def test_the_first_example_makes_what_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = re.search(r"^turns `(.*)` into$", _TEXT, re.MULTILINE)
    assert record is not None
    (tmp_path / "record").write_text(record[1])
    file = written(tmp_path, '[kafka]\ntags_topics = ["t"]\n' + blocks("toml")[0])
    result = run(f"pushwoosh-connector check --config {file} --sample {tmp_path}/record --json", monkeypatch)
    found = json.loads(result.stdout)
    assert found["device"] | {"tags": found["tags"]} == json.loads(blocks("json")[0])


def test_the_sample_is_shown_as_the_guide_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = blocks("sh")
    result = run(command, monkeypatch)
    _, first, last = blocks("text")
    assert result.stdout.startswith(first)
    assert result.stdout.endswith(last)
    assert result.exit_code == 1
    assert "the exit code is 1" in _TEXT


def test_the_mistakes_are_told_as_the_guide_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "[mapping]\nhwid = 'user-id'\ntags = { Plan = 'lower(plan)' }\n")
    found = mistakes(ENOUGH, Path("connector.toml"))
    shown = [line.strip() for line in blocks("text")[0].splitlines()[1:]]
    for line, told in zip(shown, found.values(), strict=True):
        assert re.fullmatch(re.escape(line).replace(r"\.\.\.", ".*"), told)


def test_every_entry_and_every_function_of_ours_is_explained() -> None:
    table = [line.split("|")[1] for line in _TEXT.splitlines() if line.startswith("| `")]
    words = {re.split(r"\W", word)[0] for cell in table for word in re.findall(r"`([^`]+)`", cell)}
    ours = {"key", "header", "topic", "timestamp", "from_json", "utc_date", "epoch_date"}
    assert {*KEYS} | ours <= words
    assert ours <= KNOWN.keys()
