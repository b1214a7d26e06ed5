"""Every reply of the sandbox but a job's report: the published shapes, and a gateway's."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import Any, Literal, NamedTuple

import msgspec

from connector.model import Endpoint
from connector.sandbox.fault_rules import OddReply, Outage, RateLimit, Unauthorized, UnknownApplication
from connector.sandbox.triggers import Triggers

_ENCODER = msgspec.json.Encoder()
_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


class Reply(NamedTuple):
    """The answer to one call. `delay` (seconds) holds it back.

    `cut` says that it never arrives: `lost`, the connection is closed without a byte of it;
    `reset`, half of it is sent.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    delay: float = 0.0
    cut: Literal["", "lost", "reset"] = ""


def json_reply(status: int, plain: Any, **headers: str) -> Reply:
    """Make a reply of JSON; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": _JSON, **named}, _ENCODER.encode(plain))


def accepted(request_id: str) -> Reply:
    """Answer a POST that made a job (published shape)."""
    return json_reply(200, {"request_id": request_id, "status": "Pending"})


def invalid_request(reason: str) -> Reply:
    """The published refusal; the header says what the API would not."""
    plain = reason.encode("ascii", "replace").decode("ascii")
    return json_reply(400, {"message": "invalid request"}, x_sandbox_reason=plain.replace("\n", " "))


def unauthorized(status: int = 401) -> Reply:
    """Refuse credentials; 401, and 200 with an envelope around it, are worded as on sibling endpoints."""
    if status == 200:  # noqa: PLR2004 (HTTP)
        return json_reply(200, {"status_code": 401, "status_message": "unauthorized", "response": None})
    return json_reply(status, {"message": "unauthorized" if status == 401 else "forbidden"})  # noqa: PLR2004 (HTTP)


def unknown_application() -> Reply:
    """Refuse an application, worded as on sibling endpoints."""
    return json_reply(400, {"message": "application not found"})


def unknown_job(status: int) -> Reply:
    """Answer a GET whose request_id nobody knows; neither status nor wording is published."""
    return json_reply(status, {"message": "request not found"})


def unreadable(status: int) -> Reply:
    """Answer a GET about a job over which the API stumbles each time."""
    return json_reply(status, {"message": "the job can't be read"})


def too_large(status: int) -> Reply:
    """Refuse a body for its size, as a gateway does."""
    return json_reply(status, {"message": "request entity too large"})


def batch_refused(endpoint: Endpoint, status: int) -> Reply:
    """Refuse a batch for a device in it that is not named, as sibling endpoints do."""
    return json_reply(
        status, {"action": endpoint, "status": "failure", "error": {"message": "invalid device"}}
    )


def instead(triggers: Triggers, verb: str, endpoint: Endpoint, now: float) -> Reply | None:
    """Find the reply that a fault gives in place of the API's own; the call then does nothing."""
    if outage := triggers.on_call(Outage, "outage", verb, endpoint, now):
        return _outage(outage)
    if limit := triggers.on_call(RateLimit, "rate_limit", verb, endpoint, now):
        return _rate_limit(limit, now)
    if denied := triggers.on_call(Unauthorized, "unauthorized", verb, endpoint, now):
        return unauthorized(denied.status)
    if triggers.on_call(UnknownApplication, "unknown_application", verb, endpoint, now):
        return unknown_application()
    if odd := triggers.on_call(OddReply, "odd_reply", verb, endpoint, now):
        return _ODD[odd.form]
    return None


def _outage(rule: Outage) -> Reply:
    if rule.form == "json":
        return json_reply(rule.status or 503, {"message": "service unavailable"})
    if rule.form == "text":
        return Reply(rule.status or 502, {"content-type": _TEXT}, b"upstream connect error\n")
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
    return Reply(rule.status or 502, {"content-type": _HTML}, page)


def _rate_limit(rule: RateLimit, now: float) -> Reply:
    """Make a 429; a date has whole seconds, so it is rounded up."""
    reply = json_reply(429, {"message": "too many requests"})
    if rule.retry_after == "seconds":
        reply.headers["retry-after"] = str(math.ceil(rule.seconds))
    elif rule.retry_after == "date":
        reply.headers["retry-after"] = formatdate(math.ceil(now + rule.seconds), usegmt=True)
    return reply


_ODD: dict[str, Reply] = {
    "invalid_request": json_reply(200, {"message": "invalid request"}),
    "envelope_210": json_reply(
        200, {"status_code": 210, "status_message": "Invalid request", "response": None}
    ),
    "gateway": json_reply(400, {"code": 3, "message": "invalid argument", "details": []}),
    "nested_error": json_reply(
        400, {"action": "audience", "status": "failure", "error": {"message": "invalid request"}}
    ),
    "redirect": Reply(302, {"location": "https://www.example.com/login"}, b""),
    "html": Reply(200, {"content-type": _HTML}, b"<!doctype html><title>Sign in</title>\n"),
    "empty": Reply(200, {}, b""),
}
