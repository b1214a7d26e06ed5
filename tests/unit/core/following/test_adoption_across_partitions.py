"""An earlier owner's job in several partitions, of which some go, come back or stay silent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.answers import JobReport, Row
from connector.core.following.adoption import PROGRESS_LIMIT
from connector.core.following.job import Job
from connector.core.reading.event import Event
from connector.core.tally import JobOutcome
from connector.model import Endpoint, TopicPartition
from tests.unit.core.adopting import P2, adopting, remembered
from tests.unit.core.builders import (
    P0,
    P1,
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


def a_job_of_this_process() -> tuple[Drive, Job]:
    """A job with a device of each of two partitions, accepted from this process."""
    drive = Drive(limits(max_devices=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    return drive, drive.start_job()


def test_a_partition_that_comes_back_finds_its_job_where_it_was_left() -> None:
    drive, job = a_job_of_this_process()
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.read(tags(0, "B", partition=P1), tags(1, "B", partition=P1))
    report = all_done(job.events[:2])
    drive.run(poll=lambda asked: report if asked is job else None)
    assert drive.posts == 2, "the first job, and the record that came after it"
    assert drive.gets == 3, "one decided nothing, as records were being read again"
    assert not [each for each in drive.engine.notices if each.text == "a report leaves devices out"]
    assert (drive.position(P0), drive.position(P1)) == (1, 2)
    assert drive.at_rest()
    assert drive.engine.tally.jobs[Endpoint.TAGS, JobOutcome.ADOPTED] == 0, "it was this process's own"


def user(offset: int, partition: TopicPartition = P0) -> Event:
    return tags(offset, None, partition=partition, user_id=f"{partition.partition}-{offset}")


def phones(events: Sequence[Event]) -> JobReport:
    """Rows as the API gives them for users: of devices that nobody sent."""
    return completed(*[Row(f"phone-of-{each.user_id}", None, None, "done") for each in events])


def test_users_of_a_partition_that_comes_back_are_told_by_their_places_as_before() -> None:
    drive = Drive(limits(max_devices=6))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*[user(offset) for offset in range(3)])
    drive.read(*[user(offset, P1) for offset in range(3)], partition=P1)
    job = drive.start_job()
    sent = list(job.events)
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.read(*[user(offset, P1) for offset in range(3)], partition=P1)
    drive.run(poll=lambda _: phones(sent))
    assert (drive.posts, drive.position(P0), drive.position(P1)) == (1, 3, 3)


def test_the_rows_of_another_owners_users_say_nothing_of_ours() -> None:
    """They are no more devices than users: later ones need not go one by one."""
    drive = adopting({"J": [0, 1, 2]}, limits(max_devices=40))
    ours, theirs = [user(offset) for offset in range(3)], [user(offset, P1) for offset in range(3)]
    drive.read(*ours)
    drive.run(poll=lambda job: phones(ours + theirs if job.request_id == "J" else job.events))
    assert drive.sent == [[0, 1, 2]], "whose rows they are nobody can tell"
    drive.read(*[user(offset) for offset in range(3, 43)])
    drive.run(poll=lambda job: phones(job.events))
    assert drive.posts == 2
    assert drive.position() == 43


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
    drive, _ = a_job_of_this_process()
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


def test_a_job_of_this_process_is_polled_though_a_partition_of_it_came_back_unreadable() -> None:
    drive, _ = a_job_of_this_process()
    positions = drive.engine.revoked([P1], drive.now)
    drive.assign(P1, *positions[P1])
    drive.run(seconds=PROGRESS_LIMIT + 5)
    assert drive.position(P0) == 1
    drive.read(tags(0, "B", partition=P1))
    drive.run()
    assert (drive.position(P1), drive.posts) == (1, 1)
    assert drive.at_rest()


def test_a_device_waits_for_its_adopted_job_though_the_partition_that_named_it_is_lost() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign(P2)
    drive.read(tags(0, None, user_id="U", partition=P2))
    before = drive.start_job()
    drive.assign(P0, *remembered(0, {"J": [0]}))
    drive.assign(P1, *remembered(0, {"J": [0]}))
    drive.read(tags(0, "other"))
    drive.read(tags(0, "F", user_id="U", partition=P1))
    drive.engine.lost([P1], drive.now)
    drive.read(tags(1, "F"))
    drive.run(poll=lambda _: unfinished(), seconds=20)
    assert drive.sent == [[0]], "the device F is in J"
    drive.run(poll=lambda job: unfinished() if job is before else None, seconds=20)
    assert drive.sent == [[0], [1]]
    drive.run()
    assert (drive.position(P0), drive.position(P2)) == (2, 1)
    assert drive.at_rest()


@pytest.mark.parametrize("status", ["not found", "done"])
def test_a_device_of_both_parts_of_a_job_keeps_its_order(status: str) -> None:
    drive = adopting({"J": [0, 2]})
    drive.read(tags(0, "A"))
    drive.plan()
    drive.later(PROGRESS_LIMIT + 1)
    first = drive.next_poll()
    drive.polled(first, completed(row(tags(0, "A"), status)))
    drive.read(tags(1, "Z"), tags(2, "A"), tags(3, "Q"))
    drive.run(poll=lambda job: completed(row(tags(0, "A"), status)) if job.adopted else None)
    of_a = [offset for sent in drive.sent for offset in sent if offset in (0, 2)]
    assert of_a == ([0, 2] if status == "not found" else [])
    assert drive.position() == 4
    assert drive.at_rest()


def test_of_a_job_that_was_read_whole_nothing_is_kept_for_later() -> None:
    drive = adopting({"J": [0, 1], "K": [2, 3]})
    drive.read(*devices(range(2)))
    drive.run(seconds=PROGRESS_LIMIT + 5)
    (waiting,) = drive.engine.components.tracking.jobs.values()
    assert waiting.request_id == "K"
