"""What becomes of an event whose device was not confirmed.

Given: the event as it was before this attempt, what was said of its device, and what else decides. Gives: a
fate, and changes nothing: `fates` carries it out. The first row that fits:

| what is so | fate |
|---|---|
| it is proven that this device is why its jobs Fail | final |
| it was not found, and was registered a moment ago | `NOT_YET` |
| an earlier owner's job told it | `AGAIN` |
| trying again can help, and it has attempts left | `AGAIN` |
| the same, but it had its last chance | `ONCE_MORE` |
| anything else | final |

Final is `REFUSED` of a single event that is wholly ours, else `TAKE_APART`. How many attempts are left:
`attempts_left`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from connector.core.reading.event import Event
from connector.core.reasons import TRAITS
from connector.model import Reason, Rejection


class Fate(Enum):
    """What becomes of an event whose device was not confirmed."""

    NOT_YET = auto()
    """Its device was registered a moment ago, and may be found before long: it goes again."""
    AGAIN = auto()
    """It goes again, and one of its attempts is used up."""
    ONCE_MORE = auto()
    """It goes again though it had its last chance: it may be the API. It has one attempt more, no more."""
    TAKE_APART = auto()
    """It stands for more than itself: its parts go again."""
    REFUSED = auto()
    """It is refused for good, and owed a letter."""


class Context(NamedTuple):
    """What decides about an event beside itself and what was said of its device."""

    max_attempts: int
    wholly_ours: bool = True
    """Whether all that was sent as this event is ours: else what is said may be of another owner's part."""
    adopted: bool = False
    """Whether an earlier owner submitted it. That job may have carried more updates of the device than are
    known here, even of other partitions: those that are known go once more by themselves."""
    registered_lately: bool = False
    """Whether a device that is not found may be found before long (`Registered.decide_to_wait`)."""
    in_words: bool = True
    """Whether a request was refused in words of the API's own: else a gateway may have stumbled."""
    others_do_well: bool = True
    """Whether a job of others was Completed since this device's last one Failed: else it may be the API."""
    blamed: bool = False
    """Whether a job of it alone came to nothing before, while others did well. Once may be where an outage
    begins or ends."""
    other_half_good: bool = False
    """Whether the other half of a batch that came to nothing was Completed: it must be this one."""


def decide(event: Event, rejection: Rejection, context: Context) -> Fate:
    """Return what becomes of the event. Its bad verdict isn't counted yet."""
    if not _proven(context):
        if rejection.reason is Reason.DEVICE_NOT_FOUND and context.registered_lately:
            return Fate.NOT_YET
        if context.adopted:
            return Fate.AGAIN
        left = attempts_left(event, context.max_attempts, others_do_well=context.others_do_well)
        if left > 0 and _may_help(rejection, context):
            return Fate.ONCE_MORE if event.last_chance else Fate.AGAIN
    return Fate.REFUSED if event.merged is None and context.wholly_ours else Fate.TAKE_APART


def attempts_left(event: Event, max_attempts: int, *, others_do_well: bool = True) -> int:
    """Return how many attempts it has left, one more being in vain; none if zero or less.

    | | others do well | its job Failed while nobody does well |
    |---|---|---|
    | usually | `max_attempts`, less its bad verdicts and this | the same |
    | in its last chance | none | one, if it had as many |
    """
    left = max_attempts - event.bad_verdicts - 1
    if not event.last_chance:
        return left
    return 0 if others_do_well else min(left, 1)


def _proven(context: Context) -> bool:
    """Whether it is proven that this device is at fault, so that another attempt is useless."""
    return context.other_half_good or (context.blamed and context.others_do_well)


def _may_help(rejection: Rejection, context: Context) -> bool:
    """Whether it may help to send the device again."""
    stumbled = rejection.reason is Reason.REFUSED_BY_API and not context.in_words
    return TRAITS[rejection.reason].retryable or stumbled
