"""A tiny server that does to its sockets whatever a test wants."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

from connector.model import Endpoint
from connector.pushwoosh.client import AudienceClient, CallLimits

ACCEPTED = b'{"request_id":"r-1","status":"Pending"}'
REPORT = b'{"status":"Completed","devices":[{"hwid":"A","status":"done"}]}'


@dataclass
class Request:
    """What arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def reply(
    body: bytes = ACCEPTED, status: str = "200 OK", *, headers: str = "", claim: int | None = None
) -> bytes:
    """Write a reply; `claim` is a Content-Length that isn't true."""
    length = len(body) if claim is None else claim
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n".encode() + body


def answering(*replies: bytes) -> Behaviour:
    """Answer with each of the replies in turn, the last one for ever."""
    left = list(replies)

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return behave


@dataclass
class Server:
    """A server whose every request meets one behaviour."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0
    port: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self.behave(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            self.left.set()
            self._tasks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (entry.split(": ", 1) for entry in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line, headers, body)


Seen = list[tuple[Endpoint, str, int]]
Make = Callable[..., AudienceClient]
QUICK = CallLimits(connect=2, silence=5, total=10, connections=4)
