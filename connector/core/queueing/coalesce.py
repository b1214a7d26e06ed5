"""Merges updates of one device that wait together, where that is provably the same as one after the other.

`set` after `set`: per tag, the last value counts, unless it is null: whether the API clears a tag then, or
leaves it as it is, nobody knows. `append` after `append` and `remove` after
`remove`: where the tag names are disjoint or both values are arrays, which are joined. Different operators
never merge, and a registration merges with nothing.

An API may leave out of what is appended what a list has already, but not what one request has twice. So
arrays that share an item are not joined, unless they are long or many events wait for the device: then one
after the other would take too long, and only such an API tells the difference.

The merged update lives on its first event, the head: `Event.merged` has the tags as they will be
sent and the later events. One good verdict settles them all. A refused one is taken apart again:
the rows of the events themselves were never changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Raw

from connector.core.assigned.assignment import Assignment
from connector.core.reading.event import Event, Merged
from connector.model import Endpoint

MOST_COMPARED = 1000
"""Bytes of an array, and items that are joined, up to which they are compared: more of them take too much
time and memory."""


class _Row(msgspec.Struct, gc=False, omit_defaults=True):
    """A device of bulkSetTags, taken apart as far as merging needs it."""

    tags: dict[str, Raw] = {}
    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    list_operator: str | None = None


_decode = msgspec.json.Decoder(_Row).decode
_write = msgspec.json.Encoder().encode
_NULL = Raw(b"null")
_items = msgspec.json.Decoder(list[str | int | float | bool | None]).decode


def _tags_of(row: bytes) -> dict[str, Raw] | None:
    """Read a row's tags; None if nested almost too deeply: decoding read it with less of the stack in use."""
    try:
        return _decode(row).tags
    except RecursionError:
        return None


def merge(head: Event, event: Event, max_row: int, *, repeats: bool = False) -> bool:
    """Make `head` stand for `event` too, if that is the same as sending one after the other.

    `event` is the later one and stands for nothing but itself. False, and nothing changed, where
    they name different identifiers, can't be read or merged, or the row would exceed `max_row` bytes.
    `repeats`: append what is appended already, too.
    """
    if (
        head.endpoint is not Endpoint.TAGS
        or event.endpoint is not Endpoint.TAGS
        or head.list_operator != event.list_operator
        or head.keys != event.keys
    ):
        return False
    merged = head.merged
    if merged is None and (tags := _tags_of(head.row)) is not None:
        merged = Merged(tags, len(head.row), [])
    changes = _tags_of(event.row)
    if merged is None or changes is None:
        return False
    if head.list_operator != "set":
        return _append(head, merged, event, changes, max_row, repeats=repeats)
    size = merged.size + _growth(merged.tags, changes)
    clears = any(value == _NULL and name in merged.tags for name, value in changes.items())
    if size > max_row or clears:
        return False
    merged.tags.update(changes)
    merged.size = size
    merged.events.append(event)
    head.merged = merged
    return True


def _append(
    head: Event, merged: Merged, event: Event, changes: dict[str, Raw], max_row: int, *, repeats: bool
) -> bool:
    """Merge the values of an `append` or a `remove`; False where two of a name can't be joined."""
    arrays: dict[str, list[bytes]] = {}
    items: dict[str, Sequence[object]] = {}
    new: dict[str, Raw] = {}
    size = merged.size
    for name, value in changes.items():
        if name not in merged.tags:
            new[name] = value
            continue
        values = [value] if name in merged.arrays else [merged.tags[name], value]
        parts = [part for each in values if (part := _inside(each)) is not None]
        if len(parts) < len(values):
            return False
        if head.list_operator == "append" and not repeats:
            later = _items_to_join(merged, name, value)
            if later is None:
                return False
            items[name] = later
        arrays[name] = [part for part in parts if part]
        size += len(parts[-1]) + len(",")
    size += _growth(merged.tags, new)
    if size > max_row:
        return False
    merged.tags.update(new)
    for name, parts in arrays.items():
        merged.arrays.setdefault(name, []).extend(parts)
    for name, later in items.items():
        merged.items.setdefault(name, set()).update(later)
    merged.size = size
    merged.events.append(event)
    head.merged = merged
    return True


def _items_to_join(merged: Merged, name: str, value: Raw) -> Sequence[object] | None:
    """Return the items of an array to be joined to that of a tag; None where they share one, or may."""
    if len(value) > MOST_COMPARED or len(merged.items.get(name, ())) > MOST_COMPARED:
        return ()
    try:
        if name not in merged.items:
            merged.items[name] = set(_items(merged.tags[name]))
        later = _items(value)
    except msgspec.MsgspecError:  # an item that is itself a list or an object
        return None
    return later if merged.items[name].isdisjoint(later) else None


def _inside(value: Raw) -> bytes | None:
    """Return what is between the brackets; None of what is no array."""
    text = bytes(value).strip()
    return text[1:-1].strip() if text.startswith(b"[") else None


def _growth(old: dict[str, Raw], changes: dict[str, Raw]) -> int:
    growth = 0
    for name, value in changes.items():
        before = old.get(name)
        if before is None:
            growth += len(_write(name)) + len(value) + 2
        else:
            growth += len(value) - len(before)
    return growth


def row_of(event: Event) -> bytes:
    """The row to send: the event's own, or the merged one."""
    merged: Merged | None = event.merged
    if merged is None:
        return event.row
    return _write(_Row(merged.joined(), event.hwid, event.user_id, event.push_token, event.list_operator))


def size_of(event: Event) -> int:
    """Bytes of the row to send, or a little more."""
    return len(event.row) if event.merged is None else event.merged.size


def contributors(event: Event) -> list[Event]:
    """The event and all that it stands for, oldest first."""
    return [event] if event.merged is None else [event, *event.merged.events]


def superseded(event: Event) -> list[Event]:
    """Those contributors none of whose values was sent, because later ones replaced each of them."""
    if event.merged is None or event.list_operator != "set":
        return []
    seen: set[str] = set()
    found: list[Event] = []
    for each in reversed(contributors(event)):
        tags = _tags_of(each.row)
        if seen and tags is not None and tags.keys() <= seen:
            found.append(each)
        else:
            seen |= tags.keys() if tags else set()
    return found


def by_partition(events: Iterable[Event]) -> tuple[Mapping[Assignment, list[Event]], int]:
    """Return all that these stand for by partition, and how many of ours among them were superseded."""
    found: defaultdict[Assignment, list[Event]] = defaultdict(list)
    replaced = 0
    for event in events:
        if event.merged is None:
            found[event.assignment].append(event)
        else:
            replaced += len([each for each in superseded(event) if each.assignment.live])
            for each in contributors(event):
                found[each.assignment].append(each)
    return found, replaced


def take_apart(event: Event, max_row: int, *, one_by_one: bool) -> list[Event]:
    """Return what a merged update stood for, in order: its events one by one, or its two halves merged anew.

    A refused half is halved again, so that k bad events among n are found in about k log2 n
    submissions. One by one is cheaper where the device itself is what fails. Either way only
    what is refused by itself ends as a dead letter.
    """
    events = contributors(event)
    if one_by_one:
        for each in events:
            each.merged = None
            each.unmergeable = True
        return events
    middle = len(events) // 2
    return [*join(events[:middle], max_row), *join(events[middle:], max_row)]


def join(events: Iterable[Event], max_row: int) -> list[Event]:
    """Merge events of one device, in order, as far as that goes. None absorbs further ones afterwards."""
    heads: list[Event] = []
    for event in events:
        event.merged = None
        event.unmergeable = True
        if not heads or not merge(heads[-1], event, max_row):
            heads.append(event)
    return heads
