"""A connector under observation: CPU and memory from /proc, counters from /metrics, a sample at a time."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, Self

from tests.broker import free_ports

CPU_CLOCK = 2
"""Of a process, as Linux makes clock ids: complement of the process id, three bits for the kind of clock."""
PREFIX = "pushwoosh_connector_"


class Sample(NamedTuple):
    """One look: monotonic seconds, events confirmed or superseded, CPU seconds, resident bytes, and all
    that is settled, refused events included.
    """

    time: float
    confirmed: float
    cpu: float
    rss: int
    settled: float


class Watched:
    """`pushwoosh-connector run` in a process of its own. A context manager: it doesn't outlive its block."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *arguments: str,
        module: str = "connector",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_ports(1)[0]
        self.log = folder / f"connector-{self.port}.log"
        environ = {key: value for key, value in os.environ.items() if not key.startswith("CONNECTOR_")}
        environ |= {"CONNECTOR_ADMIN_HOST": "127.0.0.1", "CONNECTOR_ADMIN_PORT": str(self.port)}
        environ |= {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
        environ |= environment or {}
        self.samples: list[Sample] = []
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "run", *arguments], env=environ, stdout=log, stderr=log
            )
        self._http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait for a clean end."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            raise RuntimeError(f"the connector failed:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    # -- from outside ----------------------------------------------------------------------------

    def cpu(self) -> float:
        """CPU seconds of all threads so far, to the nanosecond."""
        return time.clock_gettime((~self.process.pid << 3) | CPU_CLOCK)

    def cpu_by_thread(self) -> dict[str, float]:
        """CPU seconds by thread name; threads of one name together."""
        found: dict[str, float] = {}
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it ended
                name = (task / "comm").read_text().strip() if task.name != str(self.process.pid) else "main"
                nanoseconds = int((task / "schedstat").read_text().split()[0])
                found[name] = found.get(name, 0.0) + nanoseconds / 1e9
        return found

    def main_thread(self) -> tuple[float, float]:
        """Seconds so far that the main thread ran, and that it could have run but had to wait for a core."""
        ran, waited, _ = Path(f"/proc/{self.process.pid}/schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9

    def memory(self, which: str = "VmRSS") -> int:
        """Resident bytes now, or the peak (`VmHWM`)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{which}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    # -- from inside -----------------------------------------------------------------------------

    def metrics(self) -> str:
        """The text of /metrics; empty while nothing answers."""
        for _ in range(2):  # an idle connection may have been closed
            try:
                self._http.request("GET", "/metrics")
                return self._http.getresponse().read().decode()
            except (OSError, http.client.HTTPException):
                self._http.close()
        return ""

    def metric(self, name: str, text: str | None = None, **labels: str) -> float:
        """The sum of a metric's series with these labels."""
        total = 0.0
        for line in (self.metrics() if text is None else text).splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == PREFIX + name and all(
                f'{k}="{v}"' in head for k, v in labels.items()
            ):
                total += float(value)
        return total

    def sample(self) -> Sample:
        """Take a sample and keep it."""
        text = self.metrics()
        name = "events_settled_total"
        done = sum(self.metric(name, text, outcome=each) for each in ("confirmed", "superseded"))
        settled = self.metric(name, text)
        if not text and self.samples:
            done, settled = self.samples[-1].confirmed, self.samples[-1].settled
        self.samples.append(Sample(time.monotonic(), done, self.cpu(), self.memory(), settled))
        return self.samples[-1]

    def follow(
        self, until: Callable[[Sample], bool], *, every: float = 0.25, limit: float = 600.0
    ) -> list[Sample]:
        """Sample until that is so. Returns all samples of this connector."""
        deadline = time.monotonic() + limit
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the connector ended ({self.process.returncode}):\n{self.tail()}")
            if until(self.sample()):
                return self.samples
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.samples[-1]} after {limit:.0f} s:\n{self.tail()}")
            time.sleep(every)

    def confirm(self, events: float, *, every: float = 0.25, limit: float = 600.0) -> list[Sample]:
        """Sample until so many events are confirmed."""
        return self.follow(lambda sample: sample.confirmed >= events, every=every, limit=limit)


def middle(samples: Sequence[Sample], events: float, low: float = 0.1, high: float = 0.9) -> Sequence[Sample]:
    """The samples between two shares of the work; all of it where there are too few."""
    chosen = [each for each in samples if low * events <= each.confirmed <= high * events]
    if len(chosen) >= 4:
        return chosen
    began = max((at for at, each in enumerate(samples) if each.confirmed == 0), default=0)
    return samples[began:]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least-squares slope of y over x: a staircase's steps cancel out."""
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def rate(samples: Sequence[Sample]) -> float:
    """Confirmed events a second."""
    return slope([(each.time, each.confirmed) for each in samples])


def cpu_per_million(samples: Sequence[Sample]) -> float:
    """CPU seconds for a million confirmed events."""
    first, last = samples[0], samples[-1]
    return (last.cpu - first.cpu) / max(1.0, last.confirmed - first.confirmed) * 1e6
