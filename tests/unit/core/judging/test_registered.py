"""Devices that are not found though they were registered a moment ago."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.answers import JobReport, Row
from connector.core.following.job import Job
from connector.core.judging import registered
from connector.core.judging.registered import LATELY, MOST_VAIN_WAITS, USELESS_FOR, Registered
from connector.core.reading.event import Event
from connector.model import Endpoint
from tests.unit.core.builders import NOW, P0, completed, registration, row, tags
from tests.unit.core.driving import Drive
from tests.unit.core.verdicts import reading


def found_after(drive: Drive, seconds: float) -> Callable[[Job], JobReport | None]:
    """Answer that devices are not found until so long after the first of all jobs was accepted."""
    began: list[float] = []

    def report(job: Job) -> JobReport | None:
        began.append(job.accepted_at)
        if job.endpoint is Endpoint.REGISTRATIONS or drive.now >= began[0] + seconds:
            return None
        return completed(*[row(event, "not found") for event in job.events])

    return report


def updates(*offsets: int) -> list[Event]:
    """Updates of one device, of which no two are merged."""
    return [tags(offset, "A", operator=("append", "remove")[offset % 2]) for offset in offsets]


@pytest.mark.parametrize("seconds", [3.0, 8.0, LATELY])
def test_its_updates_are_tried_again_until_it_is_found(seconds: float) -> None:
    drive = reading(registration(0, "A"), *updates(1, 2, 3))
    drive.run(poll=found_after(drive, seconds))
    assert drive.letters == []
    assert drive.position() == 4
    assert drive.posts < 15


def test_so_are_merged_ones_and_those_that_name_it_by_another_identifier() -> None:
    drive = reading(registration(0, "A"), tags(1, None, push_token="T"), tags(2, "A"), tags(3, "A"))
    drive.run(poll=found_after(drive, 20))
    assert drive.letters == []
    assert drive.position() == 4


def test_after_some_seconds_it_counts_as_not_there() -> None:
    drive = reading(registration(0, "A"), *updates(1, 2))
    drive.run(poll=found_after(drive, 1000))
    assert drive.letters == [(P0, 1, "device_not_found"), (P0, 2, "device_not_found")]
    assert drive.now < NOW + 3 * LATELY


def test_where_registered_devices_are_never_found_only_the_first_are_waited_for() -> None:
    drive = reading()
    for at in range(10):
        drive.read(registration(2 * at, f"{at}", push_token=f"T{at}"), tags(2 * at + 1, f"{at}"), at=2 * at)
        began = drive.now
        drive.run(poll=found_after(drive, 1e6))
        assert drive.now - began < (4 * LATELY if at < MOST_VAIN_WAITS else 10)
    assert len(drive.letters) == 10


def test_after_ten_minutes_it_is_tried_again_whether_waiting_helps() -> None:
    drive = reading()
    for at in range(MOST_VAIN_WAITS):
        drive.read(registration(2 * at, f"{at}", push_token=f"T{at}"), tags(2 * at + 1, f"{at}"), at=2 * at)
        drive.run(poll=found_after(drive, 1e6))
    drive.later(USELESS_FOR)
    drive.read(registration(6, "late", push_token="late"), tags(7, "late"))
    drive.run(poll=found_after(drive, 8))
    assert [offset for _, offset, _ in drive.letters] == [1, 3, 5]
    assert drive.position() == 8


def test_a_device_is_waited_for_in_vain_only_once_however_often_it_is_registered() -> None:
    drive = reading(registration(0, "A"), *updates(1, 2))
    drive.run(poll=found_after(drive, 1e6))
    began = drive.now
    drive.read(registration(3, "A"), *updates(4, 5))
    drive.run(poll=found_after(drive, 1e6))
    assert drive.now - began < 10
    assert len(drive.letters) == 4


def test_and_all_are_again_once_it_helped() -> None:
    drive = reading()
    for at, seconds in enumerate((1e6, 1e6, 20, 1e6, 1e6, 20)):
        drive.read(registration(2 * at, f"{at}", push_token=f"T{at}"), tags(2 * at + 1, f"{at}"), at=2 * at)
        drive.run(poll=found_after(drive, seconds))
    assert [offset for _, offset, _ in drive.letters] == [1, 3, 7, 9]


@pytest.mark.parametrize("seconds", [6.0, LATELY - 5])
@pytest.mark.parametrize("rows", [[], [Row("A", None, None, "not found", None)]], ids=["no row", "not found"])
def test_what_was_not_found_yet_has_all_its_attempts_left(seconds: float, rows: list[Row]) -> None:
    drive = reading(registration(0, "A"), tags(1, "A"))
    report, later = found_after(drive, seconds), dict[int, Job]()

    def poll(job: Job) -> JobReport | None:
        """After that time two jobs more confirm nothing."""
        said = report(job)
        if said is not None or job.endpoint is Endpoint.REGISTRATIONS:
            return said
        later[job.serial] = job
        return None if len(later) > 2 else completed(*rows)

    drive.run(poll=poll)
    assert (len(later), drive.letters, drive.position()) == (3, [], 2)
    assert drive.posts < 15


def test_a_device_that_nobody_registered_has_three_attempts() -> None:
    drive = reading(registration(0, "A"), tags(1, "B"))
    drive.run(poll=found_after(drive, 20))
    assert drive.letters == [(P0, 1, "device_not_found")]
    assert drive.sent == [[0], [1], [1], [1]]


def test_the_latest_are_remembered_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "MOST_REMEMBERED", 4)
    found = Registered()
    known = [registration(offset, f"{offset}", push_token=f"T{offset}") for offset in range(3)]
    found.confirmed(known, NOW)
    assert [found.decide_to_wait(event, NOW) for event in known] == [False, True, True]
    found.confirmed(known[1:2], NOW + LATELY)
    assert [found.decide_to_wait(event, NOW + LATELY + 1) for event in known] == [False, True, False]


def test_after_three_in_a_row_were_waited_for_in_vain_nobody_is_for_ten_minutes() -> None:
    found = Registered()
    names = [registration(offset, f"{offset}", push_token=f"T{offset}") for offset in range(MOST_VAIN_WAITS)]
    found.confirmed(names, NOW)
    for event in names:
        assert found.decide_to_wait(event, NOW + 1)
        found.given_up(event, NOW + 1)
    late = registration(9, "late", push_token="late")
    found.confirmed([late], NOW + 595)
    assert not found.decide_to_wait(late, NOW + 600.9)
    assert found.decide_to_wait(late, NOW + 601)
