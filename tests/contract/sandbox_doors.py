"""Ways into a double of the Audience API: its states, those of simulated worlds, the app, a socket."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, Protocol

import httpx

from connector.model import Endpoint
from connector.sandbox.app import AudienceApp
from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import Faults, faults_from
from connector.sandbox.server import SandboxServer
from tests.clock import Clock
from tests.simulation.api import WatchedAudience


class CutError(Exception):
    """The connection ended without a whole reply."""


class Answer(NamedTuple):
    """One whole reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Call(Protocol):
    """Makes one HTTP call. Raises `CutError`."""

    async def __call__(self, method: str, path: str, body: bytes = b"") -> Answer: ...


class Api:
    """What a test sees of a double: POST, GET, and a clock. `audience` is there to switch faults."""

    def __init__(self, call: Call, audience: Audience, clock: Clock) -> None:
        self.call = call
        self.audience = audience
        self.clock = clock

    def faults(self, **faults: Any) -> None:
        self.audience.set_faults(faults_from(faults), self.clock.now)

    async def post(self, endpoint: Endpoint, *devices: dict[str, Any], **fields: Any) -> Answer:
        request = {"application": "APP", "auth": "TOKEN", "devices": devices, **fields}
        return await self.post_raw(endpoint, json.dumps(request).encode())

    async def post_raw(self, endpoint: Endpoint, body: bytes) -> Answer:
        return await self.call("POST", f"/api/v2/audience/{endpoint}", body)

    async def get(self, endpoint: Endpoint, request_id: str, detailed: str = "true") -> Answer:
        return await self.call("GET", f"/api/v2/audience/{endpoint}/{request_id}?detailed={detailed}")

    async def submit(self, endpoint: Endpoint, *devices: dict[str, Any], **fields: Any) -> str:
        answer = await self.post(endpoint, *devices, **fields)
        assert answer.status == 200, answer
        request_id: str = answer.json()["request_id"]
        return request_id

    async def report(self, endpoint: Endpoint, *devices: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Post devices and read the detailed report of their job, which must have ended."""
        answer = await self.get(endpoint, await self.submit(endpoint, *devices, **fields))
        assert answer.status == 200, answer
        report: dict[str, Any] = answer.json()
        return report


Door = Callable[[Clock], AbstractAsyncContextManager[Api]]


def _directly(audience: Audience, clock: Clock) -> Call:
    """Return calls as the application makes them."""

    async def call(method: str, path: str, body: bytes = b"") -> Answer:
        url = httpx.URL(path)
        name, _, request_id = url.path.removeprefix("/api/v2/audience/").partition("/")
        if method == "POST":
            reply = audience.post(Endpoint(name), body, clock.now)
        else:
            detailed = url.params.get("detailed") == "true"
            reply = audience.get(Endpoint(name), request_id, detailed, clock.now)
        if reply.cut:
            raise CutError
        return Answer(reply.status, reply.headers, reply.body)

    return call


@asynccontextmanager
async def in_process(clock: Clock) -> AsyncIterator[Api]:
    """The state machine itself."""
    audience = Audience(random.Random(1), now=clock.now)
    yield Api(_directly(audience, clock), audience, clock)


@asynccontextmanager
async def in_a_world(clock: Clock) -> AsyncIterator[Api]:
    """The simulation's, which watches each job; here for any application."""
    audience = WatchedAudience(random.Random(1), Faults(), clock.now, lambda *_: None, lambda _: None)
    audience.options = Options()
    yield Api(_directly(audience, clock), audience, clock)


def caller(client: httpx.AsyncClient) -> Call:
    async def call(method: str, path: str, body: bytes = b"") -> Answer:
        try:
            response = await client.request(method, path, content=body)
        except (httpx.TransportError, ConnectionResetError) as error:
            raise CutError from error
        return Answer(response.status_code, dict(response.headers), response.content)

    return call


@asynccontextmanager
async def over_asgi(clock: Clock) -> AsyncIterator[Api]:
    """The ASGI application, without a server."""
    app = AudienceApp(Audience(random.Random(1), now=clock.now), clock)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield Api(caller(client), app.audience, clock)


@asynccontextmanager
async def over_sockets(clock: Clock) -> AsyncIterator[Api]:
    """A server on a free port."""
    async with (
        SandboxServer(seed=1, clock=clock) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        yield Api(caller(client), server.audience, clock)


DOORS: dict[str, Door] = {
    "in-process": in_process,
    "simulation": in_a_world,
    "asgi": over_asgi,
    "sockets": over_sockets,
}
