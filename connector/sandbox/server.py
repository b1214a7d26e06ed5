"""The sandbox on a socket: inside a running event loop, or as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connector.sandbox.app import TRANSPORT, AudienceApp
from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import Faults

_KEEP_ALIVE = 120
"""Seconds an idle connection stays open: longer than clients keep theirs, so that only faults cut one."""
_BACKLOG = 2048


class _Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, which also hands its transport to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to whoever runs the event loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SandboxServer:
    """A sandbox on a port, inside the current event loop.

    Port 0 takes a free one. `stop` and a later `start` keep the port, the devices and the jobs:
    in between, connections are refused.

        async with SandboxServer(faults=Faults(latency=Latency(seconds=0.1))) as sandbox:
            ...  # sandbox.url, sandbox.audience
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        options: Options | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.audience = Audience(random.Random(seed), options, faults, clock())  # noqa: S311 (chance, no secret)
        self._app = AudienceApp(self.audience, clock)
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens; the port is known once it has started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        self._port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def stop(self) -> None:
        """Close the port and every connection; a reply on its way has a second."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
