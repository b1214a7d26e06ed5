"""The table in the docstring of `core/judging`, held to the core: each row is lived through, twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import pytest

from connector.answers import (
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Row,
    Unavailable,
)
from connector.core import judging
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.reading.event import Event
from connector.model import Cause
from tests.strength import in_full
from tests.unit.core.builders import FAILED, P0, completed, devices, limits, row, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.looking import all_halts

CURSED = 5
STEPS, STEP = 80 if in_full() else 20, 15.0
"""One more device each 15 s, for five minutes, or twenty."""
Said = Callable[[Event], Row | None]
BUSY = JobReport(JobState.FAILED, "Failed", 100, None, "busy, try again later", overloaded=True)
NO_REPLY = Unavailable("timed out", maybe_accepted=True)


class Way(NamedTuple):
    """How something is said: in rows, or in answers to the GETs or POSTs that the device is in."""

    rows: Said | None = None
    get: PollAnswer | None = None
    post: PostAnswer | None = None


WAYS: dict[str, list[Way]] = {
    "a row that is done": [Way(row)],
    "a row that is done, with a refused tag": [Way(lambda event: row(event, "done", {"a": "tag not found"}))],
    "a row that is failed": [Way(lambda event: row(event, "failed"))],
    "a row that is not found": [Way(lambda event: row(event, "not found"))],
    "no row, or one with an unknown word": [Way(lambda _: None), Way(lambda event: row(event, "odd"))],
    "the job Failed": [Way(get=FAILED)],
    "the job Failed, as the API is overloaded": [Way(get=BUSY)],
    "the job Failed, and its words blame credentials": [
        Way(get=Denied(Cause.UNAUTHORIZED, "invalid token", 200, of_job=True))
    ],
    "the job is not known": [Way(get=JobUnknown("no such job", 404))],
    "the job never ends": [Way(get=unfinished())],
    "the job can't be polled": [Way(get=Unavailable("internal error", 500)), Way(get=NO_REPLY)],
    "the job may not be polled": [Way(get=Denied(Cause.UNAUTHORIZED, "forbidden", 403))],
    "the request is refused": [
        Way(post=Refused("invalid request", 400)),
        Way(post=Refused("<html>", 400, without_words=True)),
    ],
    "the request is too large": [Way(post=Refused("too large", 413))],
    "the request is not answered": [
        Way(post=Unavailable("slow down", 429)),
        Way(post=Unavailable("internal error", 500, maybe_accepted=True)),
        Way(post=NO_REPLY),
    ],
    "the request is denied": [Way(post=Denied(Cause.UNAUTHORIZED, "forbidden", 403))],
    "the request is denied by words alone": [
        Way(post=Denied(Cause.UNKNOWN_APPLICATION, "application not found", 400, by_words=True))
    ],
}


def table() -> dict[str, tuple[str, str]]:
    assert judging.__doc__ is not None
    lines = judging.__doc__.partition("|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return {said.partition(":")[0]: (of_one, of_all) for said, of_one, of_all in cells}


TABLE = table()


class Life:
    """Devices that come one by one, of which some are cursed."""

    def __init__(self, way: Way, whose: Literal["one", "all"]) -> None:
        self._way = way
        self._whose = whose
        self.drive = Drive(limits(max_devices=5, deadline=30.0))
        self.drive.assign()
        self.drive.read(*devices(range(15)))
        for offset in range(15, 15 + STEPS):
            self.drive.run(self._post, self._get, seconds=STEP)
            self.drive.read(*devices([offset]))
        self.drive.run(self._post, self._get, seconds=240)

    def _cursed(self, events: Iterable[Event]) -> bool:
        return self._whose == "all" or any(event.offset == CURSED for event in events)

    def _post(self, batch: Batch) -> PostAnswer | None:
        return self._way.post if self._cursed(batch.events) else None

    def _get(self, job: Job) -> PollAnswer | None:
        if self._way.rows is None or not self._cursed(job.events):
            return self._way.get if self._cursed(job.events) else None
        said = [self._way.rows(event) if self._cursed([event]) else row(event) for event in job.events]
        return completed(*[each for each in said if each is not None])

    def end_of(self, offset: int) -> str:
        """What became of a device, in the table's words."""
        reasons = [reason for _, at, reason in self.drive.letters if at == offset]
        assert len(reasons) <= 1
        if reasons:
            return reasons[0]
        if self.drive.engine.assignments[P0].offsets.is_settled(offset):
            return "confirmed"
        return "halt" if all_halts(self.drive.engine.components.halts) else "waits"


def test_every_row_has_its_answers() -> None:
    assert {*TABLE} == {*WAYS}


@pytest.mark.parametrize(("said", "way"), [(said, way) for said, ways in WAYS.items() for way in ways])
def test_what_is_said_of_one_device_ends_as_the_table_says_and_costs_nobody_else(said: str, way: Way) -> None:
    life = Life(way, "one")
    ends = {offset: life.end_of(offset) for offset in range(15 + STEPS)}
    assert ends.pop(CURSED) == TABLE[said][0]
    assert {*ends.values()} == {"confirmed"}
    assert all_halts(life.drive.engine.components.halts) == []


@pytest.mark.parametrize(("said", "way"), [(said, way) for said, ways in WAYS.items() for way in ways])
def test_what_is_said_of_all_ends_as_the_table_says(said: str, way: Way) -> None:
    life = Life(way, "all")
    assert {life.end_of(offset) for offset in range(15)} == {TABLE[said][1]}
