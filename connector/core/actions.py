"""What the engine asks for: whoever runs it carries that out and reports back by the engine's facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.model import Letter, Position, TopicPartition


@dataclass(slots=True)
class Submit:
    """POST this batch; report with `Engine.posted`."""

    batch: Batch


@dataclass(slots=True)
class Poll:
    """GET this job's status; report with `Engine.polled`."""

    job: Job
    detailed: bool


@dataclass(slots=True)
class Commit:
    """Commit positions and write letters, atomically where the delivery allows.

    Report with `Engine.committed`, with `Engine.commit_failed`, or with `Engine.commit_withdrawn` if it was
    never tried. `written=True` to the last two: the letters are in the topic all the same.

    There is at most one at a time, so that plain and transactional commits keep one order (Kafka
    takes the later one, even where it is lower).
    """

    positions: Mapping[TopicPartition, Position]
    letters: list[Letter]


@dataclass(slots=True)
class Pause:
    """Stop fetching these partitions."""

    partitions: list[TopicPartition]


@dataclass(slots=True)
class Resume:
    """Fetch these partitions again."""

    partitions: list[TopicPartition]


Action = Submit | Poll | Commit | Pause | Resume
