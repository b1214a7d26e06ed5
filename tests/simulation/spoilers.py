"""Devices that spoil each job that they are in: which they are, and what becomes of those jobs."""

from __future__ import annotations

import random
from typing import Any

SPOILING = "spoil-"
SPOILED: dict[str, dict[str, Any]] = {
    "": {},
    "silent": {"rows_late": [{"prefix": SPOILING, "seconds": 1e6}]},
    "endless": {"job_stuck": [{"prefix": SPOILING}]},
    "failing": {"job_failed": [{"prefix": SPOILING, "message": "internal error"}]},
    "unreadable": {"job_unreadable": [{"prefix": SPOILING}]},
}
"""What becomes of each job with a device of that name, by `Plan.spoiler`: nobody is told which it is."""


class Spoilers:
    """Which devices spoil each job that they are in, `most` of them at most: by dice of its own."""

    def __init__(self, dice: random.Random, most: int) -> None:
        self._dice = dice
        self._left = most

    def one_more(self) -> bool:
        found = self._left > 0 and self._dice.random() < 0.3
        self._left -= found
        return found
