"""Letters that are owed: what is said of them."""

from __future__ import annotations

import pytest

from connector.core.settling.owed_words import by_reason, described
from connector.model import Reason, Rejection
from tests.unit.core.letters_owed import NO_JITTER, letter, owing, partition


def test_what_is_owed_is_told_by_reason_the_most_frequent_first_and_where_the_oldest_is() -> None:
    assignment = partition()
    refused = Rejection(Reason.TAG_REFUSED, "refused tags: plan: tag not found")
    owed = owing(letter(assignment, 0, since=3.0), letter(assignment, 1, since=2.0, rejection=refused))
    owed.refused(letter(assignment, 2, since=4.0), 0.0, NO_JITTER)
    owed.put_far(letter(assignment, 900, since=5.0))
    assert by_reason(owed) == {"undecodable": 3, "tag_refused": 1}
    assert described(owed) == (
        "3 undecodable, 1 tag_refused; the first is events/0/1: refused tags: plan: tag not found"
    )


@pytest.mark.parametrize(
    "reason",
    [
        Reason.UNDECODABLE,
        Reason.INVALID_EVENT,
        Reason.REFUSED_BY_API,
        Reason.NO_VERDICT,
        Reason.JOB_FAILED,
    ],
)
def test_words_that_may_name_a_device_are_not_repeated(reason: Reason) -> None:
    owed = owing(letter(partition(), 4, rejection=Rejection(reason, "bad device d0")))
    assert described(owed) == f"1 {reason.value}; the first is events/0/4"


def test_that_no_letter_waits_is_said_too() -> None:
    assert described(owing()) == "none of their dead letters waits"


@pytest.mark.parametrize(
    "reason", [Reason.TOO_LARGE, Reason.DEVICE_FAILED, Reason.DEVICE_NOT_FOUND, Reason.TAG_REFUSED]
)
def test_words_of_tags_and_sizes_are(reason: Reason) -> None:
    owed = owing(letter(partition(), 4, rejection=Rejection(reason, "row of 9 bytes")))
    assert described(owed) == f"1 {reason.value}; the first is events/0/4: row of 9 bytes"
