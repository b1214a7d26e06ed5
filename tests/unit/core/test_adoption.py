"""Jobs of an earlier owner: polled, not sent again; and what may go wrong while their records are read."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core import checkpoint
from connector.core.checkpoint import JobSlice
from connector.core.limits import Limits
from connector.core.owed import PATIENCE
from connector.model import (
    Endpoint,
    Event,
    JobUnknown,
    Position,
    Row,
    TopicPartition,
)
from tests.unit.core.builders import (
    FAILED,
    NOW,
    P0,
    P1,
    UNDECODABLE,
    all_done,
    completed,
    devices,
    limits,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive

P2 = TopicPartition("events", 2)


def remembered(position: int, jobs: dict[str, list[int]], settled: bytes = b"", at: float = NOW) -> Position:
    """A committed position with jobs under way."""
    slices = [JobSlice(name, Endpoint.TAGS, "", at, offsets) for name, offsets in jobs.items()]
    return Position(position, checkpoint.encode(position, settled, slices).text)


def adopting(jobs: dict[str, list[int]], bounds: Limits | None = None, settled: bytes = b"") -> Drive:
    drive = Drive(bounds)
    drive.assign(P0, *remembered(0, jobs, settled))
    return drive


def test_a_job_of_an_earlier_owner_is_polled_and_not_sent_again() -> None:
    drive = adopting({"J": [0, 1, 2]})
    drive.read(*devices(range(3)))
    drive.run()
    assert (drive.posts, drive.gets) == (0, 1)
    assert drive.position() == 3
    assert drive.at_rest()
    assert [notice.fields["jobs"] for notice in drive.engine.notices] == [1]


def test_nothing_is_polled_or_submitted_until_all_records_of_adopted_jobs_are_read() -> None:
    drive = adopting({"J": [0, 5]})
    drive.read(*devices(range(3)))
    drive.later(60)
    assert drive.plan() == []
    drive.read(*devices(range(3, 6)))
    drive.later(1)
    drive.plan()
    assert len(drive.polls) == 1
    assert sorted(drive.sent) == [[1, 2, 3, 4]]


def test_the_devices_of_an_adopted_job_wait_for_its_report() -> None:
    drive = adopting({"J": [0]})
    drive.let_many_go()
    drive.read(tags(0, "A"), tags(1, "A"), tags(2, "B"))
    drive.later(1)
    drive.plan()
    assert drive.sent == [[2]]
    drive.polled(drive.polls[0])
    drive.plan()
    assert drive.sent == [[2], [1]]


def test_an_adopted_job_settles_by_rows_and_never_by_their_position() -> None:
    drive = adopting({"J": [0, 1]}, limits(max_attempts=1))
    drive.read(tags(0, None, user_id="U"), tags(1, None, user_id="V"))
    drive.run(poll=lambda _: completed(Row(status="done"), Row(status="done")))
    assert drive.sent == [[0, 1]], "again, all at once: the order of that job is known"
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 2
    assert drive.letters == []
    assert drive.position() == 2


def test_records_that_were_settled_before_are_not_read_a_second_time() -> None:
    drive = adopting({}, settled=b"\0\1\1")
    drive.read(*devices(range(3)))
    drive.run()
    assert drive.sent == [[0]]
    assert drive.position() == 3


def test_what_was_settled_before_is_committed_once_it_is_read_even_in_the_last_fetch() -> None:
    drive = adopting({}, settled=b"\0\1\1\1")
    drive.read(tags(0))
    drive.run()
    assert drive.position() == 1
    drive.read(*devices(range(1, 4)))
    drive.run()
    assert drive.position() == 4


def test_a_letter_that_was_written_before_is_not_written_again() -> None:
    drive = adopting({}, settled=b"\0\1")
    drive.read(tags(0), UNDECODABLE, at=1)
    drive.run()
    assert drive.letters == []
    assert drive.position() == 2


def test_a_job_whose_records_are_all_gone_is_forgotten() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(*devices([5]))
    drive.run()
    assert drive.gets == 1, "of the new record's job"
    assert drive.sent == [[5]]
    assert drive.position() == 6


def test_an_adopted_job_whose_record_can_no_longer_be_decoded_goes_on_without_it() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(UNDECODABLE, tags(1), at=0)
    drive.run()
    assert drive.written == [0]
    assert drive.posts == 0
    assert drive.position() == 2


def test_an_adopted_job_that_is_unknown_thrice_is_sent_again_and_counted() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(*devices(range(2)))
    drive.run(poll=lambda job: JobUnknown("?", 404) if job.request_id == "J" else None)
    assert drive.sent == [[0, 1]]
    assert drive.position() == 2
    counted = drive.engine.tally
    assert counted.jobs[Endpoint.TAGS, "adopted"] == 1
    assert counted.jobs[Endpoint.TAGS, "lost"] == 1
    assert counted.jobs[Endpoint.TAGS, "resubmitted"] == 1
    assert counted.resubmitted[Endpoint.TAGS] == 2


def test_two_endpoints_may_use_the_same_request_id() -> None:
    drive = Drive()
    slices = [
        JobSlice("1", Endpoint.TAGS, "", NOW, (0,)),
        JobSlice("1", Endpoint.REGISTRATIONS, "", NOW, (1,)),
    ]
    drive.assign(P0, 0, checkpoint.encode(0, b"", slices).text)
    drive.read(tags(0, "A"), registration(1, "B"))
    drive.plan()
    asked = {(poll.job.endpoint, poll.job.events[0].offset) for poll in drive.polls}
    assert asked == {(Endpoint.TAGS, 0), (Endpoint.REGISTRATIONS, 1)}
    drive.run()
    assert drive.posts == 0
    assert drive.position() == 2


def test_an_adopted_job_that_is_older_than_the_deadline_gets_one_question() -> None:
    drive = Drive(limits(deadline=900))
    drive.assign(P0, *remembered(0, {"J": [0]}, at=NOW - 1000))
    drive.read(tags(0))
    drive.run()
    assert (drive.posts, drive.gets) == (0, 1)


def test_an_adopted_job_that_failed_is_sent_again() -> None:
    drive = adopting({"J": [0, 1]})
    drive.read(*devices(range(2)))
    drive.run(poll=lambda job: FAILED if job.request_id == "J" else None)
    assert drive.sent == [[0, 1]]
    assert drive.position() == 2


def test_updates_that_were_merged_are_merged_again() -> None:
    drive = adopting({"J": [0, 1, 2]})
    drive.read(tags(0, "A"), tags(1, "A"), tags(2, "B"))
    drive.plan()
    (poll,) = drive.polls
    assert [event.offset for event in poll.job.events] == [0, 2]
    drive.polled(poll)
    drive.run()
    assert drive.position() == 3


def test_a_job_that_spans_partitions_waits_for_the_records_of_both() -> None:
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A"))
    drive.later(5)
    assert drive.plan() == []
    drive.read(tags(0, "B", partition=P1))
    drive.plan()
    assert len(drive.polls) == 1
    drive.run()
    assert (drive.position(P0), drive.position(P1)) == (1, 1)
    assert drive.posts == 0


def test_a_job_that_spans_partitions_of_two_owners_is_settled_by_each_for_itself() -> None:
    mine, theirs = Drive(), Drive()
    mine.assign(P0, *remembered(0, {"J": [0]}))
    theirs.assign(P1, *remembered(7, {"J": [7]}))
    mine.read(tags(0, "A"))
    theirs.read(tags(7, "B", partition=P1))
    both = completed(row(tags(0, "A")), row(tags(7, "B"), "failed"))
    mine.run(poll=lambda _: both)
    theirs.run(poll=lambda _: both)
    assert mine.position(P0) == 1
    assert mine.letters == []
    assert theirs.letters == [(P1, 7, "device_failed")]
    assert mine.posts == 0
    assert theirs.posts == 1  # once more by itself: the row may have stood for more than was remembered


def test_a_job_that_waits_for_a_partition_which_is_revoked_goes_on_without_it() -> None:
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A"))
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.position(P0) == 1
    assert drive.posts == 0


def test_a_job_that_waits_for_a_partition_which_is_lost_before_any_record_is_forgotten() -> None:
    drive = adopting({"J": [0]})
    drive.engine.lost([P0], drive.now)
    assert drive.engine.idle
    assert drive.plan() == []


def test_a_partition_that_comes_back_finds_its_job_where_it_was_left() -> None:
    drive = Drive(limits(max_devices=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    job = drive.start_job()
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.read(tags(0, "B", partition=P1), tags(1, "B", partition=P1))
    report = all_done(job.events[:2])
    drive.run(poll=lambda asked: report if asked is job else None)
    assert drive.posts == 2, "the first job, and the record that came after it"
    assert (drive.position(P0), drive.position(P1)) == (1, 2)
    assert drive.at_rest()


def test_a_registration_that_comes_back_finds_its_job_too() -> None:
    drive = Drive(limits(max_devices=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(registration(0, "A", push_token="a"))
    drive.read(registration(0, "B", push_token="b", partition=P1))
    job = drive.start_job()
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.read(registration(0, "B", push_token="b", partition=P1), tags(1, "B", partition=P1))
    report = all_done(job.events[:2])
    drive.run(poll=lambda asked: report if asked is job else None)
    assert drive.posts == 2
    assert (drive.position(P0), drive.position(P1)) == (1, 2)
    assert drive.at_rest()


def test_a_poll_under_way_while_records_are_read_again_decides_nothing() -> None:
    drive = Drive(limits(max_devices=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    drive.start_job()
    poll = drive.next_poll()
    answer = all_done(poll.job.events)
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.polled(poll, answer)
    assert not drive.engine.idle
    drive.read(tags(0, "B", partition=P1))
    drive.run(poll=lambda _: answer)
    assert (drive.position(P0), drive.position(P1)) == (1, 1)
    assert drive.posts == 1


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
    other = next(job for job in drive.engine.tracking.jobs.values() if not job.adopted)
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
    drive.run(poll=lambda job: completed(row(tags(1, "X"), "failed")) if job.adopted else None)
    assert drive.letters == [(P0, 1, "device_failed")]
    assert (drive.position(P0), drive.position(P1)) == (2, 1)
    assert drive.now - NOW > PATIENCE
    assert drive.at_rest()


def test_a_full_buffer_does_not_keep_adopted_records_from_being_read() -> None:
    drive = Drive(limits(max_events=20, max_devices=2, max_in_flight=1))
    drive.assign(P0)
    drive.read(*devices(range(20)))
    drive.plan()
    assert drive.paused == {P0}
    drive.assign(P1, *remembered(0, {"J": [3]}))
    drive.plan()
    assert P1 not in drive.paused, "nothing is submitted before its records are read"
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(4)])
    drive.run()
    assert (drive.position(P0), drive.position(P1)) == (20, 4)
    assert drive.paused == set()


def test_with_an_end_in_sight_adopted_records_beyond_it_are_not_waited_for() -> None:
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [0, 8]}), until=5)
    drive.read(*devices(range(5)))
    drive.run()
    assert drive.position() == 5
    assert drive.engine.assignments[P0].done


def test_a_displaced_event_that_is_held_for_the_checkpoint_is_not_sent_out_of_turn() -> None:
    drive = Drive(limits(max_metadata=0, max_devices=2, max_in_flight=8))
    drive.assign(P0)
    drive.read(*devices(range(20)))
    drive.run(poll=lambda _: unfinished(), seconds=2)
    waiting = drive.engine.assignments[P0].beyond[0]
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
    poll = drive.next_poll()
    drive.polled(poll, completed(Row("A", status="failed")))
    assert drive.engine.ledger.letters == 1
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "A", partition=P1))
    drive.run()
    assert drive.posts == 1
    assert drive.letters == [(P0, 0, "device_failed")]
    assert (drive.position(P0), drive.position(P1)) == (1, 1)
    assert drive.at_rest()


@pytest.mark.parametrize("metadata", ["rubbish", "pwc9:xyz", "pwc1:damaged!"])
def test_a_checkpoint_that_cannot_be_read_is_told_of_and_its_records_are_sent_again(metadata: str) -> None:
    drive = Drive()
    drive.assign(P0, 0, metadata)
    drive.read(*devices(range(2)))
    drive.run()
    assert drive.engine.tally.unreadable_checkpoints == 1
    assert [notice.level for notice in drive.engine.notices] == ["warning"]
    assert drive.position() == 2


@pytest.mark.parametrize("found", [True, False])
@pytest.mark.parametrize(("goes", "stays"), [(P0, P1), (P1, P0)])
def test_an_adopted_update_of_two_partitions_goes_on_as_what_is_left_of_it(
    found: bool, goes: TopicPartition, stays: TopicPartition
) -> None:
    def read(offset: int, partition: TopicPartition) -> Event:
        return tags(offset, "A", partition=partition, user_id="U")

    drive = Drive(limits(max_devices=1))
    drive.assign(P2)
    drive.read(tags(0, None, user_id="U", partition=P2))
    first = drive.start_job()
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(read(0, P0))
    drive.read(read(0, P1))
    drive.engine.lost([goes], drive.now)
    answer = completed(Row("A", "U", status="done")) if found else completed()
    drive.run(poll=lambda job: unfinished() if job is first else answer, seconds=60)
    drive.run()
    assert (drive.position(stays), drive.position(P2)) == (1, 1)
    assert drive.posts == 1 if found else 2
    assert drive.at_rest()


def test_jobs_whose_records_do_not_come_hold_up_other_partitions_for_a_while_only() -> None:
    drive = adopting({"J": [0, 1]})
    drive.assign(P1)
    drive.read(tags(0, "X", partition=P1), partition=P1)
    began = drive.now
    drive.wait_for(lambda: bool(drive.submits))
    assert drive.now - began == pytest.approx(30.0, abs=1.0)
    drive.run()
    assert drive.position(P1) == 1
    drive.read(*devices(range(2)))
    drive.run()
    assert drive.posts == 1, "the adopted job is asked about once its records are there"
    assert drive.position() == 2


def test_many_adopted_records_displace_in_one_go() -> None:
    most = 2000
    drive = adopting({"J": [*range(most)]})
    drive.assign(P1)
    drive.read(*devices(range(most), P1), partition=P1)
    withdrawals = 0
    withdraw = drive.engine.dispatch.withdraw

    def counted(*given: Any) -> list[Event]:
        nonlocal withdrawals
        withdrawals += 1
        return withdraw(*given)

    drive.engine.dispatch.withdraw = counted  # type: ignore[assignment,method-assign]  # counts what would be quadratic
    drive.read(*devices(range(most)))
    assert withdrawals == 1
    drive.run()
    assert drive.position() == drive.position(P1) == most
