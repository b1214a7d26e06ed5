from __future__ import annotations

from dataclasses import asdict

from connector.core.limits import Limits
from connector.runner import limits
from tests.settings import with_environment


def test_the_defaults_are_those_of_the_settings() -> None:
    given = asdict(limits(with_environment()))
    room = given.pop("max_bytes")
    expected = asdict(Limits())
    assert room <= expected.pop("max_bytes")  # less the request around the devices
    assert given == expected


def test_half_of_the_jobs_in_flight_may_be_unrecorded_and_two_in_any_case() -> None:
    assert [Limits(max_in_flight=most).max_unrecorded for most in (1, 4, 5, 6, 16)] == [2, 2, 2, 3, 8]
