"""The spans of batches and jobs, as an exporter gets them: the real engine, the real sending, a fake API."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from connector.answers import (
    Accepted,
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Row,
    Unavailable,
)
from connector.core.actions import Poll, Submit
from connector.core.engine import Engine
from connector.core.reading.event import Event
from connector.credentials import Credentials, Token
from connector.model import Cause, Start
from connector.pulse import Clock, Pulse
from connector.pushwoosh.client import AudienceClient
from connector.running.sending import Sending
from connector.tracing import spans as module
from connector.tracing.guard import Guarded
from connector.tracing.spans import Spans
from connector.tracing.watch import Observer
from tests.settings import with_environment
from tests.unit.core.adopting import remembered
from tests.unit.core.builders import P0, tags, unfinished
from tests.unit.core.builders import limits as bounds
from tests.unit.fakes import FakeClient, until
from tests.unit.tracing.records import carrying, sealed, traceparent


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
        self.sending = Sending(
            self.pulse, client, settings, Credentials("APP", Token("hush-token")), self.observer
        )
        self.engine.assigned(start or Start(P0, 0, ""))
        records = [event.record for event in events if event.record is not None]
        self.engine.received(P0, records, events, self.pulse.clock())

    async def submit(self) -> None:
        """Have what is ready POSTed, and wait for the answer."""
        for action in self.engine.plan(self.pulse.clock()):
            if isinstance(action, Submit):
                self.sending.submit(action)
        await until(lambda: not self.engine.state.dispatch.posting)

    async def poll(self, *answers: PollAnswer) -> None:
        """Ask once for each job, and again for each further answer."""
        self.client.poll_answers = [*answers]
        for _ in answers or (None,):
            for job in [*self.engine.state.tracking.jobs.values()]:
                job.polling = True
                job.polls += 1
                self.sending.poll(Poll(job, detailed=True))
            await until(lambda: not any(job.polling for job in self.engine.state.tracking.jobs.values()))

    def spans(self) -> list[ReadableSpan]:
        return [*self.memory.get_finished_spans()]

    def span(self, name: str) -> ReadableSpan:
        (found,) = [each for each in self.spans() if each.name == name]
        return found


def told(span: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("pushwoosh."): value for name, value in (span.attributes or {}).items()}


JOB = "job bulkSetTags"
POST = "POST bulkSetTags"


async def test_a_job_is_a_span_from_its_submission_to_its_verdicts_with_its_post_inside() -> None:
    world = World(carrying(0, traceparent(1)), carrying(1, traceparent(2)), tags(2, "C"))
    await world.submit()
    assert [span.name for span in world.spans()] == [POST]
    await world.poll(unfinished(40), world_done(3))
    job, post = world.span(JOB), world.span(POST)
    assert job.parent is None
    assert post.parent is not None
    assert job.context is not None
    assert post.parent.span_id == job.context.span_id
    assert (job.kind, post.kind) == (SpanKind.CONSUMER, SpanKind.CLIENT)
    assert [link.context.span_id for link in job.links] == [1, 2]
    assert cast("int", job.start_time) <= cast("int", post.start_time)
    assert cast("int", post.end_time) <= cast("int", job.end_time)
    expected = {
        "outcome": "completed",
        "batch.devices": 3,
        "messaging.batch.message_count": 3,
        "messaging.consumer.group.name": "group",
        "records.confirmed": 3,
        "records.refused": 0,
        "job.adopted": False,
    }
    assert expected.items() <= told(job).items()
    assert job.status.status_code is StatusCode.UNSET
    assert told(post)["url.full"] == "https://api.example.com/api/v2/audience/bulkSetTags"
    assert told(post)["outcome"] == "accepted"


def world_done(count: int) -> JobReport:
    rows = [Row(hwid, status="done") for hwid in ("d0", "d1", "C")[:count]]
    return JobReport(JobState.COMPLETED, "Completed", 100, rows)


async def test_each_poll_is_an_event_of_its_job() -> None:
    world = World(tags(0, "d0"))
    await world.submit()
    await world.poll(unfinished(40), Unavailable("down", 503), Unavailable("gone"), world_done(1))
    polls = [dict(event.attributes or {}) for event in world.span(JOB).events if event.name == "poll"]
    assert [poll["pushwoosh.poll.number"] for poll in polls] == [1, 2, 3, 4]
    assert [poll.get("pushwoosh.job.status") for poll in polls] == ["Pending", None, None, "Completed"]
    assert [poll.get("error.type") for poll in polls] == [None, "503", "no_reply", None]
    assert polls[0]["pushwoosh.job.progress"] == 40


async def test_records_that_were_refused_are_counted_in_their_job() -> None:
    world = World(tags(0, "d0"), tags(1, "d1"))
    await world.submit()
    refused = Row("d1", status="done", tags={"t": "tag not found"})
    rows = [Row("d0", status="done"), refused]
    await world.poll(JobReport(JobState.COMPLETED, "Completed", 100, rows))
    assert told(world.span(JOB))["records.confirmed"] == 1
    assert told(world.span(JOB))["records.refused"] == 1


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (Refused("invalid request", 400), "refused", "400"),
        (Denied(Cause.UNAUTHORIZED, "no", 401), "unauthorized", "401"),
        (Unavailable("overloaded", 503), "unavailable", "503"),
        (Unavailable("no connection"), "unavailable", "no_reply"),
    ],
)
async def test_a_batch_that_became_no_job_is_an_error(answer: PostAnswer, outcome: str, status: str) -> None:
    world = World(carrying(0, traceparent(1)))
    world.client.post_answers = [answer]
    await world.submit()
    assert told(world.span(JOB))["outcome"] == told(world.span(POST))["outcome"] == outcome
    assert told(world.span(POST))["error.type"] == status
    assert world.span(POST).status.status_code is StatusCode.ERROR
    assert world.span(JOB).status.status_code is StatusCode.ERROR


async def test_a_client_that_breaks_ends_the_span_too() -> None:
    world = World(tags(0))
    world.client.post_answers = [ValueError("broken")]
    await world.submit()
    assert told(world.span(JOB))["outcome"] == "unavailable"


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([JobReport(JobState.FAILED, "Failed")], "failed"),
        ([Denied(Cause.UNAUTHORIZED, "no", 200, of_job=True)], "unauthorized"),
        ([JobUnknown("what?", 404)] * 20, "lost"),
    ],
)
async def test_a_job_that_comes_to_nothing_is_an_error(
    answers: list[PollAnswer], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.core.following.tracking.UNKNOWN_FOR", 0.0)
    world = World(tags(0))
    await world.submit()
    await world.poll(*answers)
    assert told(world.span(JOB))["outcome"] == outcome
    assert world.span(JOB).status.status_code is StatusCode.ERROR


async def test_a_job_of_an_earlier_owner_is_a_span_without_a_post() -> None:
    world = World(carrying(0, traceparent(7)), start=Start(P0, *remembered(0, {"J": [0]})))
    await world.poll(world_done(1))
    assert told(world.span(JOB))["job.adopted"] is True
    assert [link.context.span_id for link in world.span(JOB).links] == [7]
    assert [span.name for span in world.spans()] == [JOB]


async def test_a_job_whose_partitions_went_to_another_owner_ends_as_handed_over() -> None:
    world = World(tags(0, "A"))
    await world.submit()
    world.engine.revoked([P0], world.pulse.clock())
    world.engine.assigned(Start(P0, 1, ""))
    later = tags(1, "B")
    assert later.record is not None
    world.engine.received(P0, [later.record], [later], world.pulse.clock())
    await world.submit()
    assert told(world.span(JOB))["outcome"] == "handed_over"
    assert world.span(JOB).status.status_code is StatusCode.UNSET


async def test_a_batch_whose_partitions_went_while_it_was_posted_ends_with_its_answer() -> None:
    world = World(tags(0, "A"))
    world.client.hold = asyncio.Event()
    submitting = asyncio.create_task(world.submit())
    await until(lambda: bool(world.client.bodies))
    world.engine.revoked([P0], world.pulse.clock())
    world.client.hold.set()
    await submitting
    assert told(world.span(JOB))["outcome"] == "handed_over"


async def test_what_is_under_way_at_the_end_is_handed_over_too() -> None:
    world = World(tags(0, "A"))
    await world.submit()
    await world.sending.close()
    await world.observer.close()
    assert told(world.span(JOB))["outcome"] == "unfinished"


async def test_a_post_that_was_cut_off_by_the_end_is_told() -> None:
    world = World(tags(0, "A"))
    world.client.hold = asyncio.Event()
    submitting = asyncio.create_task(world.submit())
    await until(lambda: bool(world.client.bodies))
    await world.sending.close()
    await world.observer.close()
    submitting.cancel()
    assert {told(span)["outcome"] for span in world.spans()} == {"unfinished"}


async def test_a_collector_that_never_answers_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_LIMIT", 0.01)
    let_go = threading.Event()

    class Stuck(SpanExporter):
        def shutdown(self) -> None:
            let_go.wait(30)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Stuck()))
    engine = Engine(bounds(), lambda: 0.5)
    try:
        async with asyncio.timeout(10):
            await Spans(provider, engine, group="g", api="http://api").close()
    finally:
        let_go.set()


async def test_confirmed_records_are_examples_of_their_trace() -> None:
    world = World(*(tags(n, f"d{n}") for n in range(2)), tags(2, "C"))
    await world.submit()
    await world.poll(world_done(3))
    found = world.observer.examples()
    context = world.span(JOB).context
    assert context is not None
    first, last = (event_time(n) for n in (0, 2))
    trace_id = f"{context.trace_id:032x}"
    assert sorted(found) == [("bulkSetTags", first, trace_id), ("bulkSetTags", last, trace_id)]
    assert list(world.observer.examples()) == []


def event_time(offset: int) -> int:
    return tags(offset).timestamp


async def test_a_trace_that_is_not_sampled_is_nobody_s_example() -> None:
    world = World(tags(0, "d0"), sampled=False)
    await world.submit()
    await world.poll(world_done(1))
    assert list(world.observer.examples()) == []
    assert world.spans() == []


async def test_nothing_that_names_a_device_a_tag_a_token_or_a_whole_request_is_in_a_span() -> None:
    world = World(tags(0, "user@example.com", values={"salary": "secret-value"}))
    world.client.post_answers = [Accepted("0123456789abcdef0123")]
    await world.submit()
    await world.poll(JobReport(JobState.UNFINISHED, "waiting for user@example.com"), JobUnknown("no", 404))
    await world.observer.close()
    everything = " ".join(span.to_json() for span in world.spans())
    for hidden in ('example.com"', "user@", "salary", "secret-value", "hush-token", "0123456789abcdef0123"):
        assert hidden not in everything, hidden
    assert "0123" in everything


async def test_headers_are_not_read_where_nothing_is_traced() -> None:
    world = World(sealed(0), sealed(1), watched=False)
    await world.submit()
    await world.poll()
    assert json.loads(world.client.bodies[0][1])["devices"]
    assert world.engine.assignments[P0].offsets.safe() == 2
    assert list(world.observer.examples()) == []
    await world.observer.close()


async def test_whatever_goes_wrong_in_tracing_is_told_and_keeps_no_batch_from_going() -> None:
    world = World(sealed(0))  # where it is traced they would be read
    observer = Guarded(world.observer, structlog.get_logger())
    world.sending._observer = observer
    with capture_logs() as lines:
        await world.submit()
        await world.poll()
    assert world.engine.assignments[P0].offsets.safe() == 1
    assert world.sending.failure == ""
    assert {line["event"] for line in lines} == {"tracing failed"}
    assert "AssertionError" in lines[0]["reason"]


async def test_the_guard_passes_all_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tags(0, "d0"))
    world.sending._observer = observer = Guarded(world.observer, structlog.get_logger())
    await world.submit()
    await world.poll(world_done(1))
    assert told(world.span(JOB))["outcome"] == "completed"
    assert len(observer.examples()) == 1

    async def broken() -> None:
        raise OSError("gone")

    monkeypatch.setattr(world.observer, "close", broken)
    with capture_logs() as lines:
        await observer.close()
    assert "OSError" in lines[0]["reason"]


@pytest.mark.parametrize(("given", "count"), [("3", 3), ("0", 0), ("", 128)])
async def test_links_are_bounded_by_the_standard_variable(
    monkeypatch: pytest.MonkeyPatch, given: str, count: int
) -> None:
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", given)
    world = World(*[carrying(n, traceparent(n + 1)) for n in range(10)], tags(10))
    assert cast("Any", world.observer)._most_links == count
    await world.submit()
    await world.poll()
    assert len(world.span(JOB).links) == min(count, 10)


async def test_every_attribute_is_documented() -> None:
    text = (Path(__file__).parents[3] / "deploy" / "TRACING.md").read_text(encoding="utf-8")
    world = World(tags(0, "d0"), tags(1, "B"))
    world.client.post_answers = [Refused("no", 400)]
    await world.submit()
    await world.submit()
    await world.poll(unfinished(), Unavailable("down"), world_done(1))
    attributes = {name for span in world.spans() for name in span.attributes or {}}
    polls = {name for span in world.spans() for event in span.events for name in event.attributes or {}}
    for name in attributes | polls:
        short = name.replace("pushwoosh.poll.", ".").replace("pushwoosh.job.progress", ".progress")
        assert f"`{name}`" in text or f"`{short}`" in text, name
