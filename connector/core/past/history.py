"""What devices went through together, copied to each batch that is made of some of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

PARTS_GROWTH = 8
"""While the API knows no job, devices go in parts when one job more than may be is lost, then when 8 are,
then 64: each time this many times as many."""


MOST_EXCUSED = 3
"""Times that a loss is excused because the API began to know jobs again only after the job: a device whose
jobs are never known, among few others, is not excused for ever."""


@dataclass(slots=True)
class Halves:
    """The two halves of a batch whose jobs came to nothing, each of them a batch now."""

    one_is_good: bool = False
    """Whether a job of one of them is Completed: then the bad device must be in the other."""


@dataclass(slots=True)
class History:
    """What the devices of a batch went through together. Each batch made of some of them has a copy of it."""

    failures: int = 0
    """How many jobs of theirs Failed as a whole."""
    failed_at: float = math.inf
    """When the last of these was found to have Failed."""
    blamed: bool = False
    """Of a single device: whether its last job Failed while jobs of others were Completed."""
    halves: Halves | None = None
    """The halves that the last halving made, one of which these devices are; shared, by copies too."""
    other_half_good: bool = False
    """Of a single device whose job Failed: whether the other half was Completed before it was sent again."""
    losses: int = 0
    """How many jobs of theirs were lost."""
    losses_with_others: int = 0
    """How many jobs of theirs were lost as unfinished while others fared no better: perhaps all take longer
    than they may."""
    losses_alone: int = 0
    """How many jobs of theirs were lost as unfinished while others ended."""
    lost_while_unknown: int = 0
    """How many more were lost than may be, while the API knew no job at all."""
    excused: int = 0
    """How many more were lost than may be that were accepted before the API knew jobs again."""
    parted: int = 0
    """How often they went in parts because their jobs were lost."""
    old_answers: int = 0
    """How often their POST was answered with the request_id of an earlier job."""
    overloads: int = 0
    """How often in a row their job found the API overloaded."""
    overloaded_at: float = math.inf
    """When a job of theirs last found the API overloaded."""
    denied_at: float = math.inf
    """When they were in a job whose words seemed to deny the whole application."""
    size_before: int = 0
    """If they were refused as too large: the bytes that a request was allowed to have until then."""
    left_out: bool = False
    """Whether a report had no rows of them, so that they are sent by themselves."""
    hunts_that_found: int = 0
    """How many hunts, one after the other, have found a device among those that were sent with them."""

    @property
    def parts_may_tell(self) -> bool:
        """Whether to send them in parts though the API knows no job: it may know those of some.

        Less and less often, for it need not be a device that is why.
        """
        return self.lost_while_unknown >= int(PARTS_GROWTH**self.parted)

    def completed(self) -> None:
        """A job of theirs is Completed: the API was not overloaded, denied nothing and reported on it."""
        self.overloads, self.overloaded_at, self.denied_at, self.left_out = 0, math.inf, math.inf, False
        if self.halves is not None:
            self.halves.one_is_good = True
        self.halves, self.blamed, self.other_half_good = None, False, False
        self.losses_with_others = 0

    def single_failed(self, *, others_do_well: bool) -> None:
        """The job of this single device Failed; the device is sent once more."""
        self.blamed = others_do_well
        self.other_half_good = self.halves is not None and self.halves.one_is_good
