"""Keeps whatever goes wrong in tracing away from those who deliver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from connector.answers import PollAnswer, PostAnswer
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.ops.metrics import Example
from connector.pulse import fault
from connector.tracing.watch import Observer

T = TypeVar("T")


class Guarded(Observer):
    """Passes all on to another observer, and tells of its failures instead of raising them."""

    def __init__(self, observer: Observer, log: FilteringBoundLogger) -> None:
        self._observer = observer
        self._log = log

    def submitting(self, batch: Batch) -> None:
        self._safely(lambda: self._observer.submitting(batch), None)

    def posted(self, batch: Batch, answer: PostAnswer) -> None:
        self._safely(lambda: self._observer.posted(batch, answer), None)

    def judging(self, job: Job, answer: PollAnswer, *, detailed: bool, seconds: float) -> None:
        self._safely(lambda: self._observer.judging(job, answer, detailed=detailed, seconds=seconds), None)

    def judged(self, job: Job, answer: PollAnswer) -> None:
        self._safely(lambda: self._observer.judged(job, answer), None)

    def examples(self) -> Sequence[Example]:
        return self._safely(self._observer.examples, ())

    async def close(self) -> None:
        try:
            await self._observer.close()
        except Exception as error:  # noqa: BLE001 -- as below
            self._tell(error)

    def _safely(self, call: Callable[[], T], instead: T) -> T:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- of whatever kind: a trace is not worth a record
            self._tell(error)
            return instead

    def _tell(self, error: Exception) -> None:
        self._log.warning("tracing failed", reason=fault(error))
