"""The questions that metrics must answer: each has one query, of metrics that exist, in promtool's grammar.

That a running connector gives each of them data is tested in `test_seen_by_prometheus`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.exported import unknown_names

METRICS = Path(__file__).parents[2] / "deploy/METRICS.md"

# What people want to know, by a word of the question.
ASKED = [
    *("confirmed", "timestamp", "stage", "oldest", "backlog", "jobs are in flight", "calls", "by reason"),
    *("coalesced", "superseded", "submitted again", "adopted", "tried again", "gate closed", "gate close"),
    *("halted", "paused", "rebalances", "events are buffered", "bytes"),
]


def questions() -> dict[str, list[str]]:
    """Queries by question, from the document's first table."""
    table = METRICS.read_text().split("## The questions")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ", 1) for line in table.splitlines() if line.startswith("| ")][1:]
    return {question.strip(): re.findall(r"`([^`]+)`", query) for question, query in rows}


@pytest.mark.parametrize("words", ASKED)
def test_what_people_want_to_know_is_asked(words: str) -> None:
    assert [question for question in questions() if words in question]


@pytest.mark.parametrize("question", questions())
def test_every_question_has_one_query_of_metrics_that_are_exported(question: str) -> None:
    (query,) = questions()[question]
    assert unknown_names(query) == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    queries = [query for queries in questions().values() for query in queries]
    rules = [{"record": f"answer:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "questions", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, check=False, timeout=30
    )
    assert f"SUCCESS: {len(queries)} rules found" in done.stdout, done.stderr
