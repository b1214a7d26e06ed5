"""What a run found: figures with their targets, as a table, as JSON, and curves for the plots."""

# ruff: noqa: T201 -- what it prints is what it is for

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One number. `bound` says which side of `least` and `aim` is good; both are in the figure's unit."""

    bench: str
    name: str
    value: float
    unit: str = ""
    bound: Literal["at least", "at most", ""] = ""
    least: float | None = None
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """How it stands against its target: `aim`, `met`, `missed`, or nothing where there is none."""
        if self.least is None:
            return ""
        sign = 1 if self.bound == "at least" else -1
        if self.aim is not None and sign * self.value >= sign * self.aim:
            return "aim"
        return "met" if sign * self.value >= sign * self.least else "missed"


@dataclass
class Results:
    """Everything that one run of the suite found."""

    figures: list[Figure] = field(default_factory=list)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Points by the curve's name: seconds and what it is about."""

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(line(figure), flush=True)

    def value(self, bench: str, name: str) -> float | None:
        """A figure found before, None if its bench did not run."""
        found = [each.value for each in self.figures if (each.bench, each.name) == (bench, name)]
        return found[-1] if found else None

    def table(self) -> str:
        """Return all figures as a Markdown table."""
        head = "| bench | figure | value | at least | aim | |\n|---|---|---|---|---|---|"
        rows = [
            f"| {each.bench} | {each.name} | {shown(each.value, each.unit)} "
            f"| {_target(each, each.least)} | {_target(each, each.aim)} | {each.verdict} |"
            for each in self.figures
        ]
        return "\n".join([head, *rows])

    def write(self, folder: Path, *, quick: bool) -> None:
        """Write `results.json` and `results.md`."""
        folder.mkdir(parents=True, exist_ok=True)
        machine = {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "load average at the end": os.getloadavg(),
        }
        document = {
            "quick": quick,
            "machine": machine,
            "figures": [asdict(each) | {"verdict": each.verdict} for each in self.figures],
            "curves": self.curves,
        }
        (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n")
        (folder / "results.md").write_text(self.table() + "\n")


def shown(value: float, unit: str = "") -> str:
    """Write a number with as many digits as mean something."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def line(figure: Figure) -> str:
    """One figure as a line for people."""
    target = f"  ({figure.bound} {shown(figure.least)}: {figure.verdict})" if figure.least is not None else ""
    return f"  {figure.bench:<11} {figure.name:<58} {shown(figure.value, figure.unit):>18}{target}"


def _target(figure: Figure, value: float | None) -> str:
    return "" if value is None else f"{'≥' if figure.bound == 'at least' else '≤'} {shown(value)}"
