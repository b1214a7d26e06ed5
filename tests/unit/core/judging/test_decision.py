"""What is decided about an event whose device was not confirmed: each rule, and which goes before which."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core.judging.decision import Context, Fate, attempts_left, decide
from connector.core.reading.event import Event, Merged
from connector.model import Reason, Rejection
from tests.unit.core.builders import tags

MOST = 3
RETRIED = [Reason.DEVICE_NOT_FOUND, Reason.NO_VERDICT, Reason.JOB_FAILED]
NOT_RETRIED = [reason for reason in Reason if reason not in RETRIED]


def event(bad: int = 0, *, last_chance: bool = False, merged: bool = False) -> Event:
    """An update that had so many bad verdicts before."""
    made = tags(0)
    made.bad_verdicts, made.last_chance = bad, last_chance
    made.merged = Merged({}, 0, [tags(1)]) if merged else None
    return made


def fate(reason: Reason, of: Event, **context: Any) -> Fate:
    return decide(of, Rejection(reason, "so it says"), Context(MOST, **context))


@pytest.mark.parametrize("reason", Reason)
def test_what_another_attempt_can_help_goes_again_and_all_else_is_refused(reason: Reason) -> None:
    assert fate(reason, event()) is (Fate.AGAIN if reason in RETRIED else Fate.REFUSED)


@pytest.mark.parametrize("reason", RETRIED)
@pytest.mark.parametrize(("before", "expected"), [(0, Fate.AGAIN), (1, Fate.AGAIN), (2, Fate.REFUSED)])
def test_the_last_of_its_attempts_is_the_limit(reason: Reason, before: int, expected: Fate) -> None:
    assert fate(reason, event(before)) is expected


@pytest.mark.parametrize("reason", RETRIED)
def test_in_its_last_chance_one_attempt_in_vain_is_enough(reason: Reason) -> None:
    assert fate(reason, event(last_chance=True)) is Fate.REFUSED


@pytest.mark.parametrize(
    ("most", "before", "last_chance", "others_do_well", "expected"),
    [
        (3, 0, False, True, 2),
        (3, 1, False, True, 1),
        (3, 2, False, True, 0),
        (1, 0, False, True, 0),
        (3, 0, False, False, 2),
        (3, 2, False, False, 0),
        (9, 0, True, True, 0),
        (9, 0, True, False, 1),
        (3, 1, True, False, 1),
        (3, 2, True, False, 0),
        (2, 0, True, False, 1),
        (1, 0, True, False, 0),
    ],
)
def test_how_many_attempts_are_left(
    most: int, before: int, last_chance: bool, others_do_well: bool, expected: int
) -> None:
    left = attempts_left(event(before, last_chance=last_chance), most, others_do_well=others_do_well)
    assert left == expected


@pytest.mark.parametrize(
    ("before", "expected"), [(0, Fate.ONCE_MORE), (1, Fate.ONCE_MORE), (2, Fate.REFUSED)]
)
def test_a_job_that_fails_while_nobody_does_well_leaves_one_attempt_of_a_last_chance(
    before: int, expected: Fate
) -> None:
    last = event(before, last_chance=True)
    assert fate(Reason.JOB_FAILED, last, others_do_well=False) is expected


def test_where_nobody_does_well_whoever_has_all_its_attempts_has_no_more_of_them() -> None:
    assert fate(Reason.JOB_FAILED, event(1), others_do_well=False) is Fate.AGAIN
    assert fate(Reason.JOB_FAILED, event(2), others_do_well=False) is Fate.REFUSED


@pytest.mark.parametrize(
    ("blamed", "others_do_well", "other_half_good", "expected"),
    [
        (False, False, False, Fate.AGAIN),
        (False, True, False, Fate.AGAIN),
        (True, False, False, Fate.AGAIN),
        (True, True, False, Fate.REFUSED),
        (False, False, True, Fate.REFUSED),
        (False, True, True, Fate.REFUSED),
    ],
)
def test_a_device_is_to_blame_at_its_second_failure_beside_others_or_if_its_other_half_is_good(
    blamed: bool, others_do_well: bool, other_half_good: bool, expected: Fate
) -> None:
    proof = {"blamed": blamed, "others_do_well": others_do_well, "other_half_good": other_half_good}
    assert fate(Reason.JOB_FAILED, event(), **proof) is expected


def test_who_is_to_blame_is_so_in_a_job_of_an_earlier_owner_too() -> None:
    assert fate(Reason.JOB_FAILED, event(), blamed=True, adopted=True) is Fate.REFUSED


@pytest.mark.parametrize("before", [0, MOST, MOST + 9])
@pytest.mark.parametrize("last_chance", [False, True])
def test_what_was_registered_a_moment_ago_is_not_found_yet_whatever_its_attempts(
    before: int, last_chance: bool
) -> None:
    some = event(before, last_chance=last_chance)
    assert fate(Reason.DEVICE_NOT_FOUND, some, registered_lately=True) is Fate.NOT_YET
    assert fate(Reason.DEVICE_NOT_FOUND, some, registered_lately=True, adopted=True) is Fate.NOT_YET


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.DEVICE_NOT_FOUND])
def test_that_it_was_registered_a_moment_ago_excuses_nothing_else(reason: Reason) -> None:
    assert fate(reason, event(MOST), registered_lately=True) is Fate.REFUSED


@pytest.mark.parametrize("reason", Reason)
def test_what_an_earlier_owner_s_job_says_is_never_the_last_word(reason: Reason) -> None:
    assert fate(reason, event(MOST, last_chance=True), adopted=True) is Fate.AGAIN


@pytest.mark.parametrize(
    ("reason", "before", "expected"),
    [
        (Reason.REFUSED_BY_API, 0, Fate.AGAIN),
        (Reason.REFUSED_BY_API, 2, Fate.REFUSED),
        (Reason.TOO_LARGE, 0, Fate.REFUSED),
        (Reason.TAG_REFUSED, 0, Fate.REFUSED),
    ],
)
def test_a_refusal_in_words_that_are_not_the_api_s_may_be_a_gateway_s(
    reason: Reason, before: int, expected: Fate
) -> None:
    assert fate(reason, event(before), in_words=False) is expected


@pytest.mark.parametrize("reason", NOT_RETRIED)
def test_only_a_single_event_that_is_wholly_ours_is_refused_others_are_taken_apart(reason: Reason) -> None:
    assert fate(reason, event(merged=True)) is Fate.TAKE_APART
    assert fate(reason, event(), wholly_ours=False) is Fate.TAKE_APART
    assert fate(reason, event()) is Fate.REFUSED


@pytest.mark.parametrize("reason", RETRIED)
def test_a_merged_update_has_its_attempts_before_it_is_taken_apart(reason: Reason) -> None:
    assert fate(reason, event(1, merged=True)) is Fate.AGAIN
    assert fate(reason, event(2, merged=True)) is Fate.TAKE_APART


def test_a_decision_changes_nothing() -> None:
    last = event(1, last_chance=True)
    fate(Reason.JOB_FAILED, last, others_do_well=False)
    assert (last.bad_verdicts, last.last_chance, last.attempts) == (1, True, 0)
