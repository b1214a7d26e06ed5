"""A runner between fakes of Kafka and of the API."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector import parts
from connector import runner as module
from connector.config import Settings
from connector.model import Fetched, Record, Start, TopicPartition
from connector.process import OwnProcess
from connector.runner import Runner
from tests.settings import with_environment
from tests.unit.core.builders import record
from tests.unit.fakes import FakeClient, FakeLetters, FakeSource

TAGS = TopicPartition("tags", 0)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def process_as_it_was() -> Iterator[None]:
    """A runner takes over the process that it is in, which is the tests' here.

    What it asks of the garbage collector is left out: the heap of all tests together takes 0.2 s each time
    that it is looked at, and who thaws what a runner froze thaws all that was frozen before it.
    """
    thresholds = gc.get_threshold()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gc, "collect", lambda: 0)
            patch.setattr(gc, "freeze", lambda: None)
            yield
    finally:
        gc.set_threshold(*thresholds)
        for number, handler in handlers.items():
            signal.signal(number, handler)


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
        self._process = OwnProcess()
        self.runner = Runner(settings(**more), self._process, until_end=until_end)
        self.engine = self.runner._engine
        self.source.listener = self.runner._reporting._rebalancing
        self.source.starts = [Start(TAGS, 0, "")]
        self.source.ends = {TAGS: end}

    async def run(self) -> int:
        with process_as_it_was():
            try:
                async with asyncio.timeout(30):
                    return await self.runner.run()
            finally:
                self._process.finish()

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


class Listening:
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
