"""How many batches may be at risk: as few as the speed allows."""

from __future__ import annotations

import pytest

from connector.core.limits import Limits
from connector.core.settling.exposure import Exposure
from tests.unit.core.builders import devices
from tests.unit.core.driving import Drive

LIMITS = Limits(max_in_flight=16)


def exposure(recording: float, ending: float) -> Exposure:
    known = Exposure(LIMITS)
    learn(known, recording, ending)
    return known


def learn(known: Exposure, recording: float, ending: float) -> None:
    for _ in range(3):
        known.recorded([recording])
    for _ in range(40):
        known.ended(ending)


def forgetful(drive: Drive) -> Exposure:
    """As it is when an instance starts: what `Drive` told it is forgotten."""
    known = drive.engine.components.exposure
    known._recordings.clear()
    known._recording = known._ending = None
    return known


def test_until_durations_are_known_it_is_one_batch_at_a_time() -> None:
    known = Exposure(LIMITS)
    assert known.allowed == 1
    known.recorded([0.05])
    assert known.allowed == 1
    known.ended(0.1)
    assert known.allowed == 1


def test_a_pause_of_the_brokers_at_the_first_commits_puts_no_more_at_risk() -> None:
    known = Exposure(LIMITS)
    known.recorded([12.0])
    known.ended(0.1)
    assert known.allowed == 1
    known.recorded([0.05])
    assert known.allowed == 1


def test_batches_that_one_commit_records_count_as_one() -> None:
    known = exposure(1 / 16, 1.0)
    known.recorded([12.0] * 16)
    assert known.allowed == 2


def test_the_jobs_that_end_first_are_the_shortest_and_do_not_tell_how_long_others_take() -> None:
    known = Exposure(LIMITS)
    for _ in range(3):
        known.recorded([0.05])
    allowed = []
    for _ in range(20):
        known.ended(0.1)
        allowed.append(known.allowed)
    assert allowed[:3] == [1, 2, 2]
    assert allowed == sorted(allowed)
    assert allowed[-1] == 14


@pytest.mark.parametrize(
    ("recording", "ending", "allowed"),
    [
        (0.05, 5.0, 1),  # 16 jobs of 5 s: one every 0.3 s, and each is at risk for 0.05 s
        (0.3, 5.0, 1),  # a busy machine: rather a little slower than two at risk
        (0.45, 5.0, 1),
        (0.5, 5.0, 2),
        (0.05, 1.0, 2),
        (0.05, 0.5, 4),
        (0.02, 0.1, 7),
        (0.05, 0.1, 16),  # those in flight at most
        (0.02, 0.0, 16),
    ],
)
def test_twice_the_average_of_batches_at_risk_is_allowed_and_just_the_average_for_long_jobs(
    recording: float, ending: float, allowed: int
) -> None:
    assert exposure(recording, ending).allowed == allowed


def test_it_follows_jobs_that_take_longer_and_longer() -> None:
    known = exposure(0.05, 0.05)
    for _ in range(30):
        known.ended(5.0)
    assert known.allowed == 1


def test_two_slow_commits_among_quick_ones_put_no_more_at_risk_and_a_third_does() -> None:
    known = exposure(1 / 16, 1.0)
    for _ in range(4):
        known.recorded([1 / 16])
    for _ in range(2):
        known.recorded([3 / 16])
        assert known.allowed == 2
    known.recorded([3 / 16])
    assert known.allowed == 6


def test_at_least_one_batch_is_allowed_and_at_most_the_jobs_in_flight() -> None:
    assert exposure(0.0, 1.0).allowed == 1
    assert exposure(1000.0, 0.0).allowed == LIMITS.max_in_flight


def test_a_request_hangs_once_it_takes_five_times_the_usual_and_five_seconds() -> None:
    assert Exposure(LIMITS).patience == 5.0
    assert exposure(0.5, 1.0).patience == 5.0
    assert exposure(3.0, 1.0).patience == 15.0


def test_a_crash_amid_jobs_that_take_seconds_finds_one_batch_at_most_that_no_commit_remembers() -> None:
    bounds = Limits(max_in_flight=16, max_devices=10, linger=0.0)
    drive = Drive(bounds)
    forgetful(drive)
    drive.assign()
    drive.read(*devices(range(1000)))
    for _ in range(40):
        drive.plan()
        at_risk = len(drive.submits) + drive.engine.components.ledger.unrecorded
        assert at_risk <= 1
        drive.later(0.03)
        for submit in list(drive.submits):
            drive.posted(submit)
        drive.plan()
        drive.later(0.01)
        if drive.commit is not None:
            drive.committed()
    assert len(drive.engine.jobs) == 16
    assert drive.engine.components.ledger.unrecorded == 0


def test_hanging_requests_and_unrecorded_jobs_are_at_most_half_of_the_jobs_in_flight() -> None:
    drive = Drive(Limits(max_in_flight=16, max_devices=10, linger=0.0))
    drive.assign()
    learn(forgetful(drive), 0.1, 1.0)
    drive.read(*devices(range(1000)))
    drive.plan()
    for submit in drive.submits[:3]:
        drive.posted(submit)
    for _ in range(20):
        drive.later(drive.engine.components.exposure.patience)
        drive.plan()
    assert drive.engine.components.ledger.unrecorded == 3
    assert len(drive.submits) == LIMITS.max_unrecorded - 3


def test_a_request_that_hangs_holds_up_others_for_a_moment_only() -> None:
    drive = Drive(Limits(max_in_flight=16, max_devices=10, linger=0.0))
    exposure = forgetful(drive)
    drive.assign()
    drive.read(*devices(range(1000)))
    drive.plan()
    assert len(drive.submits) == 1
    wake_at = drive.engine.wake_at(drive.now)
    assert wake_at == drive.now + exposure.patience
    drive.later(exposure.patience)
    drive.plan()
    assert len(drive.submits) == 2
    for _ in range(50):
        drive.later(exposure.patience)
        drive.plan()
    assert len(drive.submits) == LIMITS.max_unrecorded


def test_a_pause_of_the_brokers_at_the_first_commit_lets_no_request_hold_up_others_for_longer() -> None:
    known = Exposure(LIMITS)
    usual = known.patience
    known.recorded([60.0])
    assert known.patience == usual
