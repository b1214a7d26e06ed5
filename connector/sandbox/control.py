"""`/sandbox/`: what the sandbox knows, and its faults, over HTTP while it runs.

GET|PUT|PATCH /sandbox/faults     the faults in place; PATCH gives some anew, null takes one away
GET /sandbox/stats                counts and violations
GET /sandbox/devices              every device with its tags, one JSON object a line
GET /sandbox/journal              every device in order of application, one a line (if it is kept)
POST /sandbox/reset               forgets devices, jobs and counts; options and faults stay
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from connector.sandbox.audience import Audience
from connector.sandbox.faults import faults_from, patched

_ENCODER = msgspec.json.Encoder()
_LINES = 1000


def control_app(audience: Audience, clock: Callable[[], float]) -> Starlette:
    """Make the application that answers `/sandbox/`."""

    async def faults(request: Request) -> Response:
        if request.method in ("PUT", "PATCH"):
            try:
                given = msgspec.json.decode(await request.body())
                new = patched(audience.faults, given) if request.method == "PATCH" else faults_from(given)
            except ValueError as error:  # msgspec's errors are ValueErrors
                return _json({"message": str(error)}, 400)
            audience.set_faults(new, clock())
        return _json(audience.faults)

    async def stats(_: Request) -> Response:
        return _json(audience.stats(clock()))

    async def devices(_: Request) -> Response:
        return _lines(audience.known_devices(clock()))

    async def journal(_: Request) -> Response:
        audience.advance(clock())
        if not audience.options.journal:
            return _json({"message": "the journal is off"}, 404)
        return _lines(list(audience.journal))

    async def reset(_: Request) -> Response:
        audience.reset(clock())
        return _json({})

    return Starlette(
        routes=[
            Route("/sandbox/faults", faults, methods=["GET", "PUT", "PATCH"]),
            Route("/sandbox/stats", stats),
            Route("/sandbox/devices", devices),
            Route("/sandbox/journal", journal),
            Route("/sandbox/reset", reset, methods=["POST"]),
        ]
    )


def _json(plain: Any, status: int = 200) -> Response:
    return Response(_ENCODER.encode(plain), status, media_type="application/json")


def _lines(objects: Iterable[Any]) -> Response:
    """Stream objects as lines of JSON, so that a million of them is never one body."""

    async def chunks() -> AsyncIterator[bytes]:
        rest = iter(objects)
        while some := list(islice(rest, _LINES)):
            yield b"".join(_ENCODER.encode(one) + b"\n" for one in some)

    return StreamingResponse(chunks(), media_type="application/x-ndjson")
