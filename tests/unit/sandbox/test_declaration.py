"""Faults are declared once, in JSON or TOML, and what is unknown or out of range is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.sandbox.fault_rules import Latency
from connector.sandbox.faults import Faults, faults_from, load_faults, patched

DECLARED = {"latency": {"seconds": 2.0}, "device_failed": [{"prefix": "bad-"}], "create_devices": False}


def plain(faults: Faults) -> Any:
    """Faults as JSON tells them."""
    return msgspec.json.decode(msgspec.json.encode(faults))


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        ({"outrage": [{}]}, "outrage"),
        ({"outage": [{"sahre": 1}]}, "sahre"),
        ({"outage": [{"share": 1.5}]}, r"outage\[0\].share"),
        ({"outage": [{"next": 0}]}, r"outage\[0\].next"),
        ({"outage": {}}, "outage"),
        ({"outage": [{"status": 200}]}, "status"),
        ({"outage": [{"prefix": "bad-"}]}, "prefix"),
        ({"device_failed": [{"regex": "("}]}, "regex"),
        ({"odd_reply": [{}]}, "form"),
        ({"latency": {"seconds": -1}}, "seconds"),
        ({"latency": {"distribution": "normal"}}, "distribution"),
        ({"unknown_job_status": 500}, "unknown_job_status"),
    ],
)
def test_a_wrong_declaration_of_a_fault_is_refused_by_name(declared: dict[str, Any], named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        faults_from(declared)


def test_what_was_declared_is_what_is_told_and_defaults_are_left_out() -> None:
    assert plain(faults_from(DECLARED)) == DECLARED
    assert plain(Faults()) == {}


def test_json_text_and_json_and_toml_files_declare_the_same(tmp_path: Path) -> None:
    text = msgspec.json.encode(DECLARED).decode()
    as_json, as_toml = tmp_path / "faults.json", tmp_path / "faults.toml"
    as_json.write_text(text)
    as_toml.write_text(
        'create_devices = false\n[latency]\nseconds = 2.0\n[[device_failed]]\nprefix = "bad-"\n'
    )
    expected = faults_from(DECLARED)
    assert [load_faults(text), load_faults(str(as_json)), load_faults(str(as_toml))] == [expected] * 3


@pytest.mark.parametrize("given", ["{", '{"nothing": 1}', "[]"])
def test_a_broken_declaration_is_an_error(given: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(given)
    with pytest.raises(ValueError):  # noqa: PT011 (its text is msgspec's)
        load_faults(str(path))


def test_a_patch_changes_what_it_names_and_null_takes_a_fault_away() -> None:
    changed = patched(faults_from(DECLARED), {"device_failed": None, "outage": [{}]})
    assert plain(changed) == {
        "latency": {"seconds": 2.0},
        "create_devices": False,
        "outage": [{}],
    }


@pytest.mark.parametrize("changes", [{"nothing": None}, {"outage": 1}, [], 1])
def test_a_patch_that_is_wrong_is_an_error(changes: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        patched(Faults(latency=Latency(seconds=1)), changes)
