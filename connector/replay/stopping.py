"""Ctrl-C and SIGTERM end the work: at the next good moment, or a second one at once. And the rate limit."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Self

from connector.replay.failed import Interrupted

MOST_AT_ONCE = 500
"""Letters that go together where nothing paces them: in one transaction, or unconfirmed by the API."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SLICE = 0.1
"""Seconds after which a wait looks whether it should end."""


class Stop:
    """Listens for the signals between `with`."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # it is what `signal` returned

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        sys.stderr.write("\nstopping once what is under way is done; again: at once\n")

    def check(self) -> None:
        """Raise Interrupted if it should end."""
        if self.asked:
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as it should end."""
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_SLICE, left))


class RateLimit:
    """Spreads events over time: at most `rate` a second, 0 for as fast as it goes."""

    def __init__(self, rate: float, most_at_once: int) -> None:
        self._rate = rate
        self.at_once = most_at_once if not rate else max(1, min(most_at_once, int(rate)))
        """How many may go together."""

    def wait(self, sent: int, elapsed: float) -> float:
        """Return seconds until more may go, after `sent` in `elapsed` seconds."""
        return max(0.0, sent / self._rate - elapsed) if self._rate else 0.0
