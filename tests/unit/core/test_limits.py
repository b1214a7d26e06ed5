"""Figures that follow from others."""

from __future__ import annotations

from connector.core.limits import Limits


def test_half_of_the_jobs_in_flight_may_be_unrecorded_and_two_in_any_case() -> None:
    assert [Limits(max_in_flight=most).max_unrecorded for most in (1, 4, 5, 6, 16)] == [2, 2, 2, 3, 8]
