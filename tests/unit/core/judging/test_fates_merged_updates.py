"""What becomes of a merged update that was not confirmed: it is taken apart to find the guilty event."""

from __future__ import annotations

import pytest

from connector.answers import JobReport, Refused
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.queueing.coalesce import contributors
from tests.unit.core.builders import P0, completed, devices, row, tags, tags_of
from tests.unit.core.driving import refusing
from tests.unit.core.verdicts import merged, reading, saying


def test_one_good_verdict_settles_all_that_was_merged() -> None:
    drive = merged(8)
    drive.run()
    assert drive.posts == 1
    assert drive.position() == 8


@pytest.mark.parametrize("bad", range(8))
def test_of_a_merged_update_with_a_refused_tag_only_the_guilty_event_is_dead_lettered(bad: int) -> None:
    drive = merged(8)

    def report(job: Job) -> JobReport:
        (event,) = job.events
        guilty = any(each.offset == bad for each in contributors(event))
        return completed(row(event, "done", {f"t{bad}": "tag not found"} if guilty else None))

    drive.run(poll=report)
    assert drive.letters == [(P0, bad, "tag_refused")]
    assert drive.position() == 8
    assert drive.posts <= 1 + 2 * 3
    assert drive.at_rest()


@pytest.mark.parametrize("bad", range(8))
def test_of_a_merged_update_that_the_api_refuses_only_the_guilty_event_is_dead_lettered(bad: int) -> None:
    drive = merged(8)
    drive.run(refusing(bad))
    assert drive.letters == [(P0, bad, "refused_by_api")]
    assert drive.position() == 8
    assert drive.at_rest()


def test_the_events_of_a_merged_update_whose_device_failed_go_one_by_one_and_in_order() -> None:
    drive = merged(4)
    drive.run(poll=saying("failed", 0, 2))
    assert drive.sent == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert drive.written == [0, 2]
    assert drive.position() == 4


def test_their_letters_count_the_attempt_within_the_merged_update() -> None:
    drive = merged(4)
    sent_at: list[float] = []

    def post(batch: Batch) -> None:
        sent_at.append(batch.sent_at)

    drive.run(post, saying("failed", *range(4)))
    assert [letter.attempts for letter in drive.written_letters] == [2] * 4
    assert {letter.first_attempt for letter in drive.written_letters} == {sent_at[0]}
    assert [letter.last_attempt for letter in drive.written_letters] == sent_at[1:]


def test_a_merged_update_of_a_device_that_cannot_be_found_is_not_tried_for_ever() -> None:
    drive = merged(6, max_attempts=3)
    drive.run(poll=saying("not found", *range(6)))
    assert drive.written == [*range(6)]
    assert drive.posts == 3 + 6
    assert drive.at_rest()


def test_an_update_in_the_middle_of_a_hunt_is_taken_apart_and_the_hunt_goes_on() -> None:
    drive = reading(
        *devices(range(10, 16)),
        *[tags(20 + at, "A", values={f"t{at}": at}) for at in range(4)],
        *devices(range(30, 36)),
        max_devices=20,
    )
    drive.engine.assignments[P0].offsets.ended(10)
    drive.run(refusing(22, 33))
    assert sorted(drive.written) == [22, 33]
    assert drive.position() == 36
    assert drive.at_rest()


@pytest.mark.parametrize("status", [400, 413])
def test_a_merged_update_that_is_refused_for_its_values_goes_in_halves(status: int) -> None:
    drive = merged(8)
    drive.run(lambda batch: Refused("no", status) if "t5" in tags_of(batch.rows()[0]) else None)
    assert drive.written == [5]
    assert drive.sent == [[*range(8)], [*range(4)], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7]]
