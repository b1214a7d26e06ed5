"""The spans of batches and jobs, as an exporter gets them: the real engine, the real sending, a fake API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from connector.answers import (
    Accepted,
    JobReport,
    JobState,
    JobUnknown,
    Refused,
    Row,
    Unavailable,
)
from connector.model import Start
from tests.unit.core.adopting import remembered
from tests.unit.core.builders import P0, tags, unfinished
from tests.unit.tracing.records import carrying, sealed, traceparent
from tests.unit.tracing.tracing_world import JOB, POST, World, told, world_done


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


async def test_a_job_of_an_earlier_owner_is_a_span_without_a_post() -> None:
    world = World(carrying(0, traceparent(7)), start=Start(P0, *remembered(0, {"J": [0]})))
    await world.poll(world_done(1))
    assert told(world.span(JOB))["job.adopted"] is True
    assert [link.context.span_id for link in world.span(JOB).links] == [7]
    assert [span.name for span in world.spans()] == [JOB]


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
