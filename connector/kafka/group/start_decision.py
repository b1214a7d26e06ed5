"""Where reading of a partition begins, and whether records are gone that nobody has read."""

from __future__ import annotations

from typing import NamedTuple

from connector.core.remembering.rebasing import rebased, unsettled_below
from connector.kafka.troubles import DATA_LOSS, MENDS
from connector.model import Position

PASSED_OVER = "lengthen retention: kafka.on_data_loss is continue, so that such records are passed over"
ANOTHER_LOG = (
    "if nobody created the topic again, look for what the brokers lost (unclean.leader.election.enable), for "
    "records may be missing that nobody has read; "
)
"""What to do about a log that isn't the one that was read before: retention has nothing to do with it."""
_LATEST = frozenset({"latest", "largest", "end"})
_EARLIEST = frozenset({"earliest", "smallest", "beginning"})


class StartDecision(NamedTuple):
    """Start at `offset`; with `trouble` say so, and if `halted` don't read at all.

    `rewound`: offsets of this partition mean other records than before (it was truncated or
    created again), so nothing that was known about it holds. `gone`: how many offsets nobody can read, less
    those that the checkpoint knows as settled. `end`: where the log ended then. `committed`: whether the
    group has committed just that position.
    """

    offset: int
    metadata: str = ""
    trouble: str = ""
    message: str = ""
    halted: bool = False
    rewound: bool = False
    gone: int = 0
    end: int = -1
    committed: bool = False

    @property
    def words(self) -> str:
        """The trouble, and that it goes on where it does."""
        return self.message if self.halted else f"{self.message}; reading goes on at offset {self.offset}"

    @property
    def mend(self) -> str:
        """What to do about the trouble."""
        if self.rewound:
            return ANOTHER_LOG + (self._to_go_on if self.halted else "kafka.on_data_loss is continue")
        return MENDS[self.trouble] if self.halted else PASSED_OVER

    @property
    def _to_go_on(self) -> str:
        whole = self.offset < self.end
        what = (
            "all that is there is sent, again where it was sent before"
            if whole
            else "none that is there is sent"
        )
        return (
            f"to go on reset the group's offset, or read from offset {self.offset} on ({what}): set "
            'kafka.on_data_loss = "continue" and restart'
        )


def decide_start(
    committed: Position | None, low: int, high: int, *, reset: str, on_data_loss: str, where: str
) -> StartDecision:
    """Decide from the committed position (None: none), the log's first offset and its end.

    `reset` is the user's auto.offset.reset; `where` names the partition in messages.
    """
    if committed is None:
        if reset in _LATEST:
            return StartDecision(high, end=high)
        if reset in _EARLIEST:
            return StartDecision(low, end=high)
        message = f"{where}: no committed offset, and auto.offset.reset={reset}"
        return StartDecision(high, trouble="no_offset", message=message, halted=True, end=high)
    if low <= committed.offset <= high:
        return StartDecision(*committed, end=high, committed=True)
    halted = on_data_loss == "halt"
    if committed.offset < low:
        gone, submitted = unsettled_below(committed, low)
        in_jobs = f", {submitted} of them in jobs whose end was not seen" if submitted else ""
        gap = f"{gone} records from offset {committed.offset} on are gone{in_jobs}"
        message = f"{where}: {gap}, the log begins at {low}"
        offset, metadata = rebased(committed, low)
        return StartDecision(
            offset, metadata, trouble=DATA_LOSS, message=message, halted=halted, gone=gone, end=high
        )
    message = (
        f"{where}: the committed offset {committed.offset} lies beyond the end of the log, {high}: "
        "it was truncated or created again"
    )
    offset = high if reset in _LATEST else low
    return StartDecision(offset, trouble=DATA_LOSS, message=message, halted=halted, rewound=True, end=high)
