"""The Audience API on the wire: requests as bytes, replies as answers.

What a reply to a POST means, first rule that fits:

| reply | answer |
|---|---|
| 2xx with a `request_id` | `Accepted` |
| 401, 402, 403, 407, 451: a person must see to it | `Denied`: `unauthorized`, unless words say otherwise |
| 408, 409, 425, 429, 503 | `Unavailable` |
| 500 and above | `Unavailable`, `maybe_accepted` |
| a message that says nothing but to wait: too many requests, temporarily unavailable | `Unavailable` |
| a message that blames credentials or application | `Denied`, `by_words` |
| 3xx, 404, 405, 406, 410, 411, 414, 415, 421, 426 | `Denied`: `wrong_url`, no such API at this address |
| 400, 413, 422 | `Refused` |
| 2xx with a message | `Refused` |
| any other 2xx: HTML, empty, cut off | `Unavailable`, `maybe_accepted` |
| any other status | `Unavailable` |

And to a GET:

| reply | answer |
|---|---|
| 2xx about a job that isn't completed, with a message that blames credentials or application | `Denied` |
| 2xx about a job | `JobReport` |
| 401, 402, 403, 407, 451: a person must see to it | `Denied`: `unauthorized`, unless words say otherwise |
| 408, 409, 425, 429, 500 and above | `Unavailable` |
| a message that says nothing but to wait: too many requests, temporarily unavailable | `Unavailable` |
| a message that blames credentials or application | `Denied`, `by_words` |
| 400, 404, 410, 422 | `JobUnknown` |
| 2xx with a message that there is no such job | `JobUnknown` |
| 3xx, 405, 406, 411, 414, 415, 421, 426 | `Denied`: `wrong_url`, no such API at this address |
| 202: accepted, but not done (RFC 9110, 15.3.3) | `JobReport` of an unfinished job |
| any other status | `Unavailable` |

A job that Failed and says nothing but to wait: the API is overloaded (`JobReport.overloaded`).
What names the `request_id` of another job is a cache's, or went astray: `Unavailable`.
Gateway codes and envelopes (`code` 16, `status_code` 503) inside a 2xx count as the status that they stand
for; to a POST not where that means a wrong address or is any other status: the batch may have been taken.
Inside a 400 they count where they call for a person or say that the API is down.
`tests/unit/pushwoosh/test_wire_tables.py` reads these tables and tries every status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from connector.answers import (
    Accepted,
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Unavailable,
)
from connector.model import Cause, Endpoint
from connector.pushwoosh import words
from connector.pushwoosh.replies import (
    Report,
    is_of_another,
    job_state,
    object_in,
    progress_of,
    report_in,
    request_id_in,
    tells_of_a_job,
)
from connector.pushwoosh.retry_after import read_retry_after

LONGEST_TOKEN = 256
"""Bytes kept free in each request for a token that may change."""
_ROOT = "/api/v2/audience/"
_NEEDS_A_PERSON = frozenset({401, 402, 403, 407, 451})
_LATER = frozenset({408, 409, 425, 429})
_SURELY_NOT_TAKEN = frozenset({408, 409, 425, 429, 503})
_NO_API_HERE = frozenset({404, 405, 406, 410, 411, 414, 415, 421, 426})
_NO_SUCH_JOB = frozenset({400, 404, 410, 422})
_BATCH_REFUSED = frozenset({400, 413, 422})
_GATEWAY_CODES = {2: 500, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 10: 409, 13: 500, 14: 503, 16: 401}
"""gRPC codes, as gateways put them into JSON bodies, and the statuses that they stand for."""


def post_path(endpoint: Endpoint) -> str:
    """Name the path that takes a batch."""
    return _ROOT + endpoint.value


def poll_path(endpoint: Endpoint, request_id: str, *, detailed: bool) -> str:
    """Name the path, with its query, that tells of a job."""
    return f"{_ROOT}{endpoint.value}/{quote(request_id, safe='')}?detailed={'true' if detailed else 'false'}"


def request_body(
    application: str, token: str, rows: Iterable[bytes], create_missing_tags: bool | None = None
) -> bytes:
    """Write a request around rows of JSON. `create_missing_tags` is left out if None (registrations)."""
    head: dict[str, Any] = {"application": application, "auth": token}
    if create_missing_tags is not None:
        head["create_missing_tags"] = create_missing_tags
    return b'%b,"devices":[%b]}' % (msgspec.json.encode(head)[:-1], b",".join(rows))


def envelope_bytes(application: str, token: str) -> int:
    """Count the bytes of a request that are not devices, at most; each device but the first adds a comma."""
    return len(request_body(application, token, (), create_missing_tags=False))


def room_for_devices(max_bytes: int, applications: Iterable[str]) -> int:
    """Count the bytes that a request of `max_bytes` has for devices and commas, whoever of these sends it."""
    return max_bytes - max(envelope_bytes(each, "") for each in applications) - LONGEST_TOKEN


def read_post(
    status: int, body: bytes, retry_after: str | None, now: float, secrets: Sequence[str] = ()
) -> PostAnswer:
    """Read the answer to a POST.

    `now` is in seconds since the epoch; none of `secrets` ever comes back in a message.
    """
    reply = object_in(body)
    success = _is_success(status)
    request_id = request_id_in(reply) if success else ""
    if request_id:
        return Accepted(request_id)
    said = _said(status, reply, body, secrets)
    if said.denied is not None:
        return said.denied
    wait = read_retry_after(retry_after, now)
    if _is_down(said.meant):
        maybe = said.meant not in _SURELY_NOT_TAKEN
        return Unavailable(said.shown, status, wait, maybe_accepted=maybe, meant=said.other)
    if said.meant in _NO_API_HERE and not success:
        return Denied(Cause.WRONG_URL, said.shown, status)
    if said.meant in _BATCH_REFUSED or (success and said.message):
        return Refused(said.shown, status, without_words=not reply)
    puzzle = _puzzle(status, body, secrets)
    return Unavailable(puzzle, status, wait, maybe_accepted=success, meant=said.other)


def read_poll(
    status: int,
    body: bytes,
    retry_after: str | None,
    now: float,
    secrets: Sequence[str] = (),
    *,
    request_id: str,
) -> PollAnswer:
    """Read the answer to a GET about this job; other arguments as for `read_post`.

    A report that names another one is of a cache, or went astray: it confirms nothing.
    """
    if _is_success(status):
        report = report_in(body)
        if report is not None and tells_of_a_job(report):
            if is_of_another(report, request_id):
                return Unavailable("The reply tells of another job", status)
            return _job_report(report, status, secrets)
    said = _said(status, object_in(body), body, secrets)
    if said.denied is not None:
        return said.denied
    if not _is_down(said.meant) and (answer := _without_report(said, status)) is not None:
        return answer
    puzzling = _is_success(status) and not said.message
    shown = _puzzle(status, body, secrets) if puzzling else said.shown
    return Unavailable(shown, status, read_retry_after(retry_after, now), meant=said.other)


def _without_report(said: _Said, status: int) -> PollAnswer | None:
    if said.meant in _NO_SUCH_JOB or (_is_success(status) and words.knows_no_job(said.message)):
        return JobUnknown(said.shown, status)
    if said.meant in _NO_API_HERE:
        return Denied(Cause.WRONG_URL, said.shown, status)
    if status == said.meant == HTTPStatus.ACCEPTED:
        return JobReport(JobState.UNFINISHED, str(status))
    return None


class _Said(NamedTuple):
    """What a reply says where it brings neither a `request_id` nor a report."""

    message: str
    shown: str
    """The message as a person may see it."""
    meant: int
    """The HTTP status that it amounts to."""
    other: int
    """The HTTP status that it amounts to, if it is not the one that came; else 0."""
    denied: Denied | None


def _said(status: int, reply: dict[str, Any], body: bytes, secrets: Sequence[str]) -> _Said:
    message = words.message_in(reply) or ("" if _is_success(status) else words.raw_text(body))
    meant = _meant_status(status, reply, message)
    shown = words.shown(message, status, secrets)
    other = meant if meant != status else 0
    return _Said(message, shown, meant, other, _denied(meant, message, shown, status))


def _puzzle(status: int, body: bytes, secrets: Sequence[str]) -> str:
    return f"A reply that can't be understood: {words.shown(words.raw_text(body), status, secrets)}"


def _job_report(report: Report, status: int, secrets: Sequence[str]) -> JobReport | Denied:
    state = job_state(report.status)
    message = words.message_in(msgspec.structs.asdict(report))
    overloaded = state is JobState.FAILED and words.asks_to_wait(message) is not None
    if message:
        shown = words.shown(message, status, secrets)
        cause = words.blame(message)
        if cause is not None and state is not JobState.COMPLETED and not overloaded:
            return Denied(cause, shown, status, of_job=state is JobState.FAILED)
        message = shown
    progress = progress_of(report.progress)
    return JobReport(state, report.status, progress, report.devices, message, overloaded)


def _meant_status(status: int, reply: dict[str, Any], message: str) -> int:
    """Tell the status that a reply amounts to.

    What its JSON gives as a status comes first. Where that calls for nobody and doesn't say that the API is
    down, a message that does nothing but ask to wait says so.
    """
    meant = _inner_status(status, reply)
    if meant in _NEEDS_A_PERSON or _is_down(meant):
        return meant
    return words.asks_to_wait(message) or meant


def _inner_status(status: int, reply: dict[str, Any]) -> int:
    """Return the status in the JSON of a 2xx or a 400, if it says more than the one that came."""
    success = _is_success(status)
    if not success and status != 400:  # noqa: PLR2004 - HTTP
        return status
    inner, code = reply.get("status_code"), reply.get("code")
    if not (isinstance(inner, int) and 400 <= inner <= 599):  # noqa: PLR2004 - HTTP
        inner = _GATEWAY_CODES.get(code, status) if isinstance(code, int) else status
    return inner if success or inner in _NEEDS_A_PERSON or _is_down(inner) else status


def _denied(meant: int, message: str, shown: str, status: int) -> Denied | None:
    if meant in _NEEDS_A_PERSON:
        return Denied(words.blame(message) or Cause.UNAUTHORIZED, shown, status)
    if _is_down(meant):
        return None
    cause = words.blame(message)
    if cause is not None:
        return Denied(cause, shown, status, by_words=True)
    if 300 <= meant < 400:  # noqa: PLR2004 - HTTP
        return Denied(Cause.WRONG_URL, shown, status)
    return None


def _is_success(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP


def _is_down(status: int) -> bool:
    return status >= 500 or status in _LATER  # noqa: PLR2004 - HTTP
