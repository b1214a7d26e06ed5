"""What readiness means."""

from __future__ import annotations

import pytest

from connector.ops.readiness import readiness
from connector.ops.status import ObstacleView

HALT = ObstacleView("unauthorized", "401", "check the token", 0.0)


def test_ready_means_member_not_halted_not_stopping() -> None:
    health = readiness(joined=True, halts=[], stopping=False)
    assert (health.ok, health.reason) == (True, "ready")


@pytest.mark.parametrize(
    ("joined", "halts", "stopping", "word"),
    [
        (False, [], False, "not a member"),
        (True, [HALT], False, "check the token"),
        (True, [], True, "stopping"),
    ],
)
def test_each_reason_against_readiness_is_named(
    *, joined: bool, halts: list[ObstacleView], stopping: bool, word: str
) -> None:
    health = readiness(joined=joined, halts=halts, stopping=stopping)
    assert not health.ok
    assert word in health.reason


def test_a_pause_is_told_and_is_no_reason_against_readiness() -> None:
    health = readiness(joined=True, halts=[], stopping=False, paused="paused by A")
    assert (health.ok, health.reason) == (True, "ready; paused by A")
    health = readiness(joined=True, halts=[], stopping=True, paused="paused by A")
    assert (health.ok, health.reason) == (False, "stopping; paused by A")


def test_all_reasons_against_readiness_are_told_at_once() -> None:
    health = readiness(joined=False, halts=[HALT], stopping=True)
    assert health.reason.count(";") == 3
