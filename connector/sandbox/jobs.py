"""Jobs of the sandbox, from their POST to the day nobody knows them any more."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from connector.model import Endpoint
from connector.sandbox.contract import Device

End = Literal["completed", "failed", "stuck"]


class Tallied(msgspec.Struct, frozen=True):
    """How many devices of a finished job ended in which way."""

    done: int = 0
    failed: int = 0
    not_found: int = 0


class Job(msgspec.Struct, kw_only=True):
    """One accepted POST. What will become of it is settled when it is accepted.

    `lost`: no GET finds it. `orphan`: its client can't follow it to an end. `due` is when it
    ends (a stuck job: when it is forgotten). `rows` is the JSON array of its detailed report, or
    `early_rows` before `rows_from`. `unreadable`: the status of each GET; 0 where it can be read.
    """

    number: int
    request_id: str
    application: str
    endpoint: Endpoint
    posted: float
    due: float
    size: int
    devices: Sequence[Device]
    names: list[str]
    contents: list[int]
    create_missing_tags: bool
    end: End = "completed"
    lost: bool = False
    unreadable: int = 0
    orphan: bool = False
    applied: bool = True
    message: str = ""
    progress_limit: int = 99
    finished: bool = False
    rows: bytes = b""
    early_rows: bytes = b""
    rows_from: float = 0.0
    tallied: Tallied = Tallied()

    def progress(self, now: float) -> int:
        """Percent: in step with time for a job that will end; ten a second, then no more, for a stuck one."""
        if self.finished:
            return 100
        elapsed = max(0.0, now - self.posted)
        if self.end == "stuck":
            return min(self.progress_limit, int(elapsed * 10))
        return min(99, int(100 * elapsed / (self.due - self.posted))) if self.due > self.posted else 0


class JobBook:
    """All jobs that are known: the unfinished ones by when they are due, the finished ones for a while.

    A finished job is forgotten after `retention` seconds, or when more than `kept_devices`
    rows would be kept: like the real thing, which promises no time.
    """

    def __init__(self, retention: float, kept_devices: int) -> None:
        self._retention = retention
        self._kept_devices = kept_devices
        self._known: dict[str, Job] = {}
        self._due: list[tuple[float, int, Job]] = []
        self._finished: deque[tuple[float, Job]] = deque()
        self._rows = 0

    def add(self, job: Job) -> None:
        if not job.lost:
            self._known[job.request_id] = job
        due = job.posted + self._retention if job.end == "stuck" else job.due
        heapq.heappush(self._due, (due, job.number, job))

    def turn(self, now: float, capacity: int | None) -> float:
        """When a job accepted now is begun: after those before it, `capacity` at once; None is all."""
        if capacity is None:
            return now
        ends = sorted(job.due for _, _, job in self._due if job.end != "stuck")
        return ends[-capacity] if len(ends) >= capacity else now

    def find(self, request_id: str, endpoint: Endpoint) -> Job | None:
        """The job, if it is known and was posted to this endpoint."""
        job = self._known.get(request_id)
        return job if job is not None and job.endpoint is endpoint else None

    def due(self, now: float) -> Iterator[Job]:
        """Take out the jobs that end by now, in the order in which they end; a stuck one is forgotten."""
        while self._due and self._due[0][0] <= now:
            job = heapq.heappop(self._due)[2]
            if job.end == "stuck":
                self._known.pop(job.request_id, None)
            yield job

    def keep(self, job: Job, now: float) -> None:
        """Keep a job that has just finished for its time, and forget those whose time is over."""
        if not job.lost:
            self._finished.append((job.due, job))
            self._rows += job.size
        self.forget(now)

    def forget(self, now: float) -> None:
        kept = self._finished
        while kept and (self._rows > self._kept_devices or now - kept[0][0] > self._retention):
            job = kept.popleft()[1]
            self._rows -= job.size
            del self._known[job.request_id]
