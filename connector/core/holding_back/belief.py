"""Whether a denial is to be believed: that it is about the application, and no stray one.

Given: denials, and what got past the same place. Gives: whether that speaks against them; then they are taken
for failures of the API, and halt nothing.
"""

from __future__ import annotations

from connector.core.holding_back.halts import Halts
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.past.suspicion import Suspicion

MOST_DENIALS = 5
"""Denials in a row that are taken for the API's failure where something got past there before. By then a
part of the batch was sent, or a job that has ended was polled: that tells one request alone from all."""
MIN_DENIALS, MIN_DENIED_FOR = 3, 5.0
"""Fewer denials, from `MIN_DENIALS` on, are believed once they have gone on for `MIN_DENIED_FOR` seconds: the
gate, closed meanwhile, makes them rare."""


class Belief:
    """Counts denials in a row, of each application and place."""

    def __init__(self, proofs: Proofs, halts: Halts) -> None:
        self._proofs = proofs
        self._halts = halts
        self._denials: dict[tuple[str, Where], tuple[int, list[float]]] = {}
        """By application and place: how often something had got past, and when it was denied since. Only
        where something had."""

    def denied(self, application: str, where: Where, suspicion: Suspicion, now: float) -> bool:
        """Note a denial; tell whether what others were told since the last halt speaks against it.

        A gateway may stumble over one request alone, or give a stray answer now and then. If the application
        is what is denied, nothing gets past there between the next ones.
        """
        suspicion.denied_at = min(suspicion.denied_at, now)
        if application in self._halts.applications or not self._proofs.times_passed(application, where):
            return False
        if suspicion.proven and self._proofs.passed_since(application, where, suspicion.denied_at):
            return True  # others of this application: what another one is told says nothing of it
        denials = self._in_a_row(application, where)
        denials.append(now)
        return len(denials) <= MOST_DENIALS and (
            len(denials) < MIN_DENIALS or now - denials[0] < MIN_DENIED_FOR
        )

    def _in_a_row(self, application: str, where: Where) -> list[float]:
        """Return when it was denied since something got past there last, to be added to."""
        passed = self._proofs.times_passed(application, where)
        before, denials = self._denials.get((application, where), (passed, []))
        if passed != before:
            denials = []
        self._denials[application, where] = (passed, denials)
        return denials
