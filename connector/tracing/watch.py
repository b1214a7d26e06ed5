"""What hears of each batch and each job as they are carried out. Never called for a single record."""

from __future__ import annotations

from collections.abc import Sequence

from connector.answers import PollAnswer, PostAnswer
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.ops.metrics import Example


class Observer:
    """Ignores all it hears: tracing is off. `connector.tracing.spans.Spans` makes spans of it."""

    def submitting(self, batch: Batch) -> None:
        """A batch is about to be POSTed."""

    def posted(self, batch: Batch, answer: PostAnswer) -> None:
        """The POST was answered, or failed, and the engine has been told."""

    def judging(self, job: Job, answer: PollAnswer, *, detailed: bool, seconds: float) -> None:
        """A GET was answered after `seconds`, or failed; the engine is told next."""

    def judged(self, job: Job, answer: PollAnswer) -> None:
        """The engine has been told of the answer, and has decided about the job's devices."""

    def examples(self) -> Sequence[Example]:
        """Return a few confirmed records of each job since the last call."""
        return ()

    async def close(self) -> None:
        """Send off what is still kept, within a bounded time."""
