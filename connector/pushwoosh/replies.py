"""What the JSON of a reply holds: as published, in an envelope, or in an odd shape.

`wire.py` says what it means.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast

import msgspec

from connector.answers import JobState, Row
from connector.pushwoosh import words
from connector.pushwoosh.rows import RawRow, rows_of, with_tags

ENVELOPES = ("response", "data", "result")
"""Fields in which gateways put what the API itself said; the first is Pushwoosh's own on other calls."""

_SEPARATORS = re.compile(r"[-_\s]")


class Report(msgspec.Struct):
    """A reply to a GET, typed as published. Other types go through `_loosely`."""

    request_id: Any = None
    status: str = ""
    progress: int | float | str | None = None
    devices: list[Row] | None = None
    message: Any = None
    error: Any = None
    status_message: Any = None
    response: msgspec.Raw = msgspec.Raw(b"")
    data: msgspec.Raw = msgspec.Raw(b"")
    result: msgspec.Raw = msgspec.Raw(b"")


class _PublishedReport(Report):
    """As it is decoded: 0.2 us a row."""

    devices: list[RawRow] | None = None  # type: ignore[assignment]  # until `with_tags` has read them


_decode_report = msgspec.json.Decoder(_PublishedReport).decode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def object_in(body: bytes) -> dict[str, Any]:
    """Decode a reply; empty if it isn't a JSON object."""
    try:
        reply = msgspec.json.decode(body)
    except _BROKEN:
        reply = _repaired(body)
    return reply if isinstance(reply, dict) else {}


def _repaired(body: bytes) -> Any:
    """Decode what is nearly JSON: a byte order mark, half a surrogate pair, NaN, bytes that are no UTF-8.

    A note that somebody cut in the middle of an emoji must not hide what became of a thousand devices. None
    where there is no JSON in it.
    """
    try:
        return _clean(json.loads(body.decode("utf-8-sig", "replace"), parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return None


def _clean(value: Any) -> Any:
    """Put a replacement character for each half of a surrogate pair: nothing can encode it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    return value


def request_id_in(reply: dict[str, Any]) -> str:
    """Get the name of a job, text or number, itself or in an envelope; empty if there is none."""
    for holder in (reply, *(reply.get(name) for name in ENVELOPES)):
        found = _named(holder.get("request_id")) if isinstance(holder, dict) else ""
        if found:
            return found
    return ""


def is_of_another(report: Report, request_id: str) -> bool:
    """Tell whether a report names another job than the one polled; it need not name any."""
    named = _named(report.request_id)
    return named.strip().casefold() not in ("", request_id.strip().casefold())


def _named(request_id: Any) -> str:
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        return str(request_id)
    return request_id if isinstance(request_id, str) and request_id.strip() else ""


def report_in(body: bytes) -> Report | None:
    """Decode a report, itself or in an envelope. None if it isn't JSON."""
    report = _decoded(body)
    if report is None or report.request_id is not None or report.devices is not None:
        return report
    for envelope in (report.response, report.data, report.result):
        inner = _decoded(bytes(envelope)) if bytes(envelope).startswith(b"{") else None
        if inner is not None and tells_of_a_job(inner):
            return inner  # the envelope's own `status` is about the call
    return report


def _decoded(body: bytes) -> Report | None:
    try:
        report: Report = _decode_report(body)
        if report.devices:
            report.devices = with_tags(cast("list[RawRow]", report.devices))
    except msgspec.ValidationError:
        return _loosely(object_in(body))
    except _BROKEN:
        repaired = _repaired(body)
        return _loosely(repaired) if isinstance(repaired, dict) else None
    return report


def _loosely(reply: dict[str, Any]) -> Report:
    """Read a report whose fields are of odd types."""
    status, progress = reply.get("status"), reply.get("progress")
    return Report(
        request_id=reply.get("request_id"),
        status="" if status is None else words.text_of(status),
        progress=progress if isinstance(progress, (int, float, str)) else None,
        devices=rows_of(reply.get("devices")),
        message=reply.get("message"),
        error=reply.get("error"),
        status_message=reply.get("status_message"),
        **{name: msgspec.Raw(msgspec.json.encode(reply.get(name))) for name in ENVELOPES},
    )


def tells_of_a_job(report: Report) -> bool:
    """Tell a job's report from an error: one of the ends, or a status with something only jobs have.

    A gateway may leave out what has its first value: a job that has just begun has no status then.
    """
    if job_state(report.status) is not JobState.UNFINISHED:
        return True
    of_a_job = report.request_id is not None or report.progress is not None
    if report.status and of_a_job:
        return True
    return bool(report.status or of_a_job) and not words.message_in(msgspec.structs.asdict(report))


def progress_of(value: float | str | None) -> int:
    """Read a job's progress in percent, with or without the sign; -1 where it isn't told."""
    if value is None:
        return -1
    try:
        number = float(value.strip().rstrip("%") if isinstance(value, str) else value)
    except (ValueError, OverflowError):  # the second: an integer beyond all floats
        return -1
    return int(number) if math.isfinite(number) else -1


def job_state(word: str) -> JobState:
    """Read a status word, without case: `Completed` and `Failed` are ends, anything else is unfinished."""
    folded = _SEPARATORS.sub("", word).casefold()
    if folded == "completed":
        return JobState.COMPLETED
    return JobState.FAILED if folded == "failed" else JobState.UNFINISHED
