"""What is counted of events that are sent again or taken apart, each once."""

from __future__ import annotations

import pytest

from connector.answers import Refused, Row, Unavailable
from connector.core.reading.event import Event
from connector.model import Endpoint
from tests.unit.core.builders import FAILED, completed, devices, limits, row, tags
from tests.unit.core.driving import Drive, refusing

TAGS = Endpoint.TAGS


def reading(*events: Event) -> Drive:
    drive = Drive(limits(max_devices=1000))
    drive.let_many_go()
    drive.assign()
    drive.read(*events)
    return drive


def users(count: int) -> list[Event]:
    return [tags(offset, None, user_id=f"user-{offset}") for offset in range(count)]


def counts(drive: Drive) -> tuple[int, int, int]:
    """Batches that were split, devices sent again that may have been applied, events tried again."""
    tally = drive.engine.tally
    return tally.split_batches, tally.resubmitted[TAGS], tally.retried[TAGS]


def test_devices_whose_rows_cannot_be_told_apart_are_one_split_and_are_all_sent_again() -> None:
    drive = reading(*users(4))
    drive.start_job()
    phones = [Row(hwid=f"phone-{number}", status="done") for number in range(5)]
    drive.polled(drive.next_poll(), completed(*phones))
    assert counts(drive) == (1, 4, 0)
    drive.run()
    assert drive.sent[1:] == [[0], [1], [2], [3]]


def test_a_job_that_fails_again_is_split_once() -> None:
    drive = reading(*devices(range(4)))
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    assert counts(drive) == (0, 0, 4)
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    assert counts(drive) == (1, 0, 8)
    drive.run()
    assert counts(drive) == (1, 0, 8)


@pytest.mark.parametrize("status", ["failed", "done"])
def test_a_merged_update_that_is_refused_is_one_split_however_many_it_stands_for(status: str) -> None:
    drive = reading(*[tags(at, "A", values={f"t{at}": at}) for at in range(6)])
    job = drive.start_job()
    assert len(job.events) == 1
    drive.polled(drive.next_poll(), completed(row(job.events[0], status, {"t0": "no"})))
    assert counts(drive) == (1, 0, 0)
    drive.run()
    assert counts(drive) == (1, 0, 0)
    assert drive.position() == 6


def test_a_refused_batch_is_one_split_for_each_request_that_is_refused_with_several_devices() -> None:
    drive = reading(*devices(range(4)))
    drive.run(refusing(0))
    assert counts(drive) == (2, 0, 0), "four devices, then two; one alone is not split"
    assert drive.written == [0]


@pytest.mark.parametrize(("maybe_accepted", "resubmitted"), [(True, 3), (False, 0)])
def test_a_request_without_an_answer_counts_as_sent_again_only_if_it_may_have_arrived(
    maybe_accepted: bool, resubmitted: int
) -> None:
    drive = reading(*devices(range(3)))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unavailable("no reply", maybe_accepted=maybe_accepted))
    assert counts(drive) == (0, resubmitted, 3)


def test_a_device_without_a_verdict_counts_as_sent_again_and_one_not_found_as_tried_again_only() -> None:
    drive = reading(*devices(range(3)))
    job = drive.start_job()
    rows = [row(job.events[0], "not found"), row(job.events[1], "odd"), row(job.events[2])]
    while job.serial in drive.engine.components.tracking.jobs:
        drive.polled(drive.next_poll(), completed(*rows))
    assert counts(drive) == (0, 1, 2)


def test_a_device_that_met_a_page_of_a_gateway_counts_as_tried_again() -> None:
    drive = reading(*devices(range(1)))
    pages = [Refused("<html>Bad Request</html>", 400, without_words=True)] * 2
    drive.run(lambda _: pages.pop() if pages else None)
    assert counts(drive) == (0, 0, 2)
    assert drive.letters == []
