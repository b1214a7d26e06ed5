"""What the process is told while it runs: by signals, by a new token, by its admin endpoints."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector import runner as module
from connector.answers import Denied
from connector.model import Cause
from connector.ops.admin import AdminServer
from tests.unit.core.looking import all_halts, waiting_in
from tests.unit.fakes import until
from tests.unit.running_process import Listening, Process, records

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
    monkeypatch.setattr("connector.running.handing_over.HAND_OVER_LIMIT", 0.01)
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
        await until(lambda: bool(process.engine.components.halts.of_instance))
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


async def test_who_leaves_because_kafka_never_answers_says_why_before_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Process(monkeypatch, until_end=False)
    silence = asyncio.Event()
    monkeypatch.setattr(process.source, "close", silence.wait)
    monkeypatch.setattr(module, "LEAVE_LIMIT", 0.0)
    told = Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    told_by_then: list[list[tuple[str, dict[str, object]]]] = []
    monkeypatch.setattr(os, "_exit", lambda _: told_by_then.append(list(told.lines)))
    async with process.running():
        await until(lambda: bool(process.engine.assignments))
        process.runner._consuming.fail("Kafka's client does not answer")
        process.runner._pulse.ring()
    silence.set()
    assert ("failed", {"reason": "Kafka's client does not answer"}) in told_by_then[0]


@pytest.mark.parametrize("doubt", ["standstill", "wedged"])
async def test_gauges_leave_out_partitions_while_others_may_have_them(
    monkeypatch: pytest.MonkeyPatch, doubt: str
) -> None:
    process = Process(monkeypatch, until_end=False)
    async with process.running():
        await until(lambda: bool(process.engine.assignments))
        runner = process.runner
        assert runner._view.snapshot().partitions
        if doubt == "standstill":
            runner._membership.standstills += 1
        else:
            runner._consuming.wedged._answers = 1
        assert not runner._view.snapshot().partitions
        assert runner.status().partitions, "the page shows what it has"
        runner.stop()


async def test_a_hangup_goes_on_after_the_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), end=1)
    process.engine.halt(Cause.BRAKE, "too many", process.runner._pulse.clock())
    told = Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    async with process.running():
        await until(lambda: process.source.listener is not None and bool(process.engine.assignments))
        os.kill(os.getpid(), signal.SIGHUP)
    assert process.position == 1
    assert told.events.count("going on as told") == 1


async def test_a_hangup_of_one_that_is_not_halted_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch, records(0), end=1)
    told = Listening()
    monkeypatch.setattr(process.runner, "_log", told)
    async with process.running():
        await until(lambda: process.source.listener is not None and bool(process.engine.assignments))
        os.kill(os.getpid(), signal.SIGHUP)
    assert "going on as told" not in told.events


# -- the token ---------------------------------------------------------------------------------------


def _woken(process: Process) -> Process:
    """Wake it: then it looks at the file of the token, else once a second."""
    process.runner._pulse.ring()
    return process


async def test_a_token_that_was_mended_ends_the_halt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    file = tmp_path / "token"
    file.write_text("wrong-token")
    process = Process(
        monkeypatch,
        records(0),
        end=1,
        CONNECTOR_PUSHWOOSH_TOKEN="",
        CONNECTOR_PUSHWOOSH_TOKEN_FILE=str(file),
    )
    process.client.post_answers = [Denied(Cause.UNAUTHORIZED, "no such token", 401)]
    async with process.running():
        await until(lambda: bool(all_halts(process.engine.components.halts)))
        file.write_text("right-token")
        await until(lambda: _woken(process).position == 1)
    assert [b"wrong-token" in body for _, body in process.client.bodies] == [True, False]


async def test_a_pause_by_the_admin_endpoint_submits_nothing_until_it_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = "swordfish-swordfish"
    process = Process(monkeypatch, end=3, admin=True, CONNECTOR_ADMIN_CONTROL_TOKEN=token)
    process.source.fetches = []
    asked: list[int] = []
    monkeypatch.setattr(AdminServer, "start", _noting_its_port(AdminServer.start, asked))
    told = Listening()
    monkeypatch.setattr(process.runner._reporting, "_log", told)
    async with process.running():
        await until(lambda: bool(asked) and process.source.joined)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{asked[0]}", headers={"Authorization": f"Bearer {token}"}
        ) as client:
            assert (await client.post("/pause")).json() == {"paused": True, "changed": True}
            process.source.fetches = [[records(0, 1, 2)]]
            await until(lambda: waiting_in(process.engine.components.dispatch) == 3)
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
