"""When too many events are refused, and when it only looks like that."""

from __future__ import annotations

import pytest

from connector.core.holding_back.brake import HISTORY, Brake, Counted
from tests.unit.core.builders import NOW


def test_the_brake_waits_for_enough_events_to_tell() -> None:
    brake = Brake(0.5, 10)
    assert not any(brake.saw(Counted(1, 1, NOW), NOW) for _ in range(9))
    assert brake.saw(Counted(1, 1, NOW), NOW)
    assert brake.counts == "10 of the last 10"


def test_the_brake_lets_a_share_pass_that_is_not_too_large() -> None:
    brake = Brake(0.5, 10)
    assert not any(brake.saw(Counted(2, 1, NOW), NOW) for _ in range(100))


def test_the_brake_forgets_what_is_long_ago() -> None:
    brake = Brake(0.5, 10)
    brake.saw(Counted(109, 0), NOW - 60)
    brake.saw(Counted(5, 5, NOW), NOW)
    assert not brake.saw(Counted(4, 4, NOW), NOW)
    assert brake.saw(Counted(91, 91, NOW), NOW)


def test_a_share_of_nought_takes_the_brake_off() -> None:
    assert not Brake(0.0, 1).saw(Counted(100, 100, NOW), NOW)


def test_the_last_refusals_of_a_backlog_that_was_good_do_not_pull_it() -> None:
    brake = Brake(0.5, 100)
    for second in range(10):
        assert not brake.saw(Counted(200, 0), NOW + second)
    assert not any(brake.saw(Counted(1, 1, NOW + at / 20), NOW + 15) for at in range(200)), (
        "sent among the good ones"
    )


def test_what_was_good_in_the_same_moment_counts() -> None:
    brake = Brake(0.5, 100)
    brake.saw(Counted(2000, 0), NOW + 0.55)
    assert not any(brake.saw(Counted(1, 1, NOW + 0.58), NOW + 4) for _ in range(200))


def test_if_nothing_has_been_good_since_those_that_are_refused_were_sent_it_is_pulled() -> None:
    brake = Brake(0.5, 100)
    for second in range(10):
        brake.saw(Counted(200, 0), NOW + second)
    pulled = [brake.saw(Counted(1, 1, NOW + 10), NOW + 15) for _ in range(100)]
    assert pulled.index(True) > 50
    assert pulled[-1]


def test_one_that_waited_for_long_does_not_hold_it_off() -> None:
    brake = Brake(0.5, 100)
    brake.saw(Counted(2000, 0), NOW)
    brake.saw(Counted(1, 1, NOW - 600), NOW + 60)
    assert any(brake.saw(Counted(1, 1, NOW + 50), NOW + 60) for _ in range(100))


def test_what_was_good_is_remembered_for_a_while() -> None:
    brake = Brake(0.5, 100)
    brake.saw(Counted(2000, 0), NOW)
    assert not any(brake.saw(Counted(1, 1, NOW), NOW + HISTORY) for _ in range(200))
    assert brake.saw(Counted(1, 1, NOW), NOW + HISTORY + 1)


def test_it_forgets_what_was_sent_longer_ago_than_it_needs() -> None:
    brake = Brake(0.5, 10)
    for tenth in range(4 * HISTORY * 10):
        brake.saw(Counted(1), NOW + tenth / 10)
    assert len(brake._sent) <= 2 * HISTORY * 10 + 1


def test_a_share_of_which_times_are_equal_is_taken_as_one_time() -> None:
    brake = Brake(0.5, 4)
    brake.saw(Counted(3, sent_at=NOW + 1), NOW + 2)
    assert not any(brake.saw(Counted(1, 1, NOW + 1), NOW + 2) for _ in range(3))
    assert brake.saw(Counted(1, 1, NOW + 1), NOW + 2)


def steadily_refused(share: float, takes: float, size: int) -> int:
    """How many are refused of a stream of jobs, 16 at a time, until it is pulled; -1 if it never is."""
    brake, every, letters = Brake(0.5, 1000), takes / 16, 0
    for number in range(64):
        brake.saw(Counted(size, sent_at=NOW + number * every), NOW + number * every + takes)
    for number in range(64, 300):
        sent, refused = NOW + number * every, int(share * size)
        letters += refused
        if brake.saw(Counted(size, refused, sent, sent), sent + takes):
            return letters
    return -1


@pytest.mark.parametrize("takes", [0.5, 5.0, 60.0])
@pytest.mark.parametrize("size", [200, 1000])
@pytest.mark.parametrize("share", [0.55, 0.7, 0.9, 1.0])
def test_a_stream_that_turns_bad_pulls_it_soon_however_many_jobs_are_under_way(
    share: float, takes: float, size: int
) -> None:
    assert 0 < steadily_refused(share, takes, size) <= 2000


@pytest.mark.parametrize("share", [0.1, 0.45, 0.5])
def test_a_stream_of_which_less_is_refused_never_pulls_it(share: float) -> None:
    assert steadily_refused(share, 5.0, 1000) == -1


def test_refused_at_once_it_waits_for_the_jobs_of_those_that_were_sent_beside_them() -> None:
    waiting = 3000
    brake = Brake(0.5, 100, lambda first, last: waiting * (first <= NOW <= last))
    assert not any(brake.saw(Counted(1, 1, NOW, at_once=True), NOW + at / 100) for at in range(1000))
    waiting = 0
    assert brake.saw(Counted(1, 1, NOW, at_once=True), NOW + 10)


def test_refused_by_their_jobs_it_waits_for_no_other_job() -> None:
    brake = Brake(0.5, 100, lambda _first, _last: 3000)
    assert any(brake.saw(Counted(1, 1, NOW), NOW + 5) for _ in range(100))


def test_nothing_judged_brakes_nothing_and_is_not_remembered() -> None:
    brake = Brake(0.5, 2)
    brake.saw(Counted(2, 1, NOW), NOW)
    assert not brake.saw(Counted(0, 0, NOW), NOW)
    assert brake.counts == "1 of the last 2"
    assert brake.saw(Counted(1, 1, NOW), NOW)
    assert brake.counts == "2 of the last 3"
