"""What is told of each batch and each job, by whoever carries them out. Never called for a single record."""

from __future__ import annotations

from collections.abc import Sequence

from connector.answers import PollAnswer, PostAnswer
from connector.core.batching.jobs import Batch, Job
from connector.ops.metrics import Example


class Watch:
    """Looks away: tracing is off. `connector.tracing.spans.Spans` makes spans of what it is told."""

    def submitting(self, batch: Batch) -> None:
        """A batch is about to be POSTed."""

    def posted(self, batch: Batch, answer: PostAnswer) -> None:
        """The POST was answered, or was not, and the engine knows."""

    def judging(self, job: Job, answer: PollAnswer, *, detailed: bool, seconds: float) -> None:
        """A GET was answered after this time, or was not; the engine will be told next."""

    def judged(self, job: Job, answer: PollAnswer) -> None:
        """The engine was told of the answer, and what becomes of the job's devices is decided."""

    def examples(self) -> Sequence[Example]:
        """Return confirmed records since this was asked last: a few of each job."""
        return ()

    async def close(self) -> None:
        """Hand over what was noted, within a bounded time."""
