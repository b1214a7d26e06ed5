"""Of a merged update that was sent a part has gone: what is said of the whole is not said of the rest."""

from __future__ import annotations

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
