"""The process: it starts its parts, has actions carried out, ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector import parts
from connector import runner as module
from connector.config import Settings
from connector.kafka.troubles import Trouble
from connector.model import Denied, Fetched, Record, Start, TopicPartition, Unavailable
from connector.ops.admin import AdminServer
from connector.runner import Runner
from tests.settings import with_environment
from tests.unit.core.builders import record
from tests.unit.fakes import FakeClient, FakeLetters, FakeSource, until

TAGS = TopicPartition("tags", 0)


@pytest.fixture(autouse=True)
def _leave_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A runner configures the garbage collector of its process."""
    thresholds = gc.get_threshold()
    monkeypatch.setattr(gc, "collect", lambda: 0)  # the heap of all tests together takes 0.1 s
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def settings(**more: str) -> Settings:
    quick = {
        "CONNECTOR_ADMIN_HOST": "127.0.0.1",
        "CONNECTOR_ADMIN_PORT": "0",
        "CONNECTOR_BATCH_LINGER": "1ms",
        "CONNECTOR_LOG_SUMMARY_INTERVAL": "0s",
    }
    return with_environment(**quick | more)


def records(*offsets: int, value: Any = None) -> Fetched:
    found: list[Record] = []
    for offset in offsets:
        content = {"hwid": f"d{offset}", "tags": {"a": 1}} if value is None else value
        found.append(record(offset, content, TAGS))
    return Fetched(TAGS, found, None)


class NoServer:
    """Admin endpoints that listen nowhere: uvicorn takes 0.2 s to stop."""

    port = 1

    def __init__(self, *_: object) -> None:
        pass

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


class Process:
    """A runner between fakes of Kafka and of the API; with `admin` its endpoints can be asked."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *fetches: Fetched,
        until_end: bool = True,
        end: int = 0,
        admin: bool = False,
        **more: str,
    ) -> None:
        if not admin:
            monkeypatch.setattr(module, "AdminServer", NoServer)
        self.source = FakeSource(*[[each] for each in fetches])
        self.letters = FakeLetters(self.source)
        self.client = FakeClient()
        monkeypatch.setattr(parts, "source", lambda *_: self.source)
        monkeypatch.setattr(parts, "dead_letters", lambda *_: self.letters)
        monkeypatch.setattr(parts, "audience_client", lambda *_: self.client)
        self.runner = Runner(settings(**more), until_end=until_end)
        self.engine = self.runner._engine
        self.source.listener = self.runner._consuming
        self.source.starts = [Start(TAGS, 0, "")]
        self.source.ends = {TAGS: end}

    async def run(self) -> int:
        async with asyncio.timeout(30):
            return await self.runner.run()

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        """Run beside the test; at the end it must have ended by itself."""
        task = asyncio.create_task(self.run())
        try:
            yield task
        finally:
            await asyncio.wait([task], timeout=20)
            assert task.done()

    @property
    def position(self) -> int:
        return self.source.committed[TAGS].offset if TAGS in self.source.committed else -1


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
    process = Process(monkeypatch, end=0)
    assert await process.run() == 0
    assert process.client.bodies == []


async def test_until_the_end_letters_are_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), records(1, value="no event"), end=2)
    assert await process.run() == 0
    assert [letter.record.offset() for letter in process.letters.written] == [1]
    assert process.position == 2


async def test_its_last_line_counts_what_was_settled_last(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0, value="no event"), end=1)
    told = _Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    assert await process.run() == 0
    assert told.lines[-1] == ("stopped", {"dead_letter": 1})


async def test_a_spare_instance_leaves_the_end_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOBODY_ELSE", 0.0)
    process = Process(monkeypatch)
    process.source.starts = []
    assert await process.run() == 0


async def test_an_instance_that_has_not_joined_is_no_spare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOBODY_ELSE", 0.0)
    process = Process(monkeypatch)
    process.source.starts = []
    process.source.joined = False
    async with process.running() as task:
        await until(lambda: process.runner._heartbeat.health().ok)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not task.done()
        process.source.joined = True
        process.runner._pulse.ring()


async def test_records_that_were_lost_before_the_end_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, end=5)
    trouble = Trouble("data_loss", "tags/0", "gone", "lengthen retention", blocking=True)
    process.runner._consuming.trouble(trouble)
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
    monkeypatch.setattr("connector.consuming.HAND_OVER_LIMIT", 0.01)
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
    closing = process.engine.gate.closing
    assert (closing.cause, closing.message) == ("no_reply", "connection refused")
    errors = [error.what for error in process.runner._errors.newest_first()]
    assert errors == ["destination down: connection refused"]


# -- signals -----------------------------------------------------------------------------------------


async def test_a_signal_stops_it_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0, 1), until_end=False)
    process.client.hold = asyncio.Event()
    async with process.running() as task:
        await until(lambda: bool(process.client.bodies))
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: process.engine.stopping)
        process.client.hold.set()
    assert task.result() == 0
    assert process.position == 2
    assert process.source.closed


async def test_a_stop_does_not_wait_for_jobs_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0, 1), until_end=False, CONNECTOR_JOBS_STOP_TIMEOUT="0s")
    monkeypatch.setattr("connector.consuming.HAND_OVER_LIMIT", 0.01)
    process.client.hold = asyncio.Event()
    async with process.running() as task:
        await until(lambda: bool(process.client.bodies))
        os.kill(os.getpid(), signal.SIGINT)
    assert task.result() == 0
    assert process.position <= 0


async def test_a_stop_does_not_wait_for_letters_that_the_brake_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Process(
        monkeypatch,
        records(0, value="no event"),
        until_end=False,
        CONNECTOR_BRAKE_WINDOW="1",
        CONNECTOR_JOBS_STOP_TIMEOUT="1h",
    )
    async with process.running() as task:
        await until(lambda: bool(process.engine.halts.whole))
        os.kill(os.getpid(), signal.SIGTERM)
    assert task.result() == 0
    assert process.letters.written == []


async def test_a_second_signal_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), until_end=False)
    process.client.hold = asyncio.Event()
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    async with process.running():
        await until(lambda: bool(process.client.bodies))
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: process.engine.stopping)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: bool(left))
        process.client.hold.set()
    assert left == [1]


@pytest.mark.parametrize(("owned", "code"), [(False, 0), (True, 1)])
async def test_a_goodbye_that_kafka_does_not_answer_is_a_fault_only_for_who_owned_something(
    monkeypatch: pytest.MonkeyPatch, owned: bool, code: int
) -> None:
    process = Process(monkeypatch, until_end=False)
    process.source.starts = process.source.starts if owned else []
    silence = asyncio.Event()
    monkeypatch.setattr(process.source, "close", silence.wait)
    monkeypatch.setattr(module, "LEAVE_LIMIT", 0.0)
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    async with process.running():
        await until(lambda: bool(process.engine.assignments) == owned)
        process.runner.stop()
    silence.set()
    assert left == [code]


async def test_a_hangup_goes_on_after_the_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), end=1)
    process.engine.halt("brake", "too many", process.runner._pulse.clock())
    async with process.running():
        await until(lambda: process.source.listener is not None and bool(process.engine.assignments))
        os.kill(os.getpid(), signal.SIGHUP)
    assert process.position == 1


# -- the token ---------------------------------------------------------------------------------------


async def test_a_token_that_was_mended_ends_the_halt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "TOKEN_EVERY", 0.01)
    file = tmp_path / "token"
    file.write_text("wrong-token")
    process = Process(
        monkeypatch,
        records(0),
        end=1,
        CONNECTOR_PUSHWOOSH_TOKEN="",
        CONNECTOR_PUSHWOOSH_TOKEN_FILE=str(file),
    )
    process.client.post_answers = [Denied("unauthorized", "no such token", 401)]
    async with process.running():
        await until(lambda: bool(process.engine.halts.all()))
        file.write_text("right-token")
        while process.position < 1:
            process.runner._pulse.ring()  # when it wakes it looks at the file, else once a second
            await asyncio.sleep(0.001)
    assert [b"wrong-token" in body for _, body in process.client.bodies] == [True, False]


async def test_a_pause_by_the_admin_endpoint_submits_nothing_until_it_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = "swordfish-swordfish"
    process = Process(monkeypatch, end=3, admin=True, CONNECTOR_ADMIN_CONTROL_TOKEN=token)
    process.source.fetches = []
    asked: list[int] = []
    monkeypatch.setattr(AdminServer, "start", _noting_its_port(AdminServer.start, asked))
    told = _Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    async with process.running():
        await until(lambda: bool(asked) and process.source.joined)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{asked[0]}", headers={"Authorization": f"Bearer {token}"}
        ) as client:
            assert (await client.post("/pause")).json() == {"paused": True, "changed": True}
            process.source.fetches = [[records(0, 1, 2)]]
            await until(lambda: process.engine.dispatch.waiting == 3)
            status = (await client.get("/status.json")).json()
            assert status["state"] == "paused"
            assert token not in str(status)
            assert (await client.get("/readyz")).status_code == 200
            assert 'halted{cause="paused"} 1.0' in (await client.get("/metrics")).text
            assert process.client.bodies == []
            assert (await client.post("/resume")).json() == {"paused": False, "changed": True}
    assert process.position == 3
    assert told.events.count("paused") == told.events.count("going on") == 1


def _noting_its_port(start: Callable[[Any], Any], ports: list[int]) -> Callable[[Any], Any]:
    async def noted(server: Any) -> None:
        await start(server)
        ports.append(server.port)

    return noted


# -- what it tells ----------------------------------------------------------------------------------


async def test_unknown_platforms_are_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = TopicPartition("devices", 0)
    process = Process(monkeypatch, end=0, CONNECTOR_KAFKA_REGISTRATIONS_TOPICS="devices")
    content = {"hwid": "A", "push_token": "T", "platform": 99}
    found: list[Record] = [record(0, content, devices)]
    process.source.starts.append(Start(devices, 0, ""))
    process.source.ends[devices] = 1
    process.source.fetches = [[Fetched(devices, found, None)]]
    told = _Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    assert await process.run() == 0
    assert "unknown platform codes, sent as they are" in told.events


class _Listening:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]

    def __getattr__(self, _: str) -> Callable[..., None]:
        return self._tell

    def _tell(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))
