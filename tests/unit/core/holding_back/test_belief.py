"""Which denials are believed, by what got past the same place and how many there were in a row."""

from __future__ import annotations

import pytest

from connector.answers import Denied
from connector.core.holding_back.belief import MIN_DENIALS, MIN_DENIED_FOR, MOST_DENIALS, Belief
from connector.core.holding_back.halts import Halts
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.notices import Notices
from connector.core.past.suspicion import Suspicion
from connector.core.tally import Tally
from connector.model import Cause
from tests.unit.core.builders import NOW, limits

MOVED = Denied(Cause.WRONG_URL, "moved", 302)


def told_once() -> tuple[Proofs, Halts, Belief]:
    """A belief, after one request of the default application was answered."""
    proofs = Proofs()
    halts = Halts(limits(), Tally(), Notices(), proofs)
    proofs.passed("", Where.POST, NOW)
    return proofs, halts, Belief(proofs, halts)


@pytest.mark.parametrize(
    ("after", "contradicted"),
    [
        ([0, 1, 2, 3, 4, 4.5], [True, True, True, True, True, False]),
        ([0, 2, MIN_DENIED_FOR], [True, True, False]),
        ([0, MIN_DENIED_FOR + 1, MIN_DENIED_FOR + 2], [True, True, False]),
    ],
)
def test_denials_are_believed_once_they_are_many_or_go_on_for_long(
    after: list[float], contradicted: list[bool]
) -> None:
    _, _, belief = told_once()
    found = [belief.denied("", Where.POST, Suspicion(), NOW + 100 + each) for each in after]
    assert found == contradicted


def test_denials_are_in_a_row_only_until_something_gets_past_there() -> None:
    proofs, _, belief = told_once()
    contradicted = []
    for at in range(3 * MOST_DENIALS):
        if at % MOST_DENIALS == 0:
            proofs.passed("", Where.POST, NOW)
        contradicted.append(belief.denied("", Where.POST, Suspicion(), NOW + at / 10))
    assert all(contradicted)
    assert not belief.denied("", Where.POST, Suspicion(), NOW + 2)


def test_a_denial_is_believed_where_nothing_ever_got_past_and_while_its_application_is_halted() -> None:
    _, halts, belief = told_once()
    assert not belief.denied("", Where.GET, Suspicion(), NOW)
    assert not belief.denied("BBBBB", Where.POST, Suspicion(), NOW)
    assert belief.denied("", Where.POST, Suspicion(), NOW)
    halts.denied("", MOVED, Where.POST, NOW, NOW)
    assert not belief.denied("", Where.POST, Suspicion(), NOW)


def test_what_is_proven_to_be_denied_alone_is_no_news_for_the_others() -> None:
    proofs, _, belief = told_once()
    alone = Suspicion(proven=1, denied_at=NOW - 1)
    assert all(belief.denied("", Where.POST, alone, NOW + at) for at in range(100))
    assert alone.denied_at == NOW - 1
    proofs.passed("", Where.POST, NOW + 1)
    later = Suspicion(proven=1)
    found = [belief.denied("", Where.POST, later, NOW + 2 + at) for at in range(MIN_DENIALS)]
    assert found == [True] * MIN_DENIALS, "nothing passed after it was denied first: counted as any other"
