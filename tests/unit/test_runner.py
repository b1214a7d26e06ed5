"""The process: it starts its parts, has actions carried out, and ends when everything is done or broken."""

from __future__ import annotations

import asyncio
import socket

import pytest

from connector import runner as module
from connector.answers import Unavailable
from connector.kafka.troubles import Trouble
from connector.model import Fetched, Record, Start, TopicPartition
from tests.unit.core.builders import record
from tests.unit.running_process import Listening, Process, records

# -- until the end -----------------------------------------------------------------------------------


async def test_until_the_end_everything_is_confirmed_committed_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Process(monkeypatch, records(0, 1, 2), records(3, 4, 5), end=5)
    assert await process.run() == 0
    assert process.position == 5
    assert process.source.closed
    assert process.client.closed


async def test_until_the_end_of_nothing_is_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT", 3600.0)
    process = Process(monkeypatch, end=0)
    async with asyncio.timeout(20):
        assert await process.run() == 0
    assert process.client.bodies == []


async def test_until_the_end_letters_are_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), records(1, value="no event"), end=2)
    assert await process.run() == 0
    assert [letter.record.offset() for letter in process.letters.written] == [1]
    assert process.position == 2


async def test_its_last_line_counts_what_was_settled_last(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0, value="no event"), end=1)
    told = Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    assert await process.run() == 0
    assert told.lines[-1] == ("stopped", {"dead_letter": 1})


async def test_records_that_were_lost_before_the_end_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, end=5)
    trouble = Trouble("data_loss", "tags/0", "gone", "lengthen retention", blocking=True)
    process.runner._incidents.tell(trouble)
    assert await process.run() == 1


# -- faults ------------------------------------------------------------------------------------------


async def test_a_failure_of_the_consumer_ends_it_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, until_end=False)
    process.runner._consuming.failure = "Kafka: it is over"
    assert await process.run() == 1
    assert process.source.closed


async def test_an_answer_that_cannot_be_taken_in_ends_it_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), until_end=False)

    def broken(*_: object) -> None:
        raise KeyError("d0")

    monkeypatch.setattr(process.engine, "posted", broken)
    monkeypatch.setattr("connector.running.handing_over.HAND_OVER_LIMIT", 0.01)
    assert await process.run() == 1


async def test_an_admin_port_that_is_taken_ends_it_with_1_before_it_touches_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = Process(monkeypatch, admin=True, CONNECTOR_ADMIN_PORT=str(taken.getsockname()[1]))
        assert await process.run() == 1
    assert process.engine.assignments == {}
    assert not process.source.closed


async def test_an_outage_is_told_once_and_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), end=1)
    process.client.post_answers = [Unavailable("connection refused")]
    assert await process.run() == 0
    assert process.position == 1
    closing = process.engine.components.gate.closing
    assert (closing.cause, closing.message) == ("no_reply", "connection refused")
    errors = [error.what for error in process.runner._errors.newest_first()]
    assert errors == ["the API is down: connection refused"]


# -- what it tells ----------------------------------------------------------------------------------


async def test_unknown_platforms_are_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = TopicPartition("devices", 0)
    process = Process(monkeypatch, end=0, CONNECTOR_KAFKA_REGISTRATIONS_TOPICS="devices")
    content = {"hwid": "A", "push_token": "T", "platform": 99}
    found: list[Record] = [record(0, content, devices)]
    process.source.starts.append(Start(devices, 0, ""))
    process.source.ends[devices] = 1
    process.source.fetches = [[Fetched(devices, found, None)]]
    told = Listening()
    monkeypatch.setattr(process.runner._reporting, "_log", told)
    assert await process.run() == 0
    assert "unknown platform codes, sent as they are" in told.events
