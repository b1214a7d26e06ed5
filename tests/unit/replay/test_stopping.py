"""How a run ends early, and how fast it goes."""

from __future__ import annotations

import os
import signal

import pytest

from connector.replay.failed import Interrupted
from connector.replay.stopping import RateLimit, Stop


def test_the_first_signal_ends_a_wait_and_the_second_ends_everything() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            stop.wait(60)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)

    assert signal.getsignal(signal.SIGINT) is before


def test_events_are_spread_over_time() -> None:
    limit = RateLimit(50, 500)

    assert limit.at_once == 50
    assert limit.wait(50, 0.25) == 0.75
    assert limit.wait(50, 2) == 0


def test_less_than_one_a_second_goes_one_at_a_time() -> None:
    limit = RateLimit(0.5, 500)

    assert limit.at_once == 1
    assert limit.wait(1, 0) == 2


def test_without_a_rate_it_goes_as_fast_as_it_can() -> None:
    limit = RateLimit(0, 500)

    assert limit.at_once == 500
    assert limit.wait(10_000, 0) == 0
