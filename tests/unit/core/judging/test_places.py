"""When a user's row may be told by its place: until reports show that it means nothing."""

from __future__ import annotations

import pytest

from connector.answers import Row
from connector.core.following.job import Job
from connector.core.judging.places import SHUFFLED_FOR, UNEVEN_FOR, Places
from connector.model import Endpoint
from tests.unit.core.builders import NOW, tags
from tests.unit.core.reports_to_judge import done, failed, report

IN_ORDER = (done("X"), failed("Y"))
"""Rows of two users by phones that nobody sent: only their places tell whose they are."""
SHUFFLED = (done("B"), done("A"))
UNEVEN = (done("X"), done("Y"), done("Z"))


def job_of(
    *names: str, as_sent: bool = True, endpoint: Endpoint = Endpoint.TAGS, application: str = ""
) -> Job:
    """A job of devices by hwid (capitals) and users."""
    events = [
        tags(at, name) if name.isupper() else tags(at, None, user_id=name) for at, name in enumerate(names)
    ]
    return Job(1, "r", endpoint, application, events, NOW, events_as_sent=as_sent)


def told_by_place(places: Places, job: Job, now: float) -> bool:
    return set(places.judge(job, report(*IN_ORDER), now).rejections) == {1}


def after(rows: tuple[Row, ...], job: Job) -> Places:
    places = Places()
    places.learn(job, places.judge(job, report(*rows), NOW), NOW)
    return places


def test_rows_of_users_are_told_by_their_places_at_first() -> None:
    assert told_by_place(Places(), job_of("u", "v"), NOW)


@pytest.mark.parametrize(
    ("rows", "job", "lasts"),
    [(SHUFFLED, job_of("A", "B"), SHUFFLED_FOR), (UNEVEN, job_of("u", "v"), UNEVEN_FOR)],
)
def test_a_report_that_can_not_be_in_order_puts_an_end_to_that_for_a_while(
    rows: tuple[Row, ...], job: Job, lasts: float
) -> None:
    places, users = after(rows, job), job_of("u", "v")
    assert places.mislead(users, NOW + lasts - 1)
    assert not told_by_place(places, users, NOW + lasts - 1)
    assert told_by_place(places, users, NOW + lasts)


def test_it_says_nothing_of_other_routes() -> None:
    places = after(SHUFFLED, job_of("A", "B"))
    assert not places.mislead(job_of("u", "v", application="BBBBB"), NOW)
    assert not places.mislead(job_of("u", "v", endpoint=Endpoint.REGISTRATIONS), NOW)


def test_a_job_of_which_others_have_a_part_neither_shows_nor_uses_an_order() -> None:
    assert not after(SHUFFLED, job_of("A", "B", as_sent=False)).mislead(job_of("u", "v"), NOW)
    assert not told_by_place(Places(), job_of("u", "v", as_sent=False), NOW)


def test_the_only_row_of_the_only_user_is_told_all_the_same() -> None:
    judgement = after(SHUFFLED, job_of("A", "B")).judge(job_of("u"), report(failed("Y")), NOW)
    assert set(judgement.rejections) == {0}
    assert not judgement.without_verdict


def test_a_shorter_doubt_does_not_end_a_longer_one() -> None:
    places = after(SHUFFLED, job_of("A", "B"))
    users = job_of("u", "v")
    places.learn(users, places.judge(users, report(*UNEVEN), NOW), NOW)
    assert places.mislead(users, NOW + SHUFFLED_FOR - 1)
