"""Curves as SVG, by hand: a line, its axes and the greatest values."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.figures import shown

WIDTH, HEIGHT, EDGE = 640, 280, 50


def write(curves: Mapping[str, Sequence[tuple[float, float]]], folder: Path) -> None:
    """Write a file for each curve with at least two points."""
    for name, points in curves.items():
        if len(points) > 1:
            file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
            (folder / f"{file}.svg").write_text(svg(name, points))


def svg(title: str, points: Sequence[tuple[float, float]]) -> str:
    """Draw one curve. The y axis begins at 0 or at the lowest value, if that is negative."""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    across, up = (right - left) or 1.0, (high - low) or 1.0

    def place(x: float, y: float) -> str:
        return (
            f"{EDGE + (x - left) / across * (WIDTH - 2 * EDGE):.1f},"
            f"{HEIGHT - EDGE - (y - low) / up * (HEIGHT - 2 * EDGE):.1f}"
        )

    def text(x: float, y: float, words: str, anchor: str = "start") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{html.escape(words)}</text>'

    bottom = HEIGHT - EDGE
    line = [place(x, y) for x, y in points]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        text(EDGE, 24, title),
        f'<path d="M{EDGE},{EDGE} V{bottom} H{WIDTH - EDGE}" stroke="#888" fill="none"/>',
        f'<polyline points="{" ".join(line)}" stroke="#0b6" stroke-width="2" fill="none"/>',
        text(EDGE, bottom + 18, shown(left)),
        text(WIDTH - EDGE, bottom + 18, shown(right), "end"),
        text(EDGE - 4, EDGE + 4, shown(high), "end"),
        text(EDGE - 4, bottom, shown(low), "end"),
        "</svg>\n",
    ]
    return "\n".join(parts)
