"""The limits on requests and devices a second.

Given: when requests were sent, and how many devices each carried. Gives: when the next may go. What
is sent is paid for afterwards: a batch goes whole as soon as all before it are paid for, so the
average holds whatever its size. Time that was not used is credit for `BURST` seconds at most.
"""

from __future__ import annotations

BURST = 0.2
"""Seconds: what a late wake-up may catch up on."""
REQUESTS_A_JOB = 4
"""The requests that one job costs: a POST and a few GETs."""


def most_at_once(devices: int, requests_rate: float, devices_rate: float) -> int:
    """Return how many devices a batch may have, of `devices` without limits; rates are a second's, 0 is none.

    A batch goes whole, so more than a second's worth would come in bursts with pauses between them.
    Where requests are scarce, too, it is as much as falls due between two jobs: smaller batches would
    never reach the rate of devices.
    """
    if not devices_rate:
        return devices
    apart = max(1.0, REQUESTS_A_JOB / requests_rate) if requests_rate else 1.0
    return max(1, min(devices, int(devices_rate * apart)))


class Allowance:
    """One rate, a second; 0 is no limit. The generic cell rate algorithm of ITU-T I.371."""

    __slots__ = ("_paid_at", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._paid_at = 0.0

    def free_at(self) -> float:
        """Return when all that was used is paid for, less the tolerance."""
        return self._paid_at - BURST if self._rate else 0.0

    def use(self, amount: int, now: float) -> None:
        """Use `amount` of it."""
        if self._rate:
            self._paid_at = max(self._paid_at, now) + amount / self._rate


class Pace:
    """POSTs use devices and requests, GETs requests only: they share that budget."""

    __slots__ = ("_devices", "_requests", "unlimited")

    def __init__(self, requests: float, devices: float) -> None:
        self._requests = Allowance(requests)
        self._devices = Allowance(devices)
        self.unlimited = not (requests or devices)
        """Whether as much may go as there is. Else POSTs and GETs take turns."""

    def post_at(self) -> float:
        """Return when the next POST may go."""
        return max(self._requests.free_at(), self._devices.free_at())

    def get_at(self) -> float:
        """Return when the next GET may go."""
        return self._requests.free_at()

    def posted(self, devices: int, now: float) -> None:
        """A POST goes."""
        self._requests.use(1, now)
        self._devices.use(devices, now)

    def polled(self, now: float) -> None:
        """A GET goes."""
        self._requests.use(1, now)
