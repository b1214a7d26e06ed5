"""An engine whose batches and jobs are traced: the real sending, a fake API, spans in memory."""

from __future__ import annotations

from typing import Any, cast

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from connector.answers import (
    JobReport,
    JobState,
    PollAnswer,
    Row,
)
from connector.core.actions import Poll, Submit
from connector.core.engine import Engine
from connector.core.reading.event import Event
from connector.credentials import Credentials, Token
from connector.model import Start
from connector.pulse import Clock, Pulse
from connector.pushwoosh.client import AudienceClient
from connector.running.sending import Sending
from connector.tracing.spans import Spans
from connector.tracing.watch import Observer
from tests.settings import with_environment
from tests.unit.core.builders import P0
from tests.unit.core.builders import limits as bounds
from tests.unit.fakes import FakeClient, until


class World:
    """A sending that is watched, its engine and its API."""

    def __init__(
        self, *events: Event, start: Start | None = None, watched: bool = True, sampled: bool = True
    ) -> None:
        self.memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, sampler=None if sampled else ALWAYS_OFF)
        provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.client = FakeClient()
        self.pulse = Pulse(Engine(bounds(linger=0.0), lambda: 0.5), Clock())
        self.engine = self.pulse.engine
        self.observer = (
            Spans(provider, self.engine, group="group", api="https://api.example.com")
            if watched
            else Observer()
        )
        settings = with_environment().pushwoosh
        client = cast("AudienceClient", self.client)
        self.sending = Sending(self.pulse, client, settings, Credentials(Token("hush-token")), self.observer)
        self.engine.assigned(start or Start(P0, 0, ""))
        records = [event.record for event in events if event.record is not None]
        self.engine.received(P0, records, events, self.pulse.clock())

    async def submit(self) -> None:
        """Have what is ready POSTed, and wait for the answer."""
        for action in self.engine.plan(self.pulse.clock()):
            if isinstance(action, Submit):
                self.sending.submit(action)
        await until(lambda: not self.engine.components.dispatch.posting)

    async def poll(self, *answers: PollAnswer) -> None:
        """Ask once for each job, and again for each further answer."""
        self.client.poll_answers = [*answers]
        for _ in answers or (None,):
            for job in [*self.engine.components.tracking.jobs.values()]:
                job.polls.sent()
                self.sending.poll(Poll(job, detailed=True))
            await until(
                lambda: not any(job.polls.under_way for job in self.engine.components.tracking.jobs.values())
            )

    def spans(self) -> list[ReadableSpan]:
        return [*self.memory.get_finished_spans()]

    def span(self, name: str) -> ReadableSpan:
        (found,) = [each for each in self.spans() if each.name == name]
        return found


def told(span: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("pushwoosh."): value for name, value in (span.attributes or {}).items()}


JOB = "job bulkSetTags"


POST = "POST bulkSetTags"


def world_done(count: int) -> JobReport:
    rows = [Row(hwid, status="done") for hwid in ("d0", "d1", "C")[:count]]
    return JobReport(JobState.COMPLETED, "Completed", 100, rows)
