"""What the JSON of a reply holds: as published, inside `response`, or in an odd shape. Pure.

`wire.py` says what it means.
"""

from __future__ import annotations

import math
import re
from typing import Any, cast

import msgspec

from connector.model import JobState, Row
from connector.pushwoosh import words
from connector.pushwoosh.rows import RawRow, rows_of, with_tags

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
        return {}
    return reply if isinstance(reply, dict) else {}


def request_id_in(reply: Any) -> str:
    """Get the name of a job, text or number; empty if there is none."""
    found = reply.get("request_id") if isinstance(reply, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found.strip() if isinstance(found, str) else ""


def report_in(body: bytes) -> Report | None:
    """Decode a report, itself or inside `response`. None if it isn't JSON."""
    report = _decoded(body)
    if report is not None and not tells_of_a_job(report) and bytes(report.response).startswith(b"{"):
        return _decoded(bytes(report.response))
    return report


def _decoded(body: bytes) -> Report | None:
    try:
        report: Report = _decode_report(body)
        if report.devices:
            report.devices = with_tags(cast("list[RawRow]", report.devices))
    except msgspec.ValidationError:
        return _loosely(object_in(body))
    except _BROKEN:
        return None
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
        response=msgspec.Raw(msgspec.json.encode(reply.get("response"))),
    )


def tells_of_a_job(report: Report) -> bool:
    """Tell a job's report from an error: one of the ends, or a status with something only jobs have."""
    if not report.status:
        return False
    if job_state(report.status) is not JobState.UNFINISHED or report.request_id is not None:
        return True
    return report.progress is not None or not words.message_in(msgspec.structs.asdict(report))


def progress_of(value: float | str | None) -> int:
    """Read a job's progress in percent, with or without the sign; -1 where it isn't told."""
    try:
        number = float(
            value.strip().rstrip("%") if isinstance(value, str) else value if value is not None else -1
        )
    except (ValueError, OverflowError):  # the second: an integer beyond all floats
        return -1
    return int(number) if math.isfinite(number) else -1


def job_state(word: str) -> JobState:
    """Read a status word, without case: `Completed` and `Failed` are ends, anything else is unfinished."""
    folded = _SEPARATORS.sub("", word).casefold()
    if folded == "completed":
        return JobState.COMPLETED
    return JobState.FAILED if folded == "failed" else JobState.UNFINISHED
