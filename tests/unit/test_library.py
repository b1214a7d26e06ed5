"""What other programs import, and the examples that show them how."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import connector
import connector.testing
from connector import parts
from connector.embedding import Host
from connector.kafka.group.listener import Listener
from connector.model import Start, TopicPartition
from connector.pulse import Clock
from connector.settings import Settings
from tests.unit.fakes import FakeClient, FakeLetters, FakeSource, until

_ROOT = Path(__file__).parents[2]
_GUIDE = (_ROOT / "deploy" / "LIBRARY.md").read_text(encoding="utf-8")
_EMBED, _DECODER, _, _, _ENGINE = re.findall(r"```python\n(.*?)```", _GUIDE, re.DOTALL)


def executed(code: str) -> dict[str, Any]:
    module = ModuleType("example")
    exec(compile(code, "LIBRARY.md", "exec"), module.__dict__)  # noqa: S102 - our own guide
    return module.__dict__


def test_the_engine_of_the_guide_settles_its_record() -> None:
    assert executed(_ENGINE)["committed"]


def test_the_decoder_of_the_guide_passes_its_tests() -> None:
    found = executed(_DECODER)
    tests = [value for name, value in found.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    """Kafka and the API of whichever runner starts next."""
    made = FakeSource()
    made.starts = [Start(TopicPartition("device-tags", 0), 0, "")]

    def attached(_: Settings, listener: Listener, __: Clock) -> FakeSource:
        made.listener = listener
        return made

    monkeypatch.setattr(parts, "source", attached)
    monkeypatch.setattr(parts, "dead_letters", lambda *_: FakeLetters(made))
    monkeypatch.setattr(parts, "audience_client", lambda *_: FakeClient())
    return made


async def test_the_program_of_the_guide_runs_until_it_is_stopped(source: FakeSource) -> None:
    stopped = asyncio.Event()
    program = asyncio.create_task(executed(_EMBED)["main"](stopped))
    rounds = 0

    async def told() -> None:
        nonlocal rounds
        rounds += 1

    source.in_fetch = [told] * 3
    await until(lambda: rounds == 3)
    stopped.set()
    async with asyncio.timeout(30):
        await program
    assert source.closed


async def test_a_fault_is_told_to_the_program(
    source: FakeSource, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> object:
        raise RuntimeError("no end")

    monkeypatch.setattr(source, "end_offsets", broken)
    settings = connector.load(None, _environment())
    with pytest.raises(connector.ConnectorFailedError, match="no end"):
        await connector.Connector(settings, until_end=True).run()
    assert capsys.readouterr().out == ""


async def test_a_port_that_is_taken_is_told_to_the_program(source: FakeSource) -> None:
    assert not source.closed
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        settings = connector.load(None, _environment(CONNECTOR_ADMIN_PORT=str(port)))
        with pytest.raises(connector.ConnectorFailedError, match=f"port {port}"):
            await connector.Connector(settings).run()


async def test_a_cancelled_connector_leaves_in_order(source: FakeSource) -> None:
    embedded = connector.Connector(connector.load(None, _environment()))
    source.joined = False
    assert embedded.status().state == "starting"  # before it runs there is something to see too
    source.joined = True
    running = asyncio.create_task(embedded.run())
    await until(lambda: embedded.admin_port != 0 and embedded._runner._heartbeat.health().ok)
    assert embedded.status().group == "pushwoosh-connector"
    embedded.release()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert source.closed


async def test_a_second_run_is_refused_and_the_first_goes_on(source: FakeSource) -> None:
    embedded = connector.Connector(connector.load(None, _environment()))
    running = asyncio.create_task(embedded.run())
    await until(lambda: embedded.admin_port != 0 and embedded._runner._heartbeat.health().ok)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="make another one"):
            await embedded.run()
    assert not running.done()
    embedded.stop()
    await running
    assert source.closed
    with pytest.raises(RuntimeError, match="make another one"):
        await embedded.run()


def test_a_guest_never_ends_the_process_it_is_in() -> None:
    host = Host()
    with pytest.raises(connector.ConnectorFailedError):
        host.abandon(1)
    host.abandon(0)  # nothing was owned: no fault


def _environment(**more: str) -> dict[str, str]:
    return {
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
        "CONNECTOR_KAFKA_TAGS_TOPICS": "device-tags",
        "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": "dead",
        "CONNECTOR_PUSHWOOSH_APPLICATION": "AAAAA-BBBBB",
        "CONNECTOR_PUSHWOOSH_TOKEN": "hush-token",
        "CONNECTOR_ADMIN_HOST": "127.0.0.1",
        "CONNECTOR_ADMIN_PORT": "0",
        **more,
    }


# -- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", connector.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    assert getattr(connector, name) is not None
    assert name in dir(connector)


def test_every_name_is_there_for_type_checkers_too() -> None:
    text = Path(connector.__file__).read_text(encoding="utf-8")
    told = set(re.findall(r"^    from [\w.]+ import (\w+) as \1$", text, re.MULTILINE))
    assert told == {*connector.__all__} - {"__version__"}


def test_the_guide_names_all_that_stays() -> None:
    words = set(re.findall(r"\w+", _GUIDE))
    assert {*connector.__all__} - {"__version__"} - words == set()
    assert {*connector.testing.__all__} <= words


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = connector.nothing_like_it  # type: ignore[attr-defined]  # which is the point


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, connector; print(*(m for m in sys.modules if m.startswith('connector.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
