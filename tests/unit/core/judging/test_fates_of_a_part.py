"""Of a merged update that was sent a part has gone: what is said of the whole is not said of the rest."""

from __future__ import annotations

import pytest

from tests.unit.core.adopting import adopting
from tests.unit.core.builders import FAILED, P0, P1, completed, limits, row, tags
from tests.unit.core.driving import REFUSED, Drive
from tests.unit.core.verdicts import saying


def across_partitions() -> Drive:
    """Updates of one device in two partitions, of which a batch of one row is planned."""
    drive = Drive(limits())
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A", values={"t0": 0}))
    drive.read(tags(0, "A", values={"t1": 1}, partition=P1))
    drive.later(10)
    drive.plan()
    assert drive.sent == [[0, 0]]
    return drive


def lose_the_other(drive: Drive) -> None:
    drive.engine.revoked([P0], drive.now)


def test_a_device_that_failed_with_the_part_of_another_is_tried_alone() -> None:
    drive = across_partitions()
    drive.posted(drive.submits[0])
    poll = drive.next_poll()
    lose_the_other(drive)
    drive.polled(poll, completed(row(poll.job.events[0], "failed")))
    drive.run()
    assert drive.sent == [[0, 0], [0]]
    assert drive.letters == []
    assert drive.position(P1) == 1
    assert drive.at_rest()


def test_if_it_fails_alone_its_letter_is_written() -> None:
    drive = across_partitions()
    drive.posted(drive.submits[0])
    poll = drive.next_poll()
    lose_the_other(drive)
    drive.polled(poll, completed(row(poll.job.events[0], "failed")))
    drive.run(poll=saying("failed", 0))
    assert drive.letters == [(P1, 0, "device_failed")]
    assert drive.at_rest()


def test_a_request_that_is_refused_for_the_part_of_another_goes_again_without_it() -> None:
    drive = across_partitions()
    submit = drive.submits[0]
    lose_the_other(drive)
    drive.posted(submit, REFUSED)
    drive.run()
    assert drive.letters == []
    assert drive.position(P1) == 1
    assert drive.at_rest()


def test_a_job_that_failed_with_the_part_of_another_goes_again_without_it() -> None:
    drive = across_partitions()
    drive.posted(drive.submits[0])
    poll = drive.next_poll()
    lose_the_other(drive)
    drive.polled(poll, FAILED)
    drive.run()
    assert drive.sent == [[0, 0], [0]]
    assert drive.letters == []
    assert drive.at_rest()


@pytest.mark.parametrize("status", ["failed", "not found"])
def test_a_device_of_an_adopted_job_is_tried_alone_even_where_one_attempt_is_all(status: str) -> None:
    """The earlier owner may have merged it with an update of a partition that isn't ours."""
    drive = adopting({"r": [0]}, limits(max_attempts=1))
    drive.read(tags(0, "A"))
    poll = drive.next_poll()
    drive.polled(poll, completed(row(poll.job.events[0], status)))
    drive.run(poll=saying("failed", 0))
    assert drive.sent == [[0]]
    assert drive.letters == [(P0, 0, "device_failed")]
    assert drive.at_rest()
