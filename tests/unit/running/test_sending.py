"""Requests to the API: one task each, and its answer always comes back as a fact."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from connector.answers import Unavailable
from connector.core.actions import Poll, Submit
from connector.core.engine import Engine
from connector.core.following.job import Job
from connector.core.reading.event import Event
from connector.credentials import Credentials, Token
from connector.model import Endpoint, Start
from connector.pulse import Clock, Pulse, fault
from connector.pushwoosh.client import AudienceClient
from connector.running.sending import Sending
from tests.settings import with_environment
from tests.unit.core.adopting import remembered
from tests.unit.core.builders import P0, P1, event_of, limits, record, registration, start, tags
from tests.unit.core.looking import all_halts, waiting_in
from tests.unit.fakes import FakeClient, until


class Desk:
    """A sending with its engine, its API and its token."""

    def __init__(self, *events: Event, **settings: str) -> None:
        self.client = FakeClient()
        self.pulse = Pulse(Engine(limits(linger=0.0, max_devices=2), lambda: 0.5), Clock())
        self.engine = self.pulse.engine
        self.token = Token("hush-token")
        given = with_environment(**settings).pushwoosh
        credentials = Credentials(self.token, {"OTHER-APP": Token("other-token")})
        self.may_still_send = True
        self.sending = Sending(
            self.pulse,
            cast("AudienceClient", self.client),
            given,
            credentials,
            may_still_send=lambda: self.may_still_send,
        )
        self.engine.assigned(start())
        records = [event.record for event in events if event.record is not None]
        self.engine.received(P0, records, events, self.pulse.clock())

    def step(self) -> None:
        """Carry out what the engine asks of the API."""
        for action in self.engine.plan(self.pulse.clock()):
            if isinstance(action, Submit):
                self.sending.submit(action)

    @property
    def body(self) -> Any:
        return json.loads(self.client.bodies[-1][1])

    def jobs(self) -> list[Job]:
        return [*self.engine.components.tracking.jobs.values()]


async def test_a_batch_is_posted_and_its_job_followed() -> None:
    desk = Desk(tags(0, "A", values={"a": 1}), tags(1, "B", "append", values={"l": ["x"]}))
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert desk.client.bodies[-1][0] is Endpoint.TAGS
    assert desk.body == {
        "application": "AAAAA-BBBBB",
        "auth": "hush-token",
        "create_missing_tags": False,
        "devices": [
            {"hwid": "A", "list_operator": "set", "tags": {"a": 1}},
            {"hwid": "B", "list_operator": "append", "tags": {"l": ["x"]}},
        ],
    }
    await desk.sending.close()
    assert desk.client.closed


async def test_merged_updates_are_sent_as_one_row() -> None:
    desk = Desk(tags(0, "A", values={"a": 1}), tags(1, "A", values={"b": 2}))
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert [device["tags"] for device in desk.body["devices"]] == [{"a": 1, "b": 2}]


async def test_registrations_do_not_ask_for_missing_tags_to_be_made() -> None:
    desk = Desk(registration(0), CONNECTOR_PUSHWOOSH_CREATE_MISSING_TAGS="true")
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert set(desk.body) == {"application", "auth", "devices"}


async def test_missing_tags_are_made_where_that_is_wished() -> None:
    desk = Desk(tags(0), CONNECTOR_PUSHWOOSH_CREATE_MISSING_TAGS="true")
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert desk.body["create_missing_tags"] is True


async def test_an_event_s_own_application_is_the_request_s() -> None:
    content = {"type": "tags", "hwid": "A", "tags": {"a": 1}, "application": "OTHER-APP"}
    desk = Desk(event_of(record(0, content)))
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert (desk.body["application"], desk.body["auth"]) == ("OTHER-APP", "other-token")
    assert desk.client.applications[0] == "OTHER-APP"


async def test_an_application_that_is_configured_no_more_is_never_sent_with_another_ones_token() -> None:
    content = {"type": "tags", "hwid": "A", "tags": {"a": 1}, "application": "GONE"}
    desk = Desk(event_of(record(0, content)))
    desk.step()
    await until(lambda: bool(desk.engine.components.halts.applications))
    assert desk.client.bodies == []
    assert [halt.cause for halt in all_halts(desk.engine.components.halts)] == ["unknown_application"]


async def test_a_client_that_breaks_gives_the_batch_back() -> None:
    desk = Desk(tags(0))
    desk.client.post_answers = [ValueError("broken")]
    desk.step()
    await until(lambda: not desk.engine.components.dispatch.posting)
    assert desk.engine.components.gate.closed_until is not None
    assert desk.engine.tally.resubmitted[Endpoint.TAGS] == 1
    assert waiting_in(desk.engine.components.dispatch) == 1


async def test_a_batch_whose_partition_went_before_it_was_written_is_not_sent() -> None:
    desk = Desk(tags(0, "A"), tags(1, "B"))
    desk.step()
    desk.engine.lost([P0], desk.pulse.clock())
    await until(lambda: not desk.engine.components.dispatch.posting)
    assert desk.client.bodies == []
    await desk.sending.close()


async def test_what_was_decided_before_a_standstill_is_sent_once_the_partitions_prove_to_be_ours() -> None:
    desk = Desk(tags(0, "A"), tags(1, "B"))
    desk.may_still_send = False
    desk.step()
    await until(lambda: not desk.engine.components.dispatch.posting)
    assert desk.client.bodies == []
    desk.may_still_send = True
    desk.step()
    await until(lambda: bool(desk.jobs()))
    assert len(desk.client.bodies) == 1
    await desk.sending.close()


async def test_a_batch_does_not_go_while_a_partition_that_came_meanwhile_tells_of_unfinished_jobs() -> None:
    """One of its devices may be in such a job; which devices these have, their records have to tell first."""
    desk = Desk(tags(0, "A"))
    desk.step()
    desk.engine.assigned(Start(P1, *remembered(0, {"J": [0]}, at=desk.pulse.clock())))
    await until(lambda: not desk.engine.components.dispatch.posting)
    assert desk.client.bodies == []
    adopted = tags(0, "A", partition=P1)
    assert adopted.record is not None
    desk.engine.received(P1, [adopted.record], [adopted], desk.pulse.clock())
    desk.step()
    assert not desk.engine.components.dispatch.posting, "the job has this device"
    await desk.sending.close()


async def test_an_answer_rings_the_bell() -> None:
    desk = Desk(tags(0))
    desk.step()
    async with asyncio.timeout(10):
        await desk.pulse.wait(60)
    assert desk.jobs()


async def polled(desk: Desk) -> Job:
    desk.step()
    await until(lambda: bool(desk.jobs()))
    (job,) = desk.jobs()
    return job


async def test_a_poll_brings_the_report() -> None:
    desk = Desk(tags(0))
    job = await polled(desk)
    job.polls.under_way = True
    desk.sending.poll(Poll(job, detailed=True))
    await until(lambda: not desk.jobs())
    assert desk.client.polls == [(Endpoint.TAGS, "request-1", True)]
    assert desk.engine.assignments[P0].offsets.safe() == 1


@pytest.mark.parametrize("answer", [Unavailable("down"), RuntimeError("broken")])
async def test_a_poll_that_came_to_nothing_is_made_again(answer: Unavailable | Exception) -> None:
    desk = Desk(tags(0))
    job = await polled(desk)
    job.polls.under_way = True
    desk.client.poll_answers = [answer]
    desk.sending.poll(Poll(job, detailed=True))
    await until(lambda: not job.polls.under_way)
    assert desk.jobs() == [job]
    assert desk.engine.components.gate.closed_until is not None


async def test_what_is_under_way_at_the_end_is_cancelled_and_tells_nothing() -> None:
    desk = Desk(tags(0))
    desk.client.hold = asyncio.Event()
    desk.step()
    await until(lambda: bool(desk.client.bodies))
    await desk.sending.close()
    assert len(desk.engine.components.dispatch.posting) == 1
    assert desk.sending.failure == ""


async def test_an_answer_that_cannot_be_taken_in_is_not_lost_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(tags(0, "user@example.com"))

    def broken(*_: object) -> None:
        raise KeyError("user@example.com")

    monkeypatch.setattr(desk.engine, "posted", broken)
    desk.step()
    await until(lambda: bool(desk.sending.failure))
    assert "KeyError" in desk.sending.failure
    assert "test_sending.py" in desk.sending.failure
    assert "example.com" not in desk.sending.failure


def test_a_fault_without_a_place_is_its_name() -> None:
    assert fault(ValueError("secret")) == "ValueError"


def test_a_clock_shows_the_time_and_never_goes_back() -> None:
    clock = Clock()
    assert clock() > 1_700_000_000
    assert clock() <= clock()


async def test_a_bell_that_was_rung_before_is_heard() -> None:
    desk = Desk()
    desk.pulse.ring()
    async with asyncio.timeout(10):
        await desk.pulse.wait(60)
        await desk.pulse.wait(-1)
