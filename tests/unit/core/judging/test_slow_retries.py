"""Jobs that all Fail for a while: it may be the API and no device, so they go slowly and outlive that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pytest

from connector.answers import PollAnswer
from connector.core.batching.dispatch import Dispatch
from connector.core.following.job import Job
from connector.core.judging.slow_retries import SlowRetries
from connector.model import Cause
from tests.strength import in_full
from tests.unit.core.builders import FAILED, NOW, P0, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive, reading
from tests.unit.core.verdicts import failing

SEEDS = range(2 if in_full() else 1)


@dataclass
class Workers:
    """The API's: a job takes a while, and fails if that begins (or ends) in the outage, or for a device."""

    drive: Drive
    seconds: float
    begin: float = 0.0
    takes: float = 0.0
    at_its_end: bool = False
    bad: Collection[int] = ()

    def poll(self, job: Job) -> PollAnswer | None:
        done_at = job.accepted_at + self.takes
        if self.drive.now < done_at:
            return unfinished()
        when = (done_at if self.at_its_end else job.accepted_at) - NOW
        is_bad = any(event.offset in self.bad for event in job.events)
        return FAILED if is_bad or self.begin <= when < self.begin + self.seconds else None

    def trickle(self, first: int, count: int, every: float, until: float) -> int:
        """So many devices come every few seconds until then, and all is done; return how many came."""
        offset = first
        while self.drive.now < NOW + until:
            self.drive.read(*devices(range(offset, offset + count)))
            offset += count
            self.drive.run(poll=self.poll, seconds=every)
        self.drive.run(poll=self.poll)
        return offset


def of_size(size: int, seed: int, **changed: object) -> Drive:
    drive = Drive(limits(max_devices=size, **changed), seed)
    drive.assign()
    return drive


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("count", "size", "seconds"),
    [(80, 10, 20), (30, 1, 20), (9, 2, 20), (10, 3, 20), (50, 10, 60), (300, 1000, 90)],
)
@pytest.mark.parametrize("takes", [0.0, 1.5])
def test_an_outage_in_which_every_job_fails_makes_no_letter(
    count: int, size: int, seconds: float, takes: float, seed: int
) -> None:
    drive = of_size(size, seed)
    drive.read(*devices(range(count)))
    drive.run(poll=Workers(drive, seconds, takes=takes).poll)
    assert drive.letters == []
    assert drive.position() == count
    assert drive.at_rest()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("count", "every"), [(1, 2.0), (3, 5.0), (5, 4.0)])
@pytest.mark.parametrize("at_its_end", [False, True])
def test_nor_does_it_where_few_devices_come(count: int, every: float, at_its_end: bool, seed: int) -> None:
    drive = of_size(10, seed)
    workers = Workers(drive, 20, begin=7, takes=1.2, at_its_end=at_its_end)
    came = workers.trickle(0, count, every, until=60)
    assert drive.letters == []
    assert drive.position() == came
    assert drive.at_rest()


@pytest.mark.parametrize("begin", [at / 4 for at in range(0, 28, 4 if in_full() else 16)])
@pytest.mark.parametrize("size", [2, 16])
@pytest.mark.parametrize("at_its_end", [False, True])
def test_an_outage_that_begins_in_the_middle_of_a_hunt_costs_no_good_device_its_event(
    begin: float, size: int, at_its_end: bool
) -> None:
    drive = of_size(size, seed=int(4 * begin), max_in_flight=4)
    drive.read(*devices(range(16)))
    workers = Workers(drive, 20, begin=begin, takes=0.6, at_its_end=at_its_end, bad={5})
    came = workers.trickle(16, count=2, every=1.0, until=32)
    assert set(drive.written) <= {5}
    assert drive.position() == came


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_bad_device_among_many_is_found_within_seconds(others: bool, seed: int) -> None:
    drive = of_size(100, seed)
    drive.read(*devices(range(100)))
    workers = Workers(drive, 0, bad={37})
    offset = 100
    while not drive.letters:
        assert drive.now < NOW + 3
        drive.read(*devices(range(offset, offset + 5 * others)))
        offset += 5 * others
        drive.run(poll=workers.poll, seconds=0.25)
    assert drive.letters == [(P0, 37, "job_failed")]
    assert sum(37 in sent for sent in drive.sent) <= 9, "whole twice, six halvings, and twice alone at most"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [1, 10, 300 if in_full() else 60])
def test_where_every_job_fails_for_ever_all_end_as_letters_within_minutes(size: int, seed: int) -> None:
    drive = of_size(size, seed)
    count = max(size, 20)
    drive.read(*devices(range(count)))
    drive.run(poll=lambda _: FAILED)
    assert sorted(drive.written) == [*range(count)]
    assert 20 < drive.now - NOW < 600
    assert drive.posts <= 4 * count
    assert drive.at_rest()


def test_the_brake_halts_when_every_job_fails() -> None:
    drive = of_size(10, seed=0, brake_share=0.5, brake_window=50)
    drive.read(*devices(range(100)))
    drive.run(poll=lambda _: FAILED, seconds=900)
    assert Cause.BRAKE in drive.engine.components.halts.of_instance
    assert len(drive.letters) < 50


def test_what_waits_goes_soon_once_a_job_of_others_is_completed() -> None:
    drive = reading(1)
    drive.run(poll=failing(0), seconds=2)
    drive.read(tags(1, "other"))
    drive.run(poll=failing(0), seconds=2)
    assert drive.sent[:3] == [[0], [1], [0]]


def test_one_that_has_gone_since_is_not_sent_twice() -> None:
    drive = reading(1, max_attempts=9)
    drive.run(poll=failing(0), seconds=30)
    before = drive.posts
    assert before > 1
    drive.engine.revoked([P0], drive.now)
    drive.assign(offset=1)
    drive.read(tags(1, "other"))
    drive.run(poll=failing(0), seconds=100)
    assert drive.sent[before:] == [[1]]
    assert drive.at_rest()


def test_what_others_do_says_nothing_of_another_application() -> None:
    drive = reading(1)
    drive.run(poll=failing(0), seconds=2)
    drive.read(tags(1, "other", application="AAAAA-AAAAA"))
    drive.run(poll=failing(0), seconds=2)
    assert drive.sent == [[0], [1]]


@pytest.mark.parametrize("begin", [at / 4 for at in range(0, 20, 4 if in_full() else 8)])
def test_what_waited_behind_a_device_that_was_given_up_outlives_an_outage_too(begin: float) -> None:
    drive = of_size(10, seed=int(4 * begin))
    drive.read(tags(0, "A", operator="append"), tags(1, "A", operator="remove"))
    workers = Workers(drive, 20, begin=begin, takes=0.5, bad={0})
    came = workers.trickle(2, count=2, every=1.0, until=32)
    assert drive.written == [0]
    assert drive.position() == came


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_waited_there_has_one_more_attempt_where_no_others_do_well_and_no_more(most: int) -> None:
    drive = of_size(10, seed=0, max_attempts=most)
    drive.read(tags(0, "A", operator="append"), tags(1, "A", operator="remove"))
    drive.run(poll=lambda _: FAILED)
    assert drive.written == [0, 1]
    assert drive.sent == [[0]] * most + [[1]] * min(2, most)


def test_a_job_of_before_its_last_failure_brings_nothing_forward_a_second_time() -> None:
    dispatch = Dispatch(limits())
    retries, (event,) = SlowRetries(dispatch), devices([0])
    retries.later(event, due=NOW + 14, since=NOW, soonest=NOW + 1, now=NOW)
    retries.job_completed("", accepted_at=NOW, now=NOW + 2)
    assert dispatch.next_later() == NOW + 2
    dispatch.wake(NOW + 2)
    retries.later(event, due=NOW + 33, since=NOW + 5, soonest=NOW + 6, now=NOW + 5)
    retries.job_completed("", accepted_at=NOW + 4, now=NOW + 7)
    assert dispatch.next_later() == NOW + 33
