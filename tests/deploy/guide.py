"""The operator's guide, by section."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "deploy/README.md"


def section(title: str) -> str:
    """Text of a section, its sub-sections included."""
    return GUIDE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def commands(title: str) -> list[str]:
    """Lines of a section's blocks of code."""
    return re.findall(r"^    (\S.*)$", section(title), re.MULTILINE)
