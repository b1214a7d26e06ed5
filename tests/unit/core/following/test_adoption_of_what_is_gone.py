"""An earlier owner's job whose records are gone: nobody knows its devices, so newer records wait for it."""

from __future__ import annotations

import pytest

from connector.answers import Denied, JobReport, JobUnknown, PollAnswer
from connector.core.assigned.job_slice import JobSlice
from connector.core.remembering import checkpoint
from connector.core.tally import JobOutcome
from connector.model import Cause, Endpoint
from tests.unit.core.adopting import adopting, remembered
from tests.unit.core.builders import FAILED, NOW, P0, P1, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive


def of_one_in_a_gap() -> Drive:
    """Of an adopted job's two records retention left none; a newer one of some device was read."""
    drive = adopting({"J": [0, 1]})
    drive.read(*devices([5]))
    return drive


def test_newer_records_wait_until_a_job_has_ended_whose_records_are_gone() -> None:
    drive = of_one_in_a_gap()
    drive.run(poll=lambda _: unfinished(), seconds=60)
    assert drive.posts == 0
    assert drive.gets > 0
    drive.run()
    assert drive.sent == [[5]]
    assert drive.position() == 6
    assert drive.at_rest()


@pytest.mark.parametrize(
    ("answer", "outcome"), [(JobUnknown("?", 404), JobOutcome.LOST), (FAILED, JobOutcome.FAILED)]
)
def test_however_such_a_job_ends_they_go_on_and_nothing_is_sent_for_it(
    answer: PollAnswer, outcome: JobOutcome
) -> None:
    drive = of_one_in_a_gap()
    drive.run(poll=lambda job: answer if job.request_id == "J" else None)
    assert drive.sent == [[5]]
    assert drive.letters == []
    counted = drive.engine.tally
    assert counted.jobs[Endpoint.TAGS, outcome] == 1
    assert counted.jobs[Endpoint.TAGS, JobOutcome.RESUBMITTED] == 0
    assert drive.at_rest()


def test_such_a_job_that_never_ends_is_given_up_like_any_adopted_one() -> None:
    drive = of_one_in_a_gap()
    drive.run(poll=lambda job: unfinished() if job.request_id == "J" else None)
    assert drive.position() == 6
    assert drive.now - NOW < 2 * drive.limits.deadline


def test_such_a_job_that_denies_the_application_halts_it() -> None:
    drive = of_one_in_a_gap()
    denied = Denied(Cause.UNAUTHORIZED, "token expired", 200, of_job=True)
    drive.run(poll=lambda job: denied if job.request_id == "J" else None, seconds=1)
    assert "" in drive.engine.halts.applications
    drive.run()
    assert drive.sent == [[5]]


def test_what_is_left_of_its_records_is_judged_and_the_rest_waited_for() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(tags(1, "A"), tags(2, "B"))
    drive.run(poll=lambda _: unfinished(), seconds=60)
    assert drive.posts == 0
    drive.run()
    assert drive.sent == [[2]]
    assert drive.position() == 3


def test_other_partitions_do_not_wait_for_it() -> None:
    drive = of_one_in_a_gap()
    drive.assign(P1)
    drive.read(tags(0, "X", partition=P1), partition=P1)
    drive.run(poll=lambda job: unfinished() if job.request_id == "J" else None, seconds=5)
    assert drive.sent == [[0]]
    assert drive.position(P1) == 1


def test_it_is_said_once_of_a_partition() -> None:
    drive = adopting({"J": [0, 1], "K": [2, 3]})
    drive.read(*devices([5]))
    drive.run()
    told = [notice for notice in drive.engine.notices if "are gone" in notice.text]
    assert [notice.fields["jobs"] for notice in told] == [2]


def test_the_next_owner_waits_for_it_though_this_one_had_not_read_far_enough_to_know() -> None:
    """The partition goes after its first record was read: that of J is gone, that of K is still to come."""
    drive = adopting({"J": [0], "K": [7]})
    drive.read(*devices([5]))
    drive.run(seconds=1)
    position = drive.engine.revoked([P0], drive.now).get(P0) or drive.positions[P0]
    assert position.offset == 5
    following = Drive()
    following.assign(P0, *position)
    following.read(*devices([5, 7]))
    following.run(poll=lambda job: unfinished() if job.request_id == "J" else None, seconds=60)
    assert following.posts == 0
    following.run()
    assert following.sent == [[5]]
    assert following.at_rest()


@pytest.mark.parametrize("left", [[], [7]])
def test_the_next_owner_waits_for_it_too(left: list[int]) -> None:
    """A crash, or a rebalance, before it has ended: the checkpoint remembers it without its records."""
    drive = adopting({"J": [0, 1, *left]})
    drive.read(*devices([5, 6]), *devices(left))
    drive.run(poll=lambda _: unfinished(), seconds=5)
    position = drive.engine.revoked([P0], drive.now).get(P0) or drive.positions[P0]
    assert position.offset == 5
    following = Drive()
    following.assign(P0, *position)
    following.read(*devices([5, 6]), *devices(left))
    following.run(poll=lambda _: unfinished(), seconds=60)
    assert following.posts == 0
    following.run()
    assert following.sent == [[5, 6]]
    assert following.at_rest()


def test_a_job_awaited_from_the_start_is_polled_though_nothing_is_read() -> None:
    drive = Drive()
    awaited = JobSlice("J", Endpoint.TAGS, "", NOW, ())
    drive.assign(P0, 5, checkpoint.encode(5, b"", [awaited]).text)
    drive.assign(P1, 7, checkpoint.encode(7, b"", [awaited]).text)
    drive.run(seconds=1)
    assert drive.gets == 1
    drive.read(*devices([5]))
    drive.run()
    assert drive.sent == [[5]]


def test_one_that_another_partition_s_records_are_in_is_awaited_and_judged() -> None:
    drive = Drive(limits())
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, 5, checkpoint.encode(5, b"", [JobSlice("J", Endpoint.TAGS, "", NOW, ())]).text)
    drive.read(tags(0, "A"))
    drive.read(tags(5, "B", partition=P1), partition=P1)
    drive.run(poll=lambda _: unfinished(), seconds=20)
    assert drive.posts == 0
    drive.run()
    assert drive.sent == [[5]]
    assert (drive.position(), drive.position(P1)) == (1, 6)


def test_a_stop_does_not_wait_for_it() -> None:
    drive = of_one_in_a_gap()
    drive.run(poll=lambda _: unfinished(), seconds=5)
    drive.engine.stop()
    assert drive.engine.quiet


def test_its_report_may_have_no_rows_at_all() -> None:
    drive = of_one_in_a_gap()
    silent = JobReport(unfinished().state.COMPLETED, "Completed", 100, None)
    drive.run(poll=lambda job: silent if job.request_id == "J" else None)
    assert drive.sent == [[5]]


def test_one_whose_records_are_gone_is_not_awaited_once_it_has_ended() -> None:
    """It was polled for what was left of it, as the records of another job did not come for a while."""
    drive = adopting({"J": [0, 1], "K": [10, 11]})
    drive.read(*devices([0, 5]))
    drive.run(seconds=60)
    drive.read(*devices([10, 11, 12]))
    drive.run()
    assert drive.sent == [[5], [12]]
    assert drive.position() == 13


def test_one_whose_other_records_can_not_be_read_is_polled_all_the_same() -> None:
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(*devices([5]))
    drive.run(seconds=120)
    assert drive.sent == [[5]]


def test_one_that_may_not_be_polled_is_given_up_though_all_others_of_its_application_may_be_denied() -> None:
    """What would end the halt waits for it."""
    drive = of_one_in_a_gap()
    denied = Denied(Cause.UNAUTHORIZED, "no such application", 401)
    drive.run(poll=lambda job: denied if job.request_id == "J" else None)
    assert drive.sent == [[5]]
    assert drive.at_rest()
