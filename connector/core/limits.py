"""The figures that bound the engine, from the settings. Times are seconds, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass

METADATA = 4095
"""Characters of a commit's metadata: the broker's default is 4,096 bytes, one of them the binding's NUL."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults are those of the settings, where there is one."""

    max_devices: int = 1000
    """Most devices in a batch."""
    max_bytes: int = 1 << 20
    """Most bytes of devices in a request, a comma for each: `batch.max_bytes` less what is around them."""
    linger: float = 0.5
    """A batch waits this long to fill."""
    max_in_flight: int = 16
    """Unfinished jobs at once, requests that may become one included."""
    adaptive: bool = True
    """Fewer at once while the API is overloaded."""
    requests_per_second: float = 0.0
    """POSTs and GETs; 0 is no limit."""
    devices_per_second: float = 0.0
    """In POSTs; 0 is no limit."""
    deadline: float = 900.0
    """After this age an unfinished job counts as lost."""
    max_attempts: int = 3
    """How many times a device is tried when its verdict may change; the last verdict counts."""
    max_resubmissions: int = 3
    """Times that a lost job is submitted again."""
    retry_base: float = 1.0
    """First delay between two attempts at one device; doubles up to `retry_ceiling`."""
    retry_ceiling: float = 30.0
    poll_ceiling: float = 10.0
    """Longest time between two polls of a job."""
    probe_interval: float = 30.0
    """While halted, one request this often tries whether it was fixed."""
    brake_share: float = 0.5
    """Halt when more than this share of the recent events was refused; 0 is off."""
    brake_window: int = 1000
    """How many events are recent."""
    max_events: int = 100_000
    """Most events in memory."""
    max_event_bytes: int = 128 << 20
    """Most bytes of events in memory."""
    max_metadata: int = METADATA
    """Characters of a checkpoint."""

    @property
    def max_unrecorded(self) -> int:
        """Most batches that may be sent without being in a committed checkpoint while requests hang.

        A crash can submit these twice. While none hangs it is for `Exposure` to say how many there may be.
        """
        return max(2, self.max_in_flight // 2)
