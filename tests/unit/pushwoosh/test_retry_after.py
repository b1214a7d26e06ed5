"""When an answer says to come again."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from connector.pushwoosh.retry_after import by_its_clock, read_retry_after
from tests.unit.pushwoosh.replies import NOW


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("999999999", 999_999_999.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        (formatdate(NOW + 1e6, usegmt=True), 1e6),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1_0", None),
        ("Fri, 99 Foo 2023 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("retry_after", "date", "read"),
    [
        ("Sun, 29 Nov 2026 21:00:02 GMT", "Sun, 29 Nov 2026 21:00:00 GMT", "2"),
        ("Sun, 29 Nov 2026 20:59:00 GMT", "Sun, 29 Nov 2026 21:00:00 GMT", "0"),
        ("Sun, 29 Nov 2026 21:00:02 GMT", None, "Sun, 29 Nov 2026 21:00:02 GMT"),
        ("Sun, 29 Nov 2026 21:00:02 GMT", "noon", "Sun, 29 Nov 2026 21:00:02 GMT"),
        ("7", "Sun, 29 Nov 2026 21:00:00 GMT", "7"),
        ("soon", "Sun, 29 Nov 2026 21:00:00 GMT", "soon"),
        (None, "Sun, 29 Nov 2026 21:00:00 GMT", None),
    ],
)
def test_a_date_to_wait_for_is_by_the_clock_of_whoever_named_it(
    retry_after: str | None, date: str | None, read: str | None
) -> None:
    assert by_its_clock(retry_after, date) == read
