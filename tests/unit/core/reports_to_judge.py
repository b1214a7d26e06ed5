"""Reports to judge, the devices that were sent, and what is said of each."""

from __future__ import annotations

from connector.answers import JobReport, JobState, Row
from connector.core.judging import verdicts
from connector.model import Reason, Rejection, TagsUpdate


def judge(sent: list[TagsUpdate], report: JobReport, *, by_place: bool = True) -> dict[int, Rejection]:
    return verdicts.judge(sent, report, by_place=by_place).rejections


def by_hwid(*names: str) -> list[TagsUpdate]:
    return [TagsUpdate(hwid=name) for name in names]


def by_user(*names: str) -> list[TagsUpdate]:
    return [TagsUpdate(user_id=name) for name in names]


def done(hwid: str | None = None, user_id: str | None = None, push_token: str | None = None) -> Row:
    return Row(hwid, user_id, push_token, "done")


def failed(hwid: str | None = None, user_id: str | None = None, push_token: str | None = None) -> Row:
    return Row(hwid, user_id, push_token, "failed")


def report(*rows: Row) -> JobReport:
    return JobReport(JobState.COMPLETED, "Completed", 100, list(rows))


def reasons(rejections: dict[int, Rejection]) -> dict[int, Reason]:
    return {index: rejection.reason for index, rejection in rejections.items()}
