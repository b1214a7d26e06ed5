"""`POST /pause` and `POST /resume`: all requests that change anything, for whoever has the control token.

`Authorization: Bearer TOKEN` (RFC 6750); any other is 401. Giving a command twice is no mistake: the
answer says whether it changed anything. Without a control token these paths don't exist (404).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_REFUSAL = "this takes admin.control_token, in the header of RFC 6750: see `curl` in the operator's guide"


class Commands(Protocol):
    """What the endpoints ask of `connector.running.control`; `by` is the address of who asked."""

    def allows(self, given: str) -> bool: ...
    def refused(self, command: str, by: str) -> None: ...
    def pause(self, by: str) -> bool: ...
    def resume(self, by: str) -> bool: ...


def routes(commands: Commands, json: Callable[[Any, int], Response]) -> list[Route]:
    """Return the paths; `json` makes an answer of a value and a status."""

    def path(name: str, carry_out: Callable[[str], bool], *, paused: bool) -> Route:
        async def command(request: Request) -> Response:
            by = request.client.host if request.client else "unknown"
            if not commands.allows(_bearer(request)):
                commands.refused(name, by)
                answer = json({"message": _REFUSAL}, 401)
                answer.headers["WWW-Authenticate"] = "Bearer"
                return answer
            return json({"paused": paused, "changed": carry_out(by)}, 200)

        return Route(f"/{name}", command, methods=["POST"])

    return [path("pause", commands.pause, paused=True), path("resume", commands.resume, paused=False)]


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
