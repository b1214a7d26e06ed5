"""A checkpoint whose first records are gone from the log -> what it knows of what is left, and of these.

Given: the committed position with its text, and where the log begins now. Gives: a position and text from
there on, and how many of the offsets before were not settled.
"""

from __future__ import annotations

import msgspec

from connector.core.remembering.checkpoint import decode, encode
from connector.model import Position


def rebased(committed: Position, low: int) -> Position:
    """Return where to go on from `low`, with what the checkpoint knows of the offsets from there on.

    Without it they would be sent once more, while their jobs run, and their letters be written again. Jobs
    with records that are gone stay in it without these: newer records wait until they have ended.
    """
    known = decode(committed.metadata, committed.offset)
    if known is None:
        return Position(low, "")
    settled = known.settled[low - committed.offset :]
    offset = low + len(settled) - len(settled.lstrip(b"\1"))
    jobs = []
    for job in known.jobs:
        left = tuple(each for each in job.offsets if each >= offset)
        if left:
            jobs.append(msgspec.structs.replace(job, offsets=left))
        if not job.offsets or job.offsets[0] < low:
            jobs.append(msgspec.structs.replace(job, offsets=()))
    return Position(offset, encode(offset, settled[offset - low :], jobs).text)


def unsettled_below(committed: Position, low: int) -> tuple[int, int]:
    """Count the offsets from the committed one up to `low` that aren't settled, and those of them in jobs."""
    known = decode(committed.metadata, committed.offset)
    if known is None:
        return low - committed.offset, 0
    settled = known.settled[: low - committed.offset].count(1)
    submitted = {offset for job in known.jobs for offset in job.offsets if committed.offset <= offset < low}
    return low - committed.offset - settled, len(submitted)
