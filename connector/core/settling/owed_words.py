"""What is said about letters that are owed: how many for which reason, and where the first record is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from connector.core.reasons import TRAITS
from connector.core.settling.owed import Owed


def by_reason(letters: Iterable[Owed]) -> Counter[str]:
    """Count the letters that are owed, by reason."""
    return Counter(owed.letter.rejection.reason.value for owed in letters)


def described(letters: Iterable[Owed]) -> str:
    """Say which letters are owed, and where the first record is: those that wait can't be looked at yet."""
    everything = [*letters]
    if not everything:
        return "none of their dead letters waits"
    counts = ", ".join(f"{count} {reason}" for reason, count in by_reason(everything).most_common())
    first = min(everything, key=lambda owed: owed.since)
    rejection = first.letter.rejection
    detail = f": {rejection.detail}" if TRAITS[rejection.reason].safe_to_show else ""
    topic, partition = first.assignment.partition
    return f"{counts}; the first is {topic}/{partition}/{first.offset}{detail}"
