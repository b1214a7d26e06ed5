"""Every table that decides by a dead letter's reason has decided about each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.core.judging.verdicts import BADNESS, RETRYABLE
from connector.core.settling.owed_words import SAFE_TO_SHOW
from connector.kafka.letters.letter import STAGES
from connector.model import Reason
from connector.replay.letter import NEVER_APPLIED

_TABLES: dict[str, Mapping[Any, object]] = {
    "RETRYABLE": RETRYABLE,
    "BADNESS": BADNESS,
    "SAFE_TO_SHOW": SAFE_TO_SHOW,
    "STAGES": STAGES,
    "NEVER_APPLIED": NEVER_APPLIED,
}
_GUIDE = (Path(__file__).parents[2] / "deploy" / "DEAD_LETTERS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", _TABLES)
def test_each_table_decides_about_every_reason(table: str) -> None:
    assert set(_TABLES[table]) == set(Reason)


def test_the_document_of_dead_letters_names_every_reason() -> None:
    (row,) = [line for line in _GUIDE.splitlines() if line.startswith("| `pushwoosh.reason` |")]
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == {reason.value for reason in Reason}


def test_the_guide_names_the_reasons_by_which_the_api_surely_has_nothing() -> None:
    (named,) = re.findall(r"surely never\s+reached the API \(([^)]+)\)", _GUIDE)
    assert set(re.findall(r"`(\w+)`", named)) == {reason for reason, never in NEVER_APPLIED.items() if never}
