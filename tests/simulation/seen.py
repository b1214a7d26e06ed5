"""What was seen at the API: jobs, the devices in them, and what was told of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.outcomes import Row
from tests.simulation.records import Id


@dataclass(slots=True, eq=False)
class Device:
    """A device as it was sent."""

    plain: dict[str, Any]
    records: list[Id]
    names: list[str]


@dataclass(slots=True, eq=False)
class Seen:
    """A job that the API accepted."""

    request_id: str
    poster: str
    devices: list[Device]
    since: float
    """When it was accepted."""
    orphan: bool
    adopted: bool = False
    """Somebody began with a partition of it since."""
    ended_at: float = math.inf
    concluded: bool = False
    """Its end was told to somebody."""
    good: set[Id] = field(default_factory=set)
    verdicts: dict[Id, str] = field(default_factory=dict)
    """Of a record that was alone in its row: `failed`, `not found`, `refused`, `missing`."""
    forgotten: set[Id] = field(default_factory=set)
    """Records whose owner cannot know of this job: they may be sent again, and come late."""

    @property
    def ended(self) -> bool:
        return self.ended_at < math.inf

    @property
    def records(self) -> list[Id]:
        return [each for device in self.devices for each in device.records]


def named_as(row: Row, plain: dict[str, Any]) -> bool:
    return (row.user_id, row.push_token) == (plain.get("user_id"), plain.get("push_token"))


def verdict_of(rows: list[Row]) -> str:
    """What the rows of one device say of it: the worst of them."""
    if not rows:
        return "missing"
    refused = any(answer != "ok" for row in rows for answer in (row.tags or {}).values())
    words = {row.status for row in rows}
    if "failed" in words:
        return "failed"
    if refused:
        return "refused"
    return "good" if words == {"done"} else "not found"
