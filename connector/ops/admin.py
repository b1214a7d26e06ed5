"""The admin endpoints: `/metrics`, `/livez`, `/readyz`, `/status`, `/status.json`, and those of `commands`.

All but the latter only read. They are served in the runner's own event loop, so a loop that is blocked
answers no probe: `Heartbeat` says what `/livez` can see by itself and what it leaves to the probe's time
limit.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import hashlib
import socket
from collections.abc import Generator
from importlib import resources
from typing import NamedTuple

import msgspec
import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.ops.commands import Commands, routes
from connector.ops.privacy import Mask, anonymous, deep
from connector.ops.status import Health, StatusProvider

_STOP_LIMIT = 2
"""Seconds that open connections get at the end."""
_MOST_CONNECTIONS = 100
"""More at once are answered 503: a flood of scrapes must not eat the memory of the process."""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class AdminUnavailableError(Exception):
    """The admin endpoints can't be served; the text says why and what to set."""


class StatusPage(NamedTuple):
    """The one HTML page, and the policy by which a browser runs its own script and nothing else."""

    html: str
    policy: str


def status_page() -> StatusPage:
    """Put the page together from its three files: nothing is loaded from elsewhere."""
    parts = resources.files(__package__).joinpath("page")
    html = parts.joinpath("page.html").read_text(encoding="utf-8")
    sources = []
    for element, file in (("style", "page.css"), ("script", "page.js")):
        text = parts.joinpath(file).read_text(encoding="utf-8")
        html = html.replace(f"<{element}></{element}>", f"<{element}>{text}</{element}>")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        sources.append(f"{element}-src 'sha256-{digest}'")
    policy = (
        f"default-src 'none'; {'; '.join(sources)}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return StatusPage(html, policy)


def application(
    provider: StatusProvider, registry: CollectorRegistry, mask: Mask, control: Commands | None = None
) -> Starlette:
    """Return the ASGI application; `mask` hides what the provider should have hidden already.

    `control`: who carries out commands; None where none are taken.
    """
    page = status_page()

    def json(value: object, status: int = 200) -> Response:
        body = deep(msgspec.to_builtins(value), lambda text: mask(anonymous(text)))
        return Response(msgspec.json.encode(body), status, _HEADERS, "application/json")

    def probe(health: Health) -> Response:
        return json(health, 200 if health.ok else 503)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={**_HEADERS, "Content-Type": content_type})

    async def livez(_: Request) -> Response:
        # After a suspension of the process the loops haven't run yet: let them, then judge.
        await asyncio.sleep(0)
        return probe(provider.live())

    async def readyz(_: Request) -> Response:
        return probe(provider.ready())

    async def status_json(_: Request) -> Response:
        return json(provider.status())

    async def status(_: Request) -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": page.policy, "Cache-Control": "no-cache"}
        return Response(page.html, headers=headers, media_type="text/html")

    async def home(_: Request) -> Response:
        return RedirectResponse("status")

    return Starlette(
        routes=[
            Route("/", home),
            Route("/metrics", metrics),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/status.json", status_json),
            *(routes(control, json) if control is not None else ()),
        ]
    )


class _Server(uvicorn.Server):
    """Leaves signals alone: stopping in order is the runner's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class AdminServer:
    """Serves the admin endpoints on the running loop. Port 0 takes a free one; `port` says which."""

    def __init__(
        self,
        host: str,
        port: int,
        provider: StatusProvider,
        registry: CollectorRegistry,
        mask: Mask | None = None,
        control: Commands | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._application = application(provider, registry, mask or Mask(), control)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises AdminUnavailableError where the port is taken or the address isn't ours."""
        listening = _listen(self.host, self.port)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_LIMIT,
        )
        self._server = server = _Server(config)
        self._serving = asyncio.create_task(server.serve(sockets=[listening]), name="admin")
        while not server.started:  # uvicorn has no event for it
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Stop listening; requests that are being answered get a moment. May be called twice."""
        server, serving = self._server, self._serving
        self._server = self._serving = None
        if server is not None and serving is not None:
            server.should_exit = True
            await serving


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything else, so that a taken port is an error with words and not an exit."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        listening = socket.create_server(address, family=family)
    except OSError as error:
        why = "it is taken" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise AdminUnavailableError(
            f"can't serve /metrics and the probes on {host} port {port}: {why}; "
            "set admin.host and admin.port (CONNECTOR_ADMIN_HOST, CONNECTOR_ADMIN_PORT)"
        ) from error
    listening.setblocking(False)
    return listening
