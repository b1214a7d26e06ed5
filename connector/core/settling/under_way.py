"""The commit that is under way: what the books need to know of it once it is answered. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from connector.core.assigned.assignment import Assignment
from connector.core.settling.owed import Owed
from connector.model import Position, TopicPartition


@dataclass(slots=True)
class CommitUnderWay:
    """The commit that is under way."""

    positions: dict[TopicPartition, Position]
    versions: dict[Assignment, int]
    owed: list[Owed]
    recorded: list[float]
    """When each job was sent that is in a checkpoint for the first time."""
    started: float
