"""What a test wants to know of the core, and nobody else asks."""

from __future__ import annotations

from collections.abc import Iterable

from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.holding_back.halts import Halt, Halts
from connector.core.reading.event import Event


def all_halts(halts: Halts) -> list[Halt]:
    """Every halt in force, of the instance and of applications."""
    return [*halts.of_instance.values(), *halts.applications.values()]


def waiting_in(dispatch: Dispatch) -> int:
    """How many events are ready or delayed."""
    exact = sum(len(batch.events) for queue in dispatch.queues.values() for batch in queue.exact)
    late = sum(len(what.events) if isinstance(what, Batch) else 1 for _, _, what in dispatch._later)
    return dispatch.queued + exact + late


def identifiers_of(events: Iterable[Event]) -> set[tuple[str, str, str]]:
    """What names the devices of these events, whatever keys they have their lanes by."""
    return {
        (event.application, kind, name)
        for event in events
        for kind, name in (("hwid", event.hwid), ("user_id", event.user_id), ("token", event.push_token))
        if name is not None
    }
