"""`Retry-After`: seconds or a date, as seconds from now (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime


def by_its_clock(retry_after: str | None, date: str | None) -> str | None:
    """Turn a `Retry-After` that is a date into seconds from the reply's own `Date`: clocks differ.

    Anything else is returned as it came.
    """
    if retry_after is None or date is None or (sent_at := _moment(date)) is None:
        return retry_after
    when = _moment(retry_after)
    return retry_after if when is None else f"{max(when - sent_at, 0.0):.0f}"


def _moment(date: str) -> float | None:
    """Read an HTTP date as seconds since the epoch (RFC 9110, 5.6.7); None if it is none."""
    try:
        read = parsedate_to_datetime(date)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def read_retry_after(value: str | None, now: float) -> float | None:
    """Read a `Retry-After` header, seconds or a date, as seconds from `now`; None if odd.

    However long: how much of it is honoured, the gate decides (`LONGEST_RETRY_AFTER`).
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", value, re.ASCII):
        return max(float(value), 0.0)
    when = _moment(value)
    return None if when is None else max(when - now, 0.0)
