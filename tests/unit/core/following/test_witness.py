"""Which job is asked about where one alone can't be."""

from __future__ import annotations

from connector.core.following.job import Job
from connector.core.following.witness import NOBODYS, LastEnded
from connector.model import Endpoint
from tests.unit.core.builders import NOW, devices


def job(serial: int) -> Job:
    return Job(serial, f"request-{serial}", Endpoint.REGISTRATIONS, "APP", devices(range(3)), NOW + serial)


def test_before_any_job_has_ended_it_is_nobodys() -> None:
    witness = LastEnded()
    asked = witness.instead_of(job(1), NOW)
    assert (asked.request_id, asked.endpoint, asked.application) == (NOBODYS, Endpoint.REGISTRATIONS, "APP")
    assert witness.instead_of(job(2), NOW + 9) is asked, "what is learned of it stays"


def test_then_it_is_the_one_that_ended_last_and_has_no_events() -> None:
    witness = LastEnded()
    witness.ended(job(1))
    witness.ended(job(2))
    asked = witness.instead_of(job(3), NOW + 9)
    assert (asked.request_id, asked.accepted_at, asked.events) == ("request-2", NOW + 2, [])
    assert asked.is_witness
