"""Events leave their lanes: what of them is ours goes on, and so does what waited behind them."""

from __future__ import annotations

import pytest

from connector.model import TopicPartition
from tests.unit.core.builders import (
    FAILED,
    P0,
    P1,
    all_done,
    completed,
    devices,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import both, refusing


def test_a_merged_update_of_two_partitions_goes_on_as_the_part_that_is_ours() -> None:
    drive = both(max_in_flight=1, max_devices=1)
    drive.read(tags(0, "X"), tags(1, "A", values={"a": 1, "b": 1}))
    drive.read(tags(0, "A", partition=P1, values={"b": 2}))
    drive.start_job()
    assert drive.engine.tally.coalesced == 1
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0], [1]]
    assert drive.position(P0) == 2
    assert drive.at_rest()


def test_parts_that_are_too_large_together_without_what_went_go_one_after_the_other() -> None:
    drive = both(max_in_flight=1, max_devices=1, max_bytes=300)
    drive.read(tags(0, "X"))
    drive.start_job()
    drive.read(tags(1, "A", values={"a": "x" * 150}))
    drive.read(tags(0, "A", partition=P1, values={"a": "short"}))
    drive.read(tags(2, "A", values={"b": "y" * 150}))
    assert drive.engine.tally.coalesced == 2
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0], [1], [2]]
    assert drive.position(P0) == 3


def test_a_merged_update_whose_head_went_goes_on_as_the_part_that_is_ours() -> None:
    drive = both(max_in_flight=1, max_devices=1)
    drive.read(tags(0, "X"))
    drive.start_job()
    drive.read(tags(0, "A", partition=P1, values={"b": 2}))
    drive.read(tags(1, "A", values={"a": 1}), tags(2, "A", values={"a": 2}))
    assert drive.engine.tally.coalesced == 2
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0], [1, 2]]
    assert drive.position(P0) == 3
    assert drive.at_rest()


def test_a_waiting_merged_update_keeps_its_place_when_a_part_of_it_goes() -> None:
    drive = both(max_devices=1)
    drive.read(tags(0, "A"))
    drive.start_job()
    drive.read(tags(0, "A", "append", partition=P1, values={"l": ["p"]}))
    drive.read(tags(1, "A", "append", values={"l": ["a"]}), tags(2, "A", "remove", values={"l": ["a"]}))
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0], [1], [2]]
    assert drive.at_rest()


def test_devices_of_a_revoked_partition_that_fail_in_a_shared_job_are_not_ours_to_repeat() -> None:
    drive = both(max_devices=2)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    job = drive.start_job()
    drive.engine.revoked([P1], drive.now)
    first, second = job.events
    drive.polled(drive.next_poll(), completed(row(first), row(second, "not found")))
    drive.run()
    assert drive.posts == 1
    assert drive.at_rest()


def test_a_batch_that_was_to_be_repeated_goes_on_with_what_is_ours() -> None:
    drive = both(max_devices=4)
    drive.read(*devices(range(2)))
    drive.read(tags(0, "B", partition=P1), tags(1, "C", partition=P1))
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0, 0, 1, 1], [0, 1]]
    assert drive.position(P0) == 2
    assert drive.at_rest()


@pytest.mark.parametrize("step", range(12))
def test_a_hunt_for_a_spoilt_device_goes_on_with_what_is_ours(step: int) -> None:
    drive = both(max_devices=16)
    drive.read(*devices(range(8)))
    drive.read(*[tags(100 + offset, f"p{offset}", partition=P1) for offset in range(8)])
    answer = refusing(3, 105)
    for _ in range(step):
        drive.plan()
        drive._answer(answer, lambda _: unfinished())
    drive.engine.revoked([P1], drive.now)
    drive.run(answer)
    assert drive.written[-1:] == [3]
    assert drive.position(P0) == 8
    assert drive.at_rest()


@pytest.mark.parametrize("going", [P0, P1])
def test_a_registration_that_holds_one_lane_and_waits_for_another_goes_with_its_partition(
    going: TopicPartition,
) -> None:
    drive = both(max_devices=1)
    drive.read(tags(0, "A"))
    drive.start_job()
    drive.read(registration(0, "A", push_token="T", partition=P1))
    drive.read(tags(1, None, push_token="T"), registration(2, "B", push_token="T"))
    drive.engine.revoked([going], drive.now)
    drive.run(poll=lambda job: all_done(job.events))
    expected = [[0], [1], [2]] if going == P1 else [[0], [0]]
    assert drive.sent == expected
    assert drive.at_rest()


def test_a_waiter_that_another_one_s_leave_sets_free_goes_once() -> None:
    drive = both(max_devices=1, max_bytes=120)
    drive.read(tags(0, "X"))
    drive.start_job()
    long = "x" * 40
    drive.read(tags(0, "A", "append", partition=P1, values={"l": [long]}))
    drive.read(tags(1, "A", "remove", partition=P1, values={"l": ["a"]}))
    drive.read(tags(1, "A", "remove", values={"m": [long]}), tags(2, "A", values={"m": 1}))
    drive.engine.revoked([P1], drive.now)
    drive.run()
    assert drive.sent == [[0], [1], [2]]
    assert drive.at_rest()
