"""What a dead letter looks like: the source record as it was, and headers that say why it is here.

Names and text values of `__connect.errors.*` are Kafka Connect's (DeadLetterQueueReporter), so that
tools for its dead-letter queues read ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from connector.core.reasons import TRAITS
from connector.model import MOST_TEXT_BYTES, NO_HEADERS_READ, Letter, headers_of

CONNECT = "__connect.errors."
OWN = "pushwoosh."
Headers = list[tuple[str, bytes | None]]

FIRST = CONNECT + "topic"
"""Where what is added begins: what is before it is the record's own."""

_CUT = b" [...]"
"""The end of a text that was too long."""

_CONVERTER, _PUT = "VALUE_CONVERTER", "TASK_PUT"
"""Where Kafka Connect would have failed: reading the value, or handing it to the sink."""


def headers(letter: Letter, group_id: str, connector_name: str, *, restamped: bool = False) -> Headers:
    """Make the letter's headers: the record's own first, unchanged, then why it failed.

    Unchanged even where they are named as ours: of one name the last counts. A replay takes what was added
    away (`connector.replay.letter`). `restamped`: the broker would not take the record's time, keep it here.
    """
    record = letter.record
    # Read or not, the letter must be written: its record would hold up its partition for ever.
    theirs = headers_of(record)
    texts = {**_connect(letter, connector_name), **_own(letter, group_id)}
    if theirs == NO_HEADERS_READ:
        theirs, texts = [], texts | {name: text.decode() for name, text in theirs if text}
    if restamped:
        texts[OWN + "timestamp"] = str(record.timestamp()[1])
    return [*theirs, *((name, _bounded(text)) for name, text in texts.items())]


def _bounded(text: str) -> bytes:
    written = text.encode("utf-8", "backslashreplace")
    if len(written) <= MOST_TEXT_BYTES:
        return written
    return written[: MOST_TEXT_BYTES - len(_CUT)].decode("utf-8", "ignore").encode() + _CUT


def _connect(letter: Letter, connector_name: str) -> dict[str, str]:
    record, why = letter.record, letter.rejection
    return {
        FIRST: record.topic(),
        CONNECT + "partition": str(record.partition()),
        CONNECT + "offset": str(record.offset()),
        CONNECT + "connector.name": connector_name,
        CONNECT + "stage": _CONVERTER if TRAITS[why.reason].on_reading else _PUT,
        CONNECT + "exception.class.name": f"pushwoosh.{''.join(w.title() for w in why.reason.split('_'))}",
        CONNECT + "exception.message": why.detail,
    }


def _own(letter: Letter, group_id: str) -> dict[str, str]:
    why = letter.rejection
    always = {
        "id": letter.id,
        "reason": str(why.reason),
        "detail": why.detail,
        "attempts": str(letter.attempts),
        "group": group_id,
    }
    known = {
        "request_id": why.request_id,
        "http_status": str(why.http_status or ""),
        "job_status": why.job_status,
        "device_status": why.device_status,
        "refused_tags": why.refused_tags,
        "first_attempt": _time(letter.first_attempt),
        "last_attempt": _time(letter.last_attempt),
    }
    return {OWN + k: v for k, v in (always | {k: v for k, v in known.items() if v}).items()}


# Letters of one job have the same times, and to write these is a quarter of the time that headers take.
@lru_cache(maxsize=64)
def _time(seconds: float) -> str:
    """Write RFC 3339 in UTC with milliseconds; empty where nothing was ever sent."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
