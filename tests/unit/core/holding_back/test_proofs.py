"""What got through when, of each application."""

from __future__ import annotations

from connector.core.holding_back.proofs import Proofs, Where
from tests.unit.core.builders import NOW


def test_a_job_counts_as_accepted_since_a_moment_only_if_its_post_was_sent_after_it() -> None:
    proofs = Proofs()
    assert not proofs.accepted_since("", NOW)
    proofs.accepted("", NOW)
    assert [proofs.accepted_since("", when) for when in (NOW - 1, NOW)] == [True, False]
    assert not proofs.accepted_since("BBBBB", NOW - 1)


def test_an_acceptance_that_comes_late_does_not_hide_that_of_a_post_sent_after_it() -> None:
    proofs = Proofs()
    for sent_at in (NOW + 2, NOW):
        proofs.accepted("", sent_at)
    assert proofs.accepted_since("", NOW + 1)


def test_a_job_counts_as_completed_since_a_moment_if_it_was_accepted_from_then_on() -> None:
    proofs = Proofs()
    assert not proofs.completed_since("", NOW)
    for accepted_at in (NOW, NOW - 5):
        proofs.completed("", accepted_at)
    assert [proofs.completed_since("", when) for when in (NOW - 1, NOW, NOW + 0.1)] == [True, True, False]
    assert not proofs.completed_since("BBBBB", NOW - 1)


def test_what_passed_one_place_of_one_application_says_nothing_of_others() -> None:
    proofs = Proofs()
    for sent_at in (NOW, NOW - 5):
        proofs.passed("", Where.GET, sent_at)
    assert [proofs.passed_since("", Where.GET, when) for when in (NOW - 1, NOW)] == [True, False]
    assert not proofs.passed_since("", Where.POST, NOW - 1)
    assert not proofs.passed_since("BBBBB", Where.GET, NOW - 1)
    assert [proofs.times_passed("", where) for where in (Where.GET, Where.JOB)] == [2, 0]
