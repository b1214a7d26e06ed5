"""Figures that follow from others."""

from __future__ import annotations

from dataclasses import replace

from connector.core.limits import Limits
from connector.parts import limits
from tests.settings import with_environment


def test_half_of_the_jobs_in_flight_may_be_unrecorded_and_two_in_any_case() -> None:
    assert [Limits(max_in_flight=most).max_unrecorded for most in (1, 4, 5, 6, 16)] == [2, 2, 2, 3, 8]


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = with_environment()
    ours = Limits()
    assert settings.batch.max_bytes == ours.max_bytes
    assert replace(limits(settings), max_bytes=ours.max_bytes) == ours
