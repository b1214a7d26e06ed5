"""What an API that fails answers, and what an engine has left and has told."""

from __future__ import annotations

from connector.answers import Denied, Unavailable
from connector.model import Cause
from tests.unit.core.driving import Drive

BROKEN = Unavailable("Internal error", 500, maybe_accepted=True)
SILENT = Unavailable("ReadTimeout", maybe_accepted=True)
FORBIDDEN = Denied(Cause.UNAUTHORIZED, "<html>Request blocked", 403)
SICK = 55
"""Offset of the record whose device the API stumbles over."""
MINUTE = 60.0


def unsettled(drive: Drive) -> int:
    return sum(assignment.events_held for assignment in drive.engine.assignments.values())


def told(drive: Drive) -> list[dict[str, object]]:
    """What was said of requests that fail alone."""
    return [each.fields for each in drive.engine.notices if each.text.endswith("alone fails")]
