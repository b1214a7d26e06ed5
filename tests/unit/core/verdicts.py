"""Engines that have read events, and reports that say of their devices what a test wants."""

from __future__ import annotations

from collections.abc import Callable

from connector.answers import JobReport, PollAnswer
from connector.core.following.job import Job
from connector.core.reading.event import Event
from tests.unit.core.builders import FAILED, completed, limits, row, tags
from tests.unit.core.driving import Drive


def reading(*events: Event, **changed: object) -> Drive:
    drive = Drive(limits(**changed))
    drive.assign()
    drive.read(*events)
    return drive


def saying(status: str, *offsets: int) -> Callable[[Job], PollAnswer | None]:
    """Reports that say this of the devices at these offsets, done of the others."""

    def report(job: Job) -> JobReport:
        return completed(*[row(each, status if each.offset in offsets else "done") for each in job.events])

    return report


def failing(*offsets: int) -> Callable[[Job], PollAnswer | None]:
    """Jobs that fail when they carry one of these."""

    def report(job: Job) -> PollAnswer | None:
        return FAILED if {each.offset for each in job.events} & set(offsets) else None

    return report


def merged(count: int, **changed: object) -> Drive:
    """`count` updates of one device in one row."""
    return reading(*[tags(at, "A", values={f"t{at}": at}) for at in range(count)], **changed)
