"""What is known of a request that fails, by itself."""

from __future__ import annotations

from connector.core.past.suspicion import PERSISTS_FROM, Suspicion


def test_it_persists_from_so_many_failures_in_a_row_on() -> None:
    assert not Suspicion(failures=PERSISTS_FROM - 1).persists
    assert Suspicion(failures=PERSISTS_FROM).persists


def test_a_part_of_what_failed_has_failed_once_and_what_was_learned_stays() -> None:
    suspicion = Suspicion(failures=5, failed_at=7.0, proven=2, others=3, unsure=1.5)
    suspicion.taken_apart()
    assert suspicion == Suspicion(failures=1, failed_at=7.0, proven=2, others=3, unsure=1.5)
    assert not suspicion.persists
