"""The demo's own conduct; what it shows is in tests/acceptance."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from connector.sandbox.demo import _signals_later

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """Signals that reached their usual handlers."""
    seen: list[int] = []

    def see(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, see) for number in SIGNALS}
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_the_child_has_its_clean_up(number: signal.Signals, seen: list[int]) -> None:
    with _signals_later():
        signal.raise_signal(number)
        assert not seen
    assert seen == [number]
    signal.raise_signal(number)
    assert seen == [number, number], "afterwards it is as before"


def test_signals_come_although_the_child_does_not_start(seen: list[int]) -> None:
    def start() -> None:
        with _signals_later():
            signal.raise_signal(signal.SIGTERM)
            raise OSError("no such program")

    with pytest.raises(OSError, match="no such program"):
        start()
    assert seen == [signal.SIGTERM]
