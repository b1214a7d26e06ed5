"""A span for each job, from the submission of its batch to its verdicts, and one in it for the POST.

The job's span links to the spans that its records were produced in, and has an event for each poll.
Nothing in a span names a device, a tag, a token or a whole request_id.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context

from connector import __version__
from connector.answers import Accepted, Denied, JobReport, JobState, PollAnswer, PostAnswer, Refused, Unsent
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.following.job import Job
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.core.tally import RecordOutcome
from connector.model import Endpoint
from connector.ops.metrics import Example
from connector.ops.privacy import anonymous, shortened
from connector.pushwoosh.wire import post_path
from connector.tracing.parents import links
from connector.tracing.watch import Observer

CLOSE_LIMIT = 3.0
"""Seconds that the last spans get on their way out: a collector that is gone must not hold up the end."""
_MOST_LINKS = 128
"""Where `OTEL_SPAN_LINK_COUNT_LIMIT` says nothing, or that there is no limit: the SDK's own default."""
_LONGEST_WORD = 40
_GOOD = frozenset({"completed", "handed_over", "unfinished"})


class _Books(NamedTuple):
    """What the engine has counted so far: the difference over one answer is what that answer did."""

    confirmed: int
    letters: int
    """How many letters are owed."""
    latencies: int
    """Entries of the list of latencies."""


class Spans(Observer):
    """Makes spans. Looks at the engine to see what became of a job; changes nothing there."""

    def __init__(
        self,
        provider: TracerProvider,
        engine: Engine,
        *,
        group: str,
        api: str,
        code_of: Callable[[str], str] = str,
    ) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pushwoosh-connector", __version__)
        self._most_links = _most_links()
        self._engine = engine
        self._group = group
        self._api = api
        self._code_of = code_of
        self._jobs: dict[int, Span] = {}
        """By the serial number that a batch and its job share."""
        self._posts: dict[int, Span] = {}
        self._examples: list[Example] = []
        self._before = _Books(0, 0, 0)
        """As they were before the last answer was judged."""

    # -- a batch -----------------------------------------------------------------------------------

    def submitting(self, batch: Batch) -> None:
        span = self._begin(batch, batch.events, adopted=False)
        if batch.ready_at:
            span.set_attribute("pushwoosh.batch.queued_seconds", round(batch.sent_at - batch.ready_at, 3))
        self._posts[batch.serial] = self._tracer.start_span(
            f"POST {batch.endpoint.value}",
            context=set_span_in_context(span, Context()),
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": "POST", "url.full": self._api + post_path(batch.endpoint)},
        )

    def posted(self, batch: Batch, answer: PostAnswer) -> None:
        post = self._posts.pop(batch.serial, None)
        if post is None:
            return
        outcome = _post_outcome(answer)
        post.set_attribute("pushwoosh.outcome", outcome)
        if not isinstance(answer, Accepted):
            _failed(post, 0 if isinstance(answer, Unsent) else answer.http_status)
            self._end(batch.serial, outcome)
        elif batch.serial in self._engine.jobs:
            self._jobs[batch.serial].set_attribute("pushwoosh.request_id", shortened(answer.request_id))
        else:
            self._end(batch.serial, "handed_over")
        post.end()
        self._end_those_that_went()

    # -- a job -------------------------------------------------------------------------------------

    def judging(self, job: Job, answer: PollAnswer, *, detailed: bool, seconds: float) -> None:
        span = self._jobs.get(job.serial)
        if span is None:
            if job.serial not in self._engine.jobs:
                return
            span = self._begin(job, job.events, adopted=True)
            span.set_attribute("pushwoosh.request_id", shortened(job.request_id))
        told: dict[str, str | int | float] = {
            "pushwoosh.poll.number": job.polls.made,
            "pushwoosh.poll.detailed": detailed,
            "pushwoosh.poll.seconds": round(seconds, 3),
        }
        if isinstance(answer, JobReport):
            told["pushwoosh.job.status"] = anonymous(answer.word)[:_LONGEST_WORD]
            told["pushwoosh.job.progress"] = answer.progress
        else:
            told["error.type"] = _error(answer.http_status)
        span.add_event("poll", told)
        self._before = self._books()

    def judged(self, job: Job, answer: PollAnswer) -> None:
        span = self._jobs.get(job.serial)
        if span is None:
            return
        if job.serial not in self._engine.jobs:
            before, after = self._before, self._books()
            span.set_attribute("pushwoosh.records.confirmed", after.confirmed - before.confirmed)
            span.set_attribute("pushwoosh.records.refused", after.letters - before.letters)
            if after.latencies > before.latencies and span.get_span_context().trace_flags.sampled:
                self._exemplify(span, before.latencies)
            self._end(job.serial, _job_outcome(answer))
        self._end_those_that_went()

    def _books(self) -> _Books:
        tally = self._engine.tally
        good = (RecordOutcome.CONFIRMED, RecordOutcome.SUPERSEDED)
        confirmed = sum(tally.settled.get((endpoint, each), 0) for endpoint in Endpoint for each in good)
        return _Books(confirmed, self._engine.letters_owed, len(tally.latencies))

    def _exemplify(self, span: Span, since: int) -> None:
        """Note the job's oldest and newest records: they fall into the outermost buckets that it fills."""
        trace_id = format_trace_id(span.get_span_context().trace_id)
        for endpoint, timestamps in self._engine.tally.latencies[since:]:
            if timestamps:
                for timestamp in {min(timestamps), max(timestamps)}:
                    self._examples.append(Example(endpoint, timestamp, trace_id))

    def examples(self) -> Sequence[Example]:
        found, self._examples = self._examples, []
        return found

    # -- spans -------------------------------------------------------------------------------------

    def _begin(self, of: Batch | Job, events: Sequence[Event], *, adopted: bool) -> Span:
        span = self._tracer.start_span(
            f"job {of.endpoint.value}",
            context=Context(),
            kind=SpanKind.CONSUMER,
            links=links(events, self._most_links),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.consumer.group.name": self._group,
                "messaging.batch.message_count": sum([len(contributors(event)) for event in events]),
                "pushwoosh.endpoint": of.endpoint.value,
                "pushwoosh.application": self._code_of(of.application),
                "pushwoosh.batch.devices": len(events),
                "pushwoosh.job.adopted": adopted,
            },
        )
        self._jobs[of.serial] = span
        return span

    def _end(self, serial: int, outcome: str) -> None:
        span = self._jobs.pop(serial, None)
        if span is not None:
            span.set_attribute("pushwoosh.outcome", outcome)
            if outcome not in _GOOD:
                span.set_status(StatusCode.ERROR, outcome)
            span.end()

    def _end_those_that_went(self) -> None:
        """End spans of jobs whose partitions are another owner's: nobody here polls them any more."""
        jobs, posting = self._engine.jobs, self._engine.posting
        if len(self._jobs) > len(jobs) + len(posting):
            for serial in [each for each in self._jobs if each not in jobs and each not in posting]:
                self._end(serial, "handed_over")

    async def close(self) -> None:
        for post in self._posts.values():
            post.set_attribute("pushwoosh.outcome", "unfinished")
            post.end()
        for serial in [*self._jobs]:
            self._end(serial, "unfinished")
        # A thread of its own and no executor's: the process must not wait for it at its end.
        loop = asyncio.get_running_loop()
        sent = asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=send, name="last spans", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT):
                await sent.wait()


def _most_links() -> int:
    most = SpanLimits().max_links  # read from OTEL_SPAN_LINK_COUNT_LIMIT
    return _MOST_LINKS if most is None else most


def _post_outcome(answer: PostAnswer) -> str:
    match answer:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case Denied():
            return answer.cause
        case Unsent():
            return "unsent"
        case _:
            return "unavailable"


def _job_outcome(answer: PollAnswer) -> str:
    """Name what an answer made of a job that nobody will poll again."""
    match answer:
        case JobReport(state=JobState.COMPLETED):
            return "completed"
        case JobReport(state=JobState.FAILED):
            return "failed"
        case Denied():
            return answer.cause
        case _:
            return "lost"


def _failed(span: Span, http_status: int) -> None:
    if http_status:
        span.set_attribute("http.response.status_code", http_status)
    span.set_attribute("error.type", _error(http_status))
    span.set_status(StatusCode.ERROR)


def _error(http_status: int) -> str:
    return str(http_status) if http_status else "no_reply"
