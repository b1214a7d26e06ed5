"""Each reason of a dead letter: decided about, given by something, and told in the guide."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from connector.core.reasons import TRAITS
from connector.model import Reason
from tests.unit.definitions import tree_of

_CORE = Path(__file__).parents[3] / "connector" / "core"
_GUIDE = (Path(__file__).parents[3] / "deploy" / "DEAD_LETTERS.md").read_text(encoding="utf-8")


def test_every_reason_has_its_traits() -> None:
    assert set(TRAITS) == set(Reason)


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
    assert set(re.findall(r"`(\w+)`", named)) == {
        reason for reason, traits in TRAITS.items() if traits.never_applied
    }
