"""Positions with jobs under way, and engines that adopt them."""

from __future__ import annotations

from connector.core.assigned.job_slice import JobSlice
from connector.core.limits import Limits
from connector.core.remembering import checkpoint
from connector.model import Endpoint, Position, TopicPartition
from tests.unit.core.builders import NOW, P0
from tests.unit.core.driving import Drive

P2 = TopicPartition("events", 2)


def remembered(position: int, jobs: dict[str, list[int]], settled: bytes = b"", at: float = NOW) -> Position:
    """A committed position with jobs under way."""
    slices = [JobSlice(name, Endpoint.TAGS, "", at, offsets) for name, offsets in jobs.items()]
    return Position(position, checkpoint.encode(position, settled, slices).text)


def adopting(jobs: dict[str, list[int]], bounds: Limits | None = None, settled: bytes = b"") -> Drive:
    drive = Drive(bounds)
    drive.assign(P0, *remembered(0, jobs, settled))
    return drive
