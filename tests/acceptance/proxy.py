"""A TCP proxy between the connector and the API that refuses or cuts connections when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Proxy:
    """Relays to `target` on loopback. Its loop runs in a thread of its own.

    `cut_requests` and `cut_replies` are the shares of pieces (at most 64 KiB, mostly a whole small
    message) of which only the first half passes before both connections are reset.
    """

    def __init__(self, target: int, seed: int = 1) -> None:
        self._target = target
        self._dice = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[Any]] = set()
        self.port = 0
        self.cut_requests = 0.0
        self.cut_replies = 0.0
        self.requests_cut = 0
        self.replies_cut = 0
        self._thread.start()
        self.listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._wait(self._listen())

    def refuse(self) -> None:
        """Reset what is open; from now on a connection is refused."""
        self._wait(self._refuse())

    def stop(self) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, there[1])
        self._writers.update(both)
        relays = [
            asyncio.create_task(self._relay(reader, there[1], both, from_client=True)),
            asyncio.create_task(self._relay(there[0], writer, both, from_client=False)),
        ]
        self._relays.update(relays)
        await asyncio.wait(relays)
        self._relays.difference_update(relays)
        self._writers.difference_update(both)

    async def _relay(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        from_client: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(1 << 16):
                if self._cuts(from_client=from_client):
                    sink.write(piece[: len(piece) // 2])
                    await sink.drain()
                    await asyncio.sleep(0)
                    break
                sink.write(piece)
                await sink.drain()
        for writer in both:
            writer.transport.abort()

    def _cuts(self, *, from_client: bool) -> bool:
        share = self.cut_requests if from_client else self.cut_replies
        cut = self._dice.random() < share
        self.requests_cut += cut and from_client
        self.replies_cut += cut and not from_client
        return cut


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy that listens, until the end of the block."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.stop()
