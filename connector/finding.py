"""What one check found: a leaf that the checks of Kafka, of the API and their printing share."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """How a check ended. A warning is no obstacle, or something that could not be found out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One line of `check`: what was looked at, how it is, and for anything but OK what to do."""

    what: str
    grade: Grade
    result: str
    mend: str = ""
