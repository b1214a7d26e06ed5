"""Adopted records whose device waits, is under way or is owed a letter elsewhere: who goes first."""

from __future__ import annotations

from typing import Any

import pytest

from connector.answers import Row
from connector.core.reading.event import Event
from connector.core.settling.holds import HOLD_LIMIT
from connector.model import Endpoint
from tests.unit.core.adopting import P2, adopting, remembered
from tests.unit.core.builders import (
    FAILED,
    NOW,
    P0,
    P1,
    completed,
    devices,
    limits,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive


def test_records_of_an_adopted_job_go_before_what_was_read_of_the_device_elsewhere() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.read(tags(0, "A"), tags(1, "B"))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A", partition=P1))
    drive.later(1)
    drive.plan()
    assert drive.sent == [[1]], "the device A is with the API already"
    drive.run()
    assert drive.sent == [[1], [0]]
    assert drive.at_rest()


def test_a_record_of_an_adopted_job_whose_device_is_in_another_job_is_settled_by_its_own() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign(P0)
    drive.read(tags(0, "A"), tags(1, "A"))
    first = drive.start_job()
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A", partition=P1))
    drive.run(poll=lambda job: unfinished() if job is first else None, seconds=60)
    assert drive.position(P1) == 1
    assert drive.posts == 1, "the second record of the device waits"
    drive.run()
    assert drive.position(P0) == 2
    assert drive.at_rest()


@pytest.mark.parametrize("answer", [FAILED, completed(), completed(Row(hwid="A", status="not found"))])
def test_a_record_that_failed_in_an_adopted_job_waits_its_turn_behind_the_device_s_other_job(
    answer: object,
) -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign(P0)
    drive.read(tags(0, "A"))
    first = drive.start_job()
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A", partition=P1))
    drive.run(
        poll=lambda job: unfinished() if job is first else answer,  # type: ignore[arg-type,return-value]  # each is a report
        seconds=60,
    )
    assert drive.posts == 1
    drive.run()
    assert drive.posts == 2
    assert (drive.position(P0), drive.position(P1)) == (1, 1)
    assert drive.at_rest()


def test_records_of_one_adopted_update_stay_together_though_their_device_fails_elsewhere_meanwhile() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.read(tags(0, "A"))
    drive.start_job()
    drive.assign(P1, *remembered(0, {"J": [0, 1]}))
    drive.read(tags(0, "A", partition=P1, values={"a": "old"}))
    other = next(job for job in drive.engine.components.tracking.jobs.values() if not job.adopted)
    drive.engine.polled(other, FAILED, drive.now, drive.now)
    drive.read(tags(1, "A", partition=P1, values={"a": "new"}))
    drive.run(poll=lambda job: completed() if job.adopted else None)
    assert [offsets for offsets in drive.sent if 1 in offsets] == [[0, 1]]
    assert (drive.position(P0), drive.position(P1)) == (1, 2)


def test_a_letter_that_waits_for_a_record_which_waits_for_its_device_is_written_after_a_while() -> None:
    drive = Drive(limits(max_metadata=100, max_attempts=1, linger=1.0))
    drive.assign(P1)
    drive.read(registration(0, "X", push_token="T", partition=P1))
    drive.assign(P0, *remembered(0, {"J": [1]}))
    drive.read(registration(0, "Y", push_token="T"), tags(1, "X"))
    of_tags = Endpoint.TAGS
    drive.run(poll=lambda job: completed(row(tags(1, "X"), "failed")) if job.endpoint is of_tags else None)
    assert drive.letters == [(P0, 1, "device_failed")]
    assert (drive.position(P0), drive.position(P1)) == (2, 1)
    assert drive.now - NOW > HOLD_LIMIT
    assert drive.at_rest()


def test_a_displaced_event_that_is_held_for_the_checkpoint_is_not_sent_out_of_turn() -> None:
    drive = Drive(limits(max_metadata=0, max_devices=2, max_in_flight=8))
    drive.assign(P0)
    drive.read(*devices(range(20)))
    drive.run(poll=lambda _: unfinished(), seconds=2)
    waiting = drive.engine.components.dispatch.waiting_for_checkpoint(drive.engine.assignments[P0])[0]
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, waiting.hwid, partition=P1))
    drive.run(poll=lambda job: unfinished() if job.request_id == "J" else None, seconds=60)
    assert not any(waiting.offset in sent for sent in drive.sent)
    drive.run()
    assert drive.position(P0) == 20
    assert drive.at_rest()


def test_an_event_whose_letter_is_owed_is_not_sent_again_for_an_adopted_one() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign(P0)
    drive.assign(P2)
    drive.read(tags(0, "A", partition=P2))
    drive.read(tags(0, "A"))
    drive.start_job()
    drive.engine.lost([P2], drive.now)
    drive.polled(drive.next_poll(), completed(Row("A", status="failed")))
    drive.plan()
    drive.committed()
    drive.start_job()  # alone, as what was refused had a part of another's
    drive.polled(drive.next_poll(), completed(Row("A", status="failed")))
    assert drive.engine.components.ledger.letters_owed == 1
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A", partition=P1))
    drive.run()
    assert drive.posts == 2
    assert drive.letters == [(P0, 0, "device_failed")]
    assert (drive.position(P0), drive.position(P1)) == (1, 1)
    assert drive.at_rest()


def test_many_adopted_records_displace_in_one_go() -> None:
    most = 2000
    drive = adopting({"J": [*range(most)]})
    drive.assign(P1)
    drive.read(*devices(range(most), P1), partition=P1)
    withdrawals = 0
    withdraw = drive.engine.components.dispatch.withdraw

    def counted(*given: Any) -> list[Event]:
        nonlocal withdrawals
        withdrawals += 1
        return withdraw(*given)

    drive.engine.components.dispatch.withdraw = counted  # type: ignore[assignment,method-assign]  # counts what would be quadratic
    for first in range(0, most, 100):
        drive.read(*devices(range(first, first + 100)))
    drive.run()
    assert withdrawals == 1
    assert drive.position() == drive.position(P1) == most


def test_what_an_adopted_record_displaced_goes_once_that_has_ended_even_between_two_plans() -> None:
    drive = Drive(limits())
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A"), tags(1, "B"))
    drive.later(0.1)
    drive.plan()
    (poll,) = drive.polls
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "B", partition=P1))
    drive.polled(poll, completed(Row("A", status="done"), Row("B", status="done")))
    drive.run()
    assert drive.at_rest()
    assert (drive.position(P0), drive.position(P1)) == (2, 1)
    assert drive.sent == [[1]]


def test_of_an_adopted_job_that_is_lost_a_device_goes_once_by_itself_whatever_may_be_resubmitted() -> None:
    """Another owner may have the part of it that is why."""
    drive = Drive(limits(max_resubmissions=0, deadline=60.0))
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A"))
    drive.run(poll=lambda job: unfinished() if job.adopted else None, seconds=3600)
    assert drive.letters == []
    assert (drive.position(P0), drive.posts) == (1, 1)
