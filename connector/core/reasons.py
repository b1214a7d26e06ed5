"""What each reason of a dead letter says of its event, for all that decide by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from connector.model import Reason


class Traits(NamedTuple):
    """What is to be known of a reason."""

    on_reading: bool
    """Whether it is found as the record is read. Otherwise it is found as its device is sent, or after."""
    never_applied: bool
    """Whether it says that nothing of this event is at the API. The others leave that open."""
    retryable: bool
    """Whether sending the device again can help."""
    badness: int
    """What counts where rows of one device differ: what a retry can't help comes first. 0: no row says it."""
    of_values: bool
    """Whether it is said of an update's values: of a merged one, halves tell which. Else of its device."""
    safe_to_show: bool
    """Whether `Rejection.detail` tells of tags and sizes alone. Others may repeat words about a device."""


TRAITS: Mapping[Reason, Traits] = {
    Reason.UNDECODABLE: Traits(
        on_reading=True, never_applied=True, retryable=False, badness=0, of_values=False, safe_to_show=False
    ),
    Reason.INVALID_EVENT: Traits(
        on_reading=True, never_applied=True, retryable=False, badness=0, of_values=False, safe_to_show=False
    ),
    Reason.TOO_LARGE: Traits(
        on_reading=False, never_applied=True, retryable=False, badness=0, of_values=True, safe_to_show=True
    ),
    Reason.DEVICE_FAILED: Traits(
        on_reading=False, never_applied=False, retryable=False, badness=4, of_values=False, safe_to_show=True
    ),
    Reason.DEVICE_NOT_FOUND: Traits(
        on_reading=False, never_applied=True, retryable=True, badness=1, of_values=False, safe_to_show=True
    ),
    Reason.TAG_REFUSED: Traits(
        on_reading=False, never_applied=False, retryable=False, badness=3, of_values=True, safe_to_show=True
    ),
    Reason.REFUSED_BY_API: Traits(
        on_reading=False, never_applied=True, retryable=False, badness=0, of_values=True, safe_to_show=False
    ),
    Reason.NO_VERDICT: Traits(
        on_reading=False, never_applied=False, retryable=True, badness=2, of_values=False, safe_to_show=False
    ),
    Reason.JOB_FAILED: Traits(
        on_reading=False, never_applied=False, retryable=True, badness=0, of_values=False, safe_to_show=False
    ),
}
