"""What fits into a checkpoint: the table of deploy/CHECKPOINT.md, computed.

`python tests/unit/core/remembering/test_checkpoint_table.py` prints it, with the time that encoding takes.
"""

from __future__ import annotations

import random
import re
import sys
import timeit
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.core.assigned.job_slice import JobSlice
from connector.core.remembering.checkpoint import encode
from connector.model import Endpoint

DOCUMENT = Path(__file__).parents[4] / "deploy" / "CHECKPOINT.md"
START = 1_000_000_000
State = tuple[bytes, list[JobSlice]]
"""What is settled beyond the position, and the unfinished jobs."""


class Pattern(NamedTuple):
    name: str
    settled: bytes
    jobs: list[JobSlice]

    @property
    def spread(self) -> int:
        """Offsets from the position to the last one that should be remembered."""
        return max([len(self.settled), *(job.offsets[-1] + 1 - START for job in self.jobs)])

    def row(self) -> str:
        text, covers, _ = encode(START, self.settled, self.jobs)
        covered = covers - START
        kept = sum(job.offsets[0] < covers for job in self.jobs)
        jobs = f"{kept} of {len(self.jobs)}" if kept < len(self.jobs) else f"{kept}"
        offsets = f"{covered:,} of {self.spread:,}" if covered < self.spread else f"all {covered:,}"
        return f"| {self.name} | {jobs} | {offsets} | {len(text):,} |"


class Api:
    """A log of random devices, sent in jobs of `size`, of which 16 are unfinished at any time.

    A record whose device is in an unfinished job waits, and its later ones wait behind it.
    """

    def __init__(self, dice: random.Random, devices: int, size: int, spread: float) -> None:
        self.dice, self.devices, self.size, self.spread = dice, devices, size, spread
        self.now = 0.0
        self.settled = bytearray()
        self.waiting: dict[int, deque[int]] = {}
        self.ready: deque[tuple[int, int]] = deque()
        self.busy: set[int] = set()
        self.jobs: list[tuple[float, list[int], set[int]]] = []

    def submit(self, seconds: float) -> None:
        offsets: list[int] = []
        devices: set[int] = set()
        while len(offsets) < self.size:
            if self.ready:
                offset, device = self.ready.popleft()
                blocked = device in self.busy or device in devices
            else:
                offset, device = len(self.settled), self.dice.randrange(self.devices)
                self.settled.append(0)
                blocked = device in self.busy or device in devices or device in self.waiting
            if blocked:
                self.waiting.setdefault(device, deque()).append(offset)
            else:
                offsets.append(offset)
                devices.add(device)
        self.busy |= devices
        self.jobs.append((self.now + seconds, sorted(offsets), devices))

    def finish(self) -> None:
        first = min(self.jobs)
        self.jobs.remove(first)
        self.now, offsets, devices = first
        for offset in offsets:
            self.settled[offset] = 1
        self.busy -= devices
        for device in devices & self.waiting.keys():
            self.ready.append((self.waiting[device].popleft(), device))
            if not self.waiting[device]:
                del self.waiting[device]

    def duration(self) -> float:
        """Return 5 s, more or less: by `spread` of it, or exponentially for a spread of 1."""
        return (
            self.dice.expovariate(0.2)
            if self.spread == 1
            else 5 * self.dice.uniform(1 - self.spread, 1 + self.spread)
        )


def running(devices: int, size: int, spread: float) -> State:
    """Return the state of a partition after 120 jobs."""
    api = Api(random.Random(1), devices, size, spread)
    for number in range(16):
        api.submit(number * 0.3 + api.duration())
    for _ in range(120):
        api.finish()
        api.submit(api.duration())
    low = api.settled.find(0)
    jobs = [[offset - low for offset in offsets] for _, offsets, _ in api.jobs]
    return bytes(api.settled[low:]).rstrip(b"\0"), in_jobs(jobs)


def in_jobs(offsets: list[list[int]], request_ids: Iterator[str] | None = None) -> list[JobSlice]:
    dice = random.Random(2)
    ids = request_ids or (str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in offsets)
    return [
        JobSlice(request_id, Endpoint.TAGS, "", 1_700_000_000.0 + number, tuple(START + at for at in each))
        for number, (each, request_id) in enumerate(zip(offsets, ids, strict=False))
    ]


def strewn(share: float, length: int = 100_000) -> State:
    dice = random.Random(3)
    return bytes(dice.random() < share for _ in range(length)), []


def stuck(length: int) -> State:
    dice = random.Random(4)
    offsets = sorted(dice.sample(range(1_087), 1_000))
    settled = bytearray(b"\1") * length
    for offset in offsets:
        settled[offset] = 0
    return bytes(settled), in_jobs([offsets])


def shared() -> State:
    dice = random.Random(5)
    jobs: list[list[int]] = [[] for _ in range(16)]
    for at in range(16_000):
        jobs[dice.randrange(16) if dice.random() < 0.08 else at // 1_000].append(at)
    return b"", in_jobs(jobs)


def with_long_ids() -> State:
    dice = random.Random(6)
    return b"", in_jobs(neighbours(100, 250), (dice.randbytes(150).hex() for _ in range(100)))


def neighbours(jobs: int, size: int) -> list[list[int]]:
    return [list(range(start, start + size)) for start in range(0, jobs * size, size)]


STUCK = "one stuck job of 1,000, {:,} offsets behind it settled"
PATTERNS: dict[str, Callable[[], State]] = {
    "16 jobs of 1,000 neighbours": lambda: (b"", in_jobs(neighbours(16, 1_000))),
    "the same, 8 % of the offsets in another job": shared,
    "300 jobs of 250 neighbours": lambda: (b"", in_jobs(neighbours(300, 250))),
    "100 jobs of 250 neighbours, request_ids of 300 hex digits": with_long_ids,
    STUCK.format(101_000): lambda: stuck(101_000),
    STUCK.format(1_001_000): lambda: stuck(1_001_000),
    "every second offset settled": lambda: (b"\0\1" * 50_000, []),
    "running: 200,000 random devices, 16 jobs of 1,000, 5 s ± 5 %": lambda: running(200_000, 1_000, 0.05),
    "the same, durations exponential": lambda: running(200_000, 1_000, 1),
    "the same, 1,000,000 devices": lambda: running(1_000_000, 1_000, 1),
    "the same, 4 partitions: 250 of each job here": lambda: running(50_000, 250, 1),
    "99 % settled, strewn at random": lambda: strewn(0.99),
    "92 % settled, strewn at random": lambda: strewn(0.92),
    "50 % settled, strewn at random": lambda: strewn(0.5),
}
"""By their names in the table; made only when they are asked for: some take a second."""


@pytest.mark.parametrize("name", PATTERNS)
def test_the_documented_table_is_true(name: str) -> None:
    pattern = Pattern(name, *PATTERNS[name]())
    row = DOCUMENT.read_text().split(f"| {name} |")[1].splitlines()[0]
    documented = row.rsplit("|", 2)[0]  # the last column is the time, another one on each machine
    for told, computed in zip(figures(documented), figures(pattern.row().split(name)[1]), strict=True):
        # Another zlib may find other matches.
        assert computed == pytest.approx(told, rel=0.03)


def figures(row: str) -> list[int]:
    return [int(figure.replace(",", "")) for figure in re.findall(r"[\d,]+", row)]


if __name__ == "__main__":
    for name, make in PATTERNS.items():
        pattern = Pattern(name, *make())
        seconds = min(timeit.repeat(lambda: encode(START, pattern.settled, pattern.jobs), number=1, repeat=5))  # noqa: B023  called at once
        sys.stdout.write(f"{pattern.row()} {seconds * 1e3:.2f} ms |\n")
