"""What the core counts on its way, and that a cleared tally counts from nothing."""

from __future__ import annotations

import ast
from copy import deepcopy
from dataclasses import fields
from pathlib import Path

import pytest

from connector.answers import Unavailable
from connector.core.tally import Stage, Tally
from connector.model import Endpoint
from tests.unit.core.builders import FAILED, UNDECODABLE, completed, devices, limits, row, unfinished
from tests.unit.core.driving import Drive, refusing
from tests.unit.definitions import tree_of


def reading(count: int) -> Drive:
    drive = Drive(limits())
    drive.assign()
    drive.read(*devices(range(count)))
    return drive


@pytest.mark.parametrize(
    ("http_status", "cause"),
    [
        (0, "no_reply"),
        (429, "too_many_requests"),
        (500, "server_error"),
        (503, "server_error"),
        (200, "unreadable_reply"),
        (499, "unreadable_reply"),
        (401, "denied"),
        (403, "denied"),
    ],
)
def test_a_closed_gate_is_named_by_what_the_api_answered(http_status: int, cause: str) -> None:
    assert Unavailable("", http_status).cause == cause


def test_every_field_is_counted_by_something() -> None:
    core = Path(__file__).parents[3] / "connector" / "core"
    names = {each.name for each in fields(Tally)}
    counted = {
        node.attr
        for path in core.rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in names
        if ast.unparse(node.value) in ("self._tally", "tally")
    }
    assert counted == names


def test_what_was_taken_is_counted_no_second_time() -> None:
    tally = Tally()
    for each in fields(tally):
        value = getattr(tally, each.name)
        if isinstance(value, int):
            setattr(tally, each.name, 7)
        elif isinstance(value, list):
            value.append(7)
        else:
            value["x"] += 7
    before = deepcopy(tally)
    assert tally.take() == before
    assert tally == Tally()


def test_each_device_of_a_failed_job_counts_as_tried_again() -> None:
    drive = reading(3)
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    assert drive.engine.tally.retried == {Endpoint.TAGS: 3}
    drive.run()
    assert drive.engine.tally.retried == {Endpoint.TAGS: 3}


def test_each_device_of_a_lost_job_counts_as_tried_and_as_sent_again() -> None:
    drive = Drive(limits(deadline=10.0))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    poll = drive.next_poll()
    drive.later(10.0)
    drive.polled(poll, unfinished())
    assert drive.engine.tally.retried == drive.engine.tally.resubmitted == {Endpoint.TAGS: 3}


def test_every_tag_that_a_report_refuses_is_counted_whatever_the_device_s_status() -> None:
    drive = reading(3)
    first, second, third = drive.start_job().events
    refused = {"a": "tag not found", "b": "wrong value. expect :string"}
    rows = [row(first, answers=refused), row(second, "failed", {"c": "tag not found"}), row(third)]
    drive.polled(drive.next_poll(), completed(*rows))
    assert drive.engine.tally.refused_tags == 3
    drive.run()
    assert [reason for _, _, reason in drive.letters] == ["tag_refused", "device_failed"]


# -- where time goes ----------------------------------------------------------------------------------


def stages(drive: Drive) -> list[tuple[Stage, float, int]]:
    """What was told of stages since the last time; times are whole milliseconds here."""
    found = [(stage, round(seconds, 6), count) for stage, seconds, count in drive.engine.tally.stages]
    drive.engine.tally.stages.clear()
    return found


def test_each_stage_is_told_as_long_as_it_took() -> None:
    drive = Drive(limits(linger=0.5))
    drive.assign()
    drive.read(*devices(range(2)))
    drive.later(0.3)
    drive.read(*devices(range(2, 3)))
    drive.later(0.2)
    drive.plan()
    assert stages(drive) == [(Stage.QUEUE, 0.5, 3)]
    drive.later(0.25)
    drive.posted(drive.submits[0])
    assert stages(drive) == [(Stage.SUBMIT, 0.25, 3)]
    accepted_at = drive.now
    drive.plan()
    drive.now += 0.01
    drive.committed()
    assert stages(drive) == [(Stage.COMMIT, 0.01, 1)]
    drive.polled(drive.next_poll(), unfinished())
    assert stages(drive) == []
    last = drive.next_poll()
    polled_at = drive.now
    drive.polled(last, seconds=0.125)
    assert polled_at > accepted_at
    assert stages(drive) == [(Stage.JOB, round(polled_at - accepted_at, 6), 3), (Stage.POLL, 0.125, 3)]


def test_letters_are_told_with_the_time_of_the_one_that_waited_longest() -> None:
    drive = Drive()
    drive.assign()
    drive.read(None)
    drive.plan()
    drive.read(UNDECODABLE, at=1)
    drive.later(2.0)
    drive.read(UNDECODABLE, at=2)
    drive.later(0.5)
    drive.committed()
    drive.plan()
    stages(drive)
    drive.later(0.25)
    drive.committed()
    assert drive.written == [1, 2]
    assert stages(drive) == [(Stage.COMMIT, 0.25, 1), (Stage.DEAD_LETTER, 2.75, 2)]


def test_events_that_were_put_back_are_not_told_as_queued() -> None:
    drive = reading(1)
    answers = iter([completed()])
    drive.run(poll=lambda _: next(answers, None))
    assert [count for stage, _, count in stages(drive) if stage == Stage.QUEUE] == [1]


def test_the_halves_of_a_refused_batch_are_not_told_as_queued() -> None:
    drive = reading(4)
    drive.run(refusing(2))
    assert drive.posts > 2
    assert [count for stage, _, count in stages(drive) if stage == Stage.QUEUE] == [4]
