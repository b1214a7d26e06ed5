"""Whether a request fails alone: since it failed before, many were answered for each that began to fail."""

from __future__ import annotations

from connector.core.holding_back.suspects import MIN_ANSWERED_EACH, Suspects
from connector.core.past.suspicion import Suspicion


def test_the_first_failure_proves_nothing() -> None:
    suspects, one = Suspects(), Suspicion()
    suspects.answered("post", 1.0, 10)
    assert not suspects.failed("post", one, 2.0, 10)
    assert (one.failed_at, one.failures, one.proven) == (2.0, 1, 0)


def test_that_others_were_answered_since_is_proof() -> None:
    suspects, one = Suspects(), Suspicion()
    suspects.failed("post", one, 2.0, 10)
    suspects.answered("post", 3.0, 10)
    assert suspects.failed("post", one, 4.0, 10)
    assert one.proven == 1
    assert not suspects.failed("post", one, 5.0, 10), "nobody was answered since"
    assert (one.failures, one.proven) == (3, 1)


def test_what_was_sent_before_it_failed_is_no_proof() -> None:
    suspects, one = Suspects(), Suspicion()
    suspects.failed("post", one, 2.0, 10)
    suspects.answered("post", 2.0, 10)
    assert not suspects.failed("post", one, 4.0, 10)


def test_that_others_begin_to_fail_is_an_outage_unless_many_are_answered() -> None:
    suspects, one, other = Suspects(), Suspicion(), Suspicion()
    suspects.failed("post", one, 2.0, 10)
    for _ in range(MIN_ANSWERED_EACH - 1):
        suspects.answered("post", 3.0, 10)
    suspects.failed("post", other, 3.5, 10)
    assert not suspects.failed("post", one, 4.0, 10)
    suspects.answered("post", 5.0, 10)
    assert suspects.failed("post", one, 6.0, 10), "and since then only this one failed"
    suspects.failed("post", Suspicion(), 6.5, 10)
    for _ in range(MIN_ANSWERED_EACH):
        suspects.answered("post", 7.0, 10)
    assert suspects.failed("post", one, 8.0, 10)
    suspects.failed("post", Suspicion(), 8.5, 10)
    suspects.answered("post", 9.0, 10)
    assert not suspects.failed("post", one, 10.0, 10)
    assert one.proven == 2, "what was proven stays so"


def test_another_that_goes_on_failing_is_no_outage() -> None:
    suspects, one, other = Suspects(), Suspicion(), Suspicion()
    suspects.failed("post", other, 1.0, 10)
    suspects.failed("post", one, 2.0, 10)
    suspects.answered("post", 3.0, 10)
    suspects.failed("post", other, 4.0, 10)
    assert suspects.failed("post", one, 5.0, 10)
    suspects.answered("post", 6.0, 10)
    assert suspects.failed("post", other, 7.0, 10)


def test_its_own_failures_are_not_another_s() -> None:
    suspects, one, other = Suspects(), Suspicion(), Suspicion()
    suspects.failed("post", other, 1.0, 10)
    for at in (2.0, 3.0):
        suspects.failed("post", one, at, 10)
    suspects.answered("post", 3.5, 10)
    assert suspects.failed("post", one, 4.0, 10)


def test_answered_gets_prove_nothing_about_posts() -> None:
    suspects, one = Suspects(), Suspicion()
    suspects.failed("post", one, 2.0, 10)
    suspects.answered("get", 3.0, 10)
    assert not suspects.failed("post", one, 4.0, 10)
