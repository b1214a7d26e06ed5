"""Whether the API knows jobs at all."""

from __future__ import annotations

from connector.core.following.known import REMEMBERED, EndedJobs, KnownJobs
from connector.model import Endpoint, Route
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


def test_the_names_of_the_latest_jobs_that_ended_are_remembered() -> None:
    tags, others, ended = Route("", Endpoint.TAGS), Route("", Endpoint.REGISTRATIONS), EndedJobs()
    for number in (0, *range(REMEMBERED)):
        ended.ended(tags, str(number))
    assert ended.has(tags, "0")
    assert not ended.has(others, "0")
    ended.ended(tags, "another")
    assert not ended.has(tags, "0")
    assert ended.has(tags, "1")
