"""Every table that decides by a dead letter's reason has decided about each of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.core.judging.fates import OF_ITS_VALUES
from connector.core.judging.verdicts import BADNESS, RETRYABLE
from connector.core.settling.owed_words import SAFE_TO_SHOW
from connector.kafka.letters.letter import STAGES
from connector.model import Reason
from connector.replay.letter import NEVER_APPLIED
from tests.unit.definitions import tree_of

_TABLES: dict[str, Mapping[Any, object]] = {
    "RETRYABLE": RETRYABLE,
    "BADNESS": BADNESS,
    "OF_ITS_VALUES": OF_ITS_VALUES,
    "SAFE_TO_SHOW": SAFE_TO_SHOW,
    "STAGES": STAGES,
    "NEVER_APPLIED": NEVER_APPLIED,
}
_CORE = Path(__file__).parents[2] / "connector" / "core"
_GUIDE = (Path(__file__).parents[2] / "deploy" / "DEAD_LETTERS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", _TABLES)
def test_each_table_decides_about_every_reason(table: str) -> None:
    assert set(_TABLES[table]) == set(Reason)


def test_each_reason_is_given_by_something() -> None:
    given = {
        node.attr
        for path in _CORE.rglob("*.py")
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }
    assert given == {reason.name for reason in Reason}


def test_the_document_of_dead_letters_names_every_reason() -> None:
    (row,) = [line for line in _GUIDE.splitlines() if line.startswith("| `pushwoosh.reason` |")]
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == {reason.value for reason in Reason}


def test_the_guide_names_the_reasons_by_which_the_api_surely_has_nothing() -> None:
    (named,) = re.findall(r"surely\s+never\s+reached\s+the\s+API\s+\(([^)]+)\)", _GUIDE)
    assert set(re.findall(r"`(\w+)`", named)) == {reason for reason, never in NEVER_APPLIED.items() if never}
