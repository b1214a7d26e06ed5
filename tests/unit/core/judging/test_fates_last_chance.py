"""Who waited behind a device that was tried in vain has one attempt, unless it may be well by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from connector.answers import JobReport
from connector.core.following.job import Job
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from tests.unit.core.builders import P0, completed, registration, row, tags
from tests.unit.core.verdicts import reading, saying


def updates(*offsets: int) -> list[Event]:
    """Updates of one device, of which no two are merged."""
    return [tags(offset, "A", operator=("append", "remove")[offset % 2]) for offset in offsets]


def in_turn(said: dict[int, Iterable[str]]) -> Callable[[Job], JobReport]:
    """Reports of what becomes of an event in its jobs, one after the other: done if no word is left.

    An empty word is no row. Merged updates have failed.
    """
    left: dict[int, Iterator[str]] = {offset: iter(words) for offset, words in said.items()}
    words: dict[int, str] = {}

    def report(job: Job) -> JobReport:
        (event,) = job.events
        if len(contributors(event)) > 1:
            return completed(row(event, "failed"))
        if job.serial not in words:
            words[job.serial] = next(left.get(event.offset, iter(())), "done")
        return completed(*[row(event, words[job.serial])] if words[job.serial] else [])

    return report


def test_who_waited_behind_a_device_that_cannot_be_found_gets_one_attempt() -> None:
    drive = reading(*updates(0, 1, 2), max_attempts=3)
    drive.run(poll=saying("not found", 0, 1, 2))
    assert drive.sent == [[0], [0], [0], [1], [2]]
    assert drive.written == [0, 1, 2]


def test_who_comes_after_a_device_could_not_be_found_gets_all_attempts() -> None:
    drive = reading(tags(0, "A"), max_attempts=3)
    drive.run(poll=saying("not found", 0))
    drive.read(tags(1, "A"))
    drive.run(poll=saying("not found", 1))
    assert drive.posts == 6


@pytest.mark.parametrize("hiccup", ["", "not found", "odd"])
def test_a_registration_behind_a_device_that_was_not_found_gets_all_attempts(hiccup: str) -> None:
    drive = reading(tags(0, "A"), registration(1, "A"), *updates(2, 3), max_attempts=3)
    drive.run(poll=in_turn({0: ["not found"] * 3, 1: [hiccup] * 2}))
    assert drive.letters == [(P0, 0, "device_not_found")]
    assert drive.sent == [[0], [0], [0], [1], [1], [1], [2], [3]]
    assert drive.position() == 4


@pytest.mark.parametrize("hiccup", ["", "not found", "odd"])
def test_so_do_those_behind_a_registration_that_was_confirmed(hiccup: str) -> None:
    drive = reading(*updates(0, 1), registration(2, "A"), *updates(3, 4), max_attempts=3)
    drive.run(poll=in_turn({0: ["not found"] * 3, 1: ["not found"], 3: [hiccup] * 2, 4: [hiccup] * 2}))
    assert drive.written == [0, 1]
    assert drive.sent == [[0], [0], [0], [1], [2], [3], [3], [3], [4], [4], [4]]


def test_a_registration_behind_a_device_of_which_reports_are_silent_gets_one_attempt() -> None:
    drive = reading(tags(0, "A"), registration(1, "A"), *updates(2), max_attempts=3)
    drive.run(poll=in_turn({0: ["odd"] * 3, 1: ["odd"], 2: ["odd"]}))
    assert drive.sent == [[0], [0], [0], [1], [2]]
    assert drive.written == [0, 1, 2]


def test_a_registration_that_is_in_vain_itself_leaves_one_attempt_to_those_behind_it() -> None:
    drive = reading(tags(0, "A"), registration(1, "A"), *updates(2, 3), max_attempts=3)
    drive.run(poll=saying("not found", 0, 1, 2, 3))
    assert drive.sent == [[0], [0], [0], [1], [1], [1], [2], [3]]
    assert drive.written == [0, 1, 2, 3]


@pytest.mark.parametrize("hiccup", ["", "not found", "odd"])
def test_the_parts_of_a_merged_update_that_was_refused_at_once_get_all_attempts(hiccup: str) -> None:
    drive = reading(tags(0, "A", values={"good": 1}), tags(1, "A", values={"bad": 1}), max_attempts=3)
    drive.run(poll=in_turn({0: [hiccup] * 2, 1: ["failed"]}))
    assert drive.sent == [[0, 1], [0], [0], [0], [1]]
    assert drive.letters == [(P0, 1, "device_failed")]


def test_so_do_those_of_one_that_had_a_last_chance_and_was_refused_for_good() -> None:
    merged = [tags(at, "A", values={f"t{at}": at}) for at in (1, 2)]
    drive = reading(tags(0, "A", "append"), *merged, max_attempts=3)
    drive.run(poll=in_turn({0: ["not found"] * 3, 1: ["not found"] * 2, 2: ["failed"]}))
    assert drive.sent == [[0], [0], [0], [1, 2], [1], [1], [1], [2]]
    assert drive.written == [0, 2]


def test_those_of_one_that_was_not_found_in_its_last_chance_get_one_attempt() -> None:
    merged = [tags(at, "A", values={f"t{at}": at}) for at in (1, 2)]
    drive = reading(tags(0, "A", "append"), *merged, max_attempts=3)
    drive.run(poll=saying("not found", 0, 1, 2))
    assert drive.sent == [[0], [0], [0], [1, 2], [1], [2]]
    assert drive.written == [0, 1, 2]


def test_a_part_that_is_confirmed_gives_the_others_all_attempts() -> None:
    merged = [tags(at, "A", values={f"t{at}": at}) for at in range(3)]
    drive = reading(*merged, max_attempts=3)

    def report(job: Job) -> JobReport:
        (event,) = job.events
        found = len(contributors(event)) == 1 and (event.offset != 1 or event.bad_verdicts == 2)
        return completed(row(event, "done" if found else "not found"))

    drive.run(poll=report)
    assert drive.sent == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [0], [1], [1], [1], [2]]
    assert drive.letters == []
