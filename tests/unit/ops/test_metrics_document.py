"""Metrics against deploy/METRICS.md: every one is there, and every query works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from connector.ops.families import PREFIX
from connector.ops.metrics import Metrics

DOCUMENT = Path(__file__).parents[3] / "deploy" / "METRICS.md"


def documented() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name -> (type, labels) as deploy/METRICS.md has them: each metric is a row of a table."""
    row = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
    return {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in row.findall(DOCUMENT.read_text(encoding="utf-8"))
    }


def test_every_metric_is_documented_and_every_documented_metric_is_exported(metrics: Metrics) -> None:
    declared = {each.name: (each.kind, each.labels) for each in metrics.families}
    declared[f"{PREFIX}build_info"] = ("gauge", ("version", "python"))
    assert documented() == declared


def test_every_documented_query_names_only_metrics_that_exist(metrics: Metrics) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    suffixes = ("", "_bucket", "_sum", "_count")
    names = {each.name + suffix for each in metrics.families for suffix in suffixes} | {f"{PREFIX}build_info"}
    assert set(re.findall(rf"{PREFIX}[a-z_]+", text)) <= names


def test_every_documented_query_is_promql(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: apt-get install prometheus")
    queries = re.findall(
        r"`([^`\n]*pushwoosh_connector_[^`\n]*[(\[{ ][^`\n]*)`", DOCUMENT.read_text(encoding="utf-8")
    )
    assert len(queries) > 30
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "documented", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
