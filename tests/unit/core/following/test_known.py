"""Whether the API knows jobs at all."""

from __future__ import annotations

from connector.core.following.known import KnownJobs
from tests.unit.core.builders import NOW


def test_whatever_was_told_since_a_job_was_taken_tells_that_some_are_known() -> None:
    known = KnownJobs()
    assert not known.any_since("", NOW)
    known.told("", NOW)
    assert known.any_since("", NOW)
    assert not known.any_since("", NOW + 1)
    assert not known.any_since("ANOTHER", NOW)


def test_jobs_from_before_it_knew_any_again_are_told_from_later_ones() -> None:
    known = KnownJobs()
    known.lost("", NOW)
    known.told("", NOW + 10)
    assert known.none_at("", NOW + 9)
    assert not known.none_at("", NOW + 10)
    assert not known.none_at("ANOTHER", NOW)


def test_one_that_is_lost_while_others_are_known_excuses_nobody() -> None:
    known = KnownJobs()
    known.told("", NOW + 1)
    known.lost("", NOW)
    known.told("", NOW + 10)
    assert not known.none_at("", NOW)
