"""What one unfinished job carries of one partition: for who follows the job, and for who remembers it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connector.model import Endpoint


class JobSlice(msgspec.Struct, frozen=True):
    """What one unfinished job carries of one partition.

    `accepted_at` is in seconds since the epoch, of which whole ones are kept. `application` is
    empty for the default one. `offsets` ascend; without any, its records are gone, and it is awaited.
    """

    request_id: str
    endpoint: Endpoint
    application: str
    accepted_at: float
    offsets: Sequence[int]
