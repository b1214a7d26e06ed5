"""The suite works: each bench in its quick version. What its figures are means nothing here."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.bench import plots
from tests.bench.__main__ import BENCHES, run
from tests.bench.figures import Figure, Results
from tests.bench.watch import slope
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("name", [*BENCHES])
def test_a_quick_run_finds_figures(name: str, kafka: Kafka, tmp_path: Path) -> None:
    results = run([name], tmp_path, kafka, quick=True)
    assert results.figures
    assert all(math.isfinite(each.value) for each in results.figures)
    results.write(tmp_path / "out", quick=True)
    plots.write(results.curves, tmp_path / "out")
    assert results.figures[0].name in (tmp_path / "out" / "results.md").read_text()
    drawn = [file.read_text() for file in (tmp_path / "out").glob("*.svg")]
    assert len(drawn) == sum(len(points) > 1 for points in results.curves.values())


def test_a_figure_is_held_against_its_target_in_its_direction() -> None:
    def verdict(value: float, bound: str) -> str:
        least, aim = (1.0, 2.0) if bound == "at least" else (2.0, 1.0)
        return Figure("b", "n", value, "", bound, least, aim).verdict  # type: ignore[arg-type]  # literals

    assert [verdict(value, "at least") for value in (0.9, 1.0, 2.0)] == ["missed", "met", "aim"]
    assert [verdict(value, "at most") for value in (2.1, 2.0, 1.0)] == ["missed", "met", "aim"]


def test_a_staircase_has_the_slope_of_its_line() -> None:
    stairs = [(step / 10, float(step // 10 * 100)) for step in range(500)]
    assert slope(stairs) == pytest.approx(100, rel=0.01)


def test_a_later_bench_finds_what_an_earlier_one_found() -> None:
    results = Results()
    results.add(Figure("one", "rate", 5.0))
    assert results.value("one", "rate") == 5.0
    assert results.value("two", "rate") is None
