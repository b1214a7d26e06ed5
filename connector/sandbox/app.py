"""The sandbox as an ASGI application: the API's two endpoints, and `/sandbox/` to control it.

The API's calls are answered by hand, because routing them costs more than answering them.
Where the server puts its transport into the scope (`TRANSPORT`), a reply that shall not
arrive ends the connection; without one (`httpx.ASGITransport`) a `ConnectionResetError` is raised.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from connector.model import Endpoint
from connector.sandbox.audience import Audience
from connector.sandbox.control import control_app
from connector.sandbox.replies import Reply, json_reply

TRANSPORT = "connector.sandbox.transport"
"""The ASGI extension whose `transport` is the connection's `asyncio.Transport`."""

_API = "/api/v2/audience/"
_ENDPOINTS: Mapping[str, Endpoint] = {endpoint.value: endpoint for endpoint in Endpoint}
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST
_FLUSH_ROUNDS = 100


class AudienceApp:
    """ASGI application around an `Audience`; `clock` gives the time, in seconds since the epoch."""

    def __init__(self, audience: Audience, clock: Callable[[], float] = time.time) -> None:
        self.audience = audience
        self._clock = clock
        self._control = control_app(audience, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox"):
            await self._control(scope, receive, send)
            return
        reply = await self._answer(scope, receive)
        if reply is None:
            return
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.cut:
            await _cut(reply, scope, receive, send)
        else:
            await _send_head(reply, send)
            await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply | None:
        """Answer a call of the API; None where its client went away before it had asked."""
        path: str = scope["path"]
        name, _, request_id = path.removeprefix(_API).partition("/")
        endpoint = _ENDPOINTS.get(name)
        if endpoint is None or not path.startswith(_API):
            return json_reply(404, {"message": "not found"})
        if request_id and scope["method"] == "GET":
            detailed = b"detailed=true" in scope["query_string"].split(b"&")
            return self.audience.get(endpoint, request_id, detailed, self._clock())
        if not request_id and scope["method"] == "POST":
            body = await _read(receive)
            return None if body is None else self.audience.post(endpoint, body, self._clock())
        return json_reply(405, {"message": "method not allowed"})


async def _read(receive: Receive) -> bytes | None:
    """Read a whole body; None where the connection ended in the middle of it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send_head(reply: Reply, send: Send) -> None:
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _cut(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """End the connection without the reply, or in the middle of it."""
    transport: Any = scope.get("extensions", {}).get(TRANSPORT, {}).get("transport")
    if reply.cut == "reset":
        await _send_head(reply, send)
        half = reply.body[: len(reply.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    if transport is None:
        raise ConnectionResetError("the sandbox cut the connection, as its faults say")
    if reply.cut == "reset":
        await _flush(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # until the server has noticed: it must not answer in our place


async def _flush(transport: asyncio.Transport) -> None:
    """Give the event loop a bounded number of turns to write what is buffered."""
    for _ in range(_FLUSH_ROUNDS):
        await asyncio.sleep(0)
        if not transport.get_write_buffer_size():
            return
