"""Requests get smaller when they are too large, and larger again when they are not."""

from __future__ import annotations

from connector.core.batching.request_size import LEAST_BYTES, RequestSize


def test_a_refused_request_makes_later_ones_half_as_large() -> None:
    size = RequestSize(100_000)
    assert not size.reduced
    assert size.refused(80_000) == 100_000
    assert size.bound == 40_000
    assert size.reduced


def test_a_small_refused_request_does_not_make_them_smaller_than_a_few_devices() -> None:
    size = RequestSize(100_000)
    size.refused(100)
    assert size.bound == LEAST_BYTES


def test_a_late_refusal_never_makes_them_larger() -> None:
    size = RequestSize(100_000)
    size.refused(20_000)
    assert size.refused(80_000) == 80_000
    assert size.bound == 10_000


def test_what_was_accepted_is_not_too_large() -> None:
    size = RequestSize(100_000)
    size.refused(20_000)
    size.accepted(60_000)
    assert size.bound >= 60_000


def test_a_full_request_that_is_accepted_lets_the_next_be_a_little_larger() -> None:
    size = RequestSize(100_000)
    size.refused(80_000)
    size.accepted(39_000)
    assert 40_000 < size.bound < 41_000


def test_a_small_request_that_is_accepted_proves_nothing() -> None:
    size = RequestSize(100_000)
    size.refused(80_000)
    size.accepted(1_000)
    assert size.bound == 40_000


def test_they_never_grow_beyond_what_is_configured() -> None:
    size = RequestSize(100_000)
    size.refused(100_000)
    for _ in range(1000):
        size.accepted(size.bound)
    assert size.bound == 100_000
    assert not size.reduced


def test_when_one_device_was_the_cause_they_are_as_large_as_before() -> None:
    size = RequestSize(100_000)
    before = size.refused(80_000)
    size.refused(40_000)
    size.refused(20_000)
    size.blameless(before)
    assert size.bound == 100_000
