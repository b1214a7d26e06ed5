"""Which jobs have ended, by name."""

from __future__ import annotations

from connector.core.following.ended import MOST_REMEMBERED, EndedJobs
from connector.model import Endpoint, Route


def test_the_names_of_the_latest_jobs_that_ended_are_remembered() -> None:
    tags, others, ended = Route("", Endpoint.TAGS), Route("", Endpoint.REGISTRATIONS), EndedJobs()
    for number in (0, *range(MOST_REMEMBERED)):
        ended.ended(tags, str(number))
    assert ended.has(tags, "0")
    assert not ended.has(others, "0")
    ended.ended(tags, "another")
    assert not ended.has(tags, "0")
    assert ended.has(tags, "1")
