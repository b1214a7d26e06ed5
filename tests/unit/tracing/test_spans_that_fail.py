"""Spans of what came to nothing, and tracing that goes wrong itself."""

from __future__ import annotations

import asyncio
import threading

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from connector.answers import (
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Unavailable,
)
from connector.core.engine import Engine
from connector.model import Cause, Start
from connector.tracing import spans as module
from connector.tracing.guard import Guarded
from connector.tracing.spans import Spans
from tests.unit.core.builders import P0, tags
from tests.unit.core.builders import limits as bounds
from tests.unit.fakes import until
from tests.unit.tracing.records import carrying, sealed, traceparent
from tests.unit.tracing.tracing_world import JOB, POST, World, told, world_done


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
