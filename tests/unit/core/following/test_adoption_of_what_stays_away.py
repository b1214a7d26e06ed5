"""An earlier owner's job of which some records do not come: how long it is waited for, and what then."""

from __future__ import annotations

import pytest

from connector.core.following.adoption import PROGRESS_LIMIT
from tests.unit.core.adopting import adopting, remembered
from tests.unit.core.builders import (
    P0,
    P1,
    devices,
    limits,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive


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


def test_after_that_while_a_device_of_theirs_may_be_in_another_topic_s_job_too() -> None:
    drive = adopting({"J": [0]})
    drive.assign(P1)
    drive.read(tags(0, "A", partition=P1), partition=P1)
    drive.run(poll=lambda _: unfinished(), seconds=PROGRESS_LIMIT - 1)
    assert drive.posts == 0
    drive.run(poll=lambda _: unfinished(), seconds=5)
    assert drive.posts == 1
    drive.read(tags(0, "A"))
    drive.run(poll=lambda _: unfinished(), seconds=5)
    assert [
        [event.hwid for event in job.events] for job in drive.engine.components.tracking.jobs.values()
    ] == [
        ["A"],
        ["A"],
    ]
    drive.run()
    assert (drive.position(), drive.position(P1)) == (1, 1)


@pytest.mark.parametrize("count", [1, 16])
def test_however_many_jobs_wait_for_their_records_others_go_on(count: int) -> None:
    drive = adopting({f"J{at}": [at] for at in range(count)}, limits(max_in_flight=count))
    drive.assign(P1)
    drive.read(*devices(range(5), P1))
    drive.run(seconds=PROGRESS_LIMIT + 5)
    assert drive.position(P1) == 5
    drive.read(*devices(range(count)))
    drive.run()
    assert drive.position() == count
    assert drive.posts == 1


def a_job_of_two(both: int) -> Drive:
    """An adopted job of partitions 0 and 1; of its records only those of 1 come, and one of 0."""
    drive = Drive()
    drive.assign(P0, *remembered(0, {"J": [*range(both)]}))
    drive.assign(P1, *remembered(0, {"J": [*range(both)]}))
    drive.read(*(tags(at, f"b{at}", partition=P1) for at in range(both)))
    drive.read(tags(0, "a0"))
    return drive


def test_after_a_while_what_was_read_of_a_job_is_asked_about_without_the_rest() -> None:
    drive = a_job_of_two(3)
    drive.run(seconds=PROGRESS_LIMIT - 1)
    assert drive.gets == 0
    drive.run(seconds=5)
    assert (drive.position(P0), drive.position(P1)) == (1, 3)
    drive.read(tags(1, "a1"), tags(2, "a2"))
    drive.run()
    assert drive.position() == 3
    assert (drive.posts, drive.gets) == (0, 2)
    assert drive.at_rest()


def test_its_parts_are_one_job_again_for_the_next_owner() -> None:
    drive = a_job_of_two(3)
    drive.wait_for(lambda: bool(drive.polls))
    assert len(drive.engine.jobs) == 2
    owner = Drive()
    owner.assign(P0, *drive.engine.revoked([P0], drive.now)[P0])
    (part,) = owner.engine.assignments[P0].slices.values()
    assert list(part.offsets) == [0, 1, 2]
    owner.read(*(tags(at, f"a{at}") for at in range(3)))
    owner.run()
    assert owner.position() == 3
    assert (owner.posts, owner.gets) == (0, 1)
