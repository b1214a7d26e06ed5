"""What is known of a request that fails, a batch's or a job's, until it is answered.

Plain data: `holding_back/suspects.py` judges by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Call = Literal["post", "get"]
"""The two requests to the API: to take a batch, and for the status of a job."""
PERSISTS_FROM = 3
"""Failures of one request in a row that can't be chance."""


@dataclass(slots=True)
class Suspicion:
    """What is known of a request that fails: is it the API, or this request alone? Judged by `Suspects`.

    Kept through all its repetitions, until it is answered.
    """

    failed_at: float = -math.inf
    """When it failed last."""
    failures: int = 0
    """How often it failed in a row."""
    proven: int = 0
    """How many of these failures were proven to be of this request alone."""
    others: int = 0
    """How many of them came after others had been answered since the last one: a hint, not a proof."""
    as_large: int = 0
    """How many calls of its kind, of about its size or more, had been answered when it failed first."""
    answered: int = 0
    begun: int = 0
    """How many calls of its kind had been answered, and had begun to fail, when it failed last."""
    denied_at: float = math.inf
    """When it was first denied."""
    unsure: float = 0.0
    """Seconds in which nothing else was answered either, so that it may have been an outage."""

    @property
    def persists(self) -> bool:
        """Whether the request failed too often in a row for chance."""
        return self.failures >= PERSISTS_FROM

    def taken_apart(self) -> None:
        """Count as that of a part of what failed: it needn't wait as long, and is not a new failure."""
        self.failures = 1
