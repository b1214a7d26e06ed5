"""Events with known consequences: each device's tags in the end, and which records must be refused."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from connector.sandbox.devices import change_tags

REFUSED_TAG = "forbidden"
FAULTS: dict[str, Any] = {
    "device_failed": [{"prefix": "failed-"}],
    "device_not_found": [{"prefix": "gone-"}, {"prefix": "shy-", "first": 2}],
    "row_missing": [{"prefix": "rowless-"}, {"prefix": "late-", "first": 1}],
    "row_duplicated": [{"prefix": "twice-"}],
    "batch_refused": [{"prefix": "poison-"}],
    "tag_refused": [{"tags": [REFUSED_TAG]}],
    "rows_shuffled": [{"share": 0.3}],
    "rows_foreign": [{"share": 0.3, "rows": 2}],
    "counters": [{"share": 0.3, "form": "strings"}, {"share": 0.3, "form": "lying"}],
    "status_words": [{"share": 0.5}],
}
"""Every oddity of a single device, all at once; a prefix says what a device is prone to.

But for `rows_unnamed`: rows that only their place tells must all be there, and in order.
"""

UNNAMED: dict[str, Any] = {
    "rows_unnamed": [{}],
    **{name: FAULTS[name] for name in ("device_failed", "device_not_found", "batch_refused", "tag_refused")},
    **{name: FAULTS[name] for name in ("counters", "status_words")},
}
"""Rows without names, and every oddity that leaves each row at its place."""

DOOMED = {
    "failed-": "device_failed",
    "gone-": "device_not_found",
    "rowless-": "no_verdict",
    "poison-": "refused_by_api",
}
"""Prefixes of devices all of whose events end in the dead-letter topic, and the reason."""
PRONE = [*DOOMED, "shy-", "late-", "twice-"]
PRONE_UNNAMED = [prefix for prefix in PRONE if prefix not in ("rowless-", "late-", "twice-")]
_UNREADABLE: list[tuple[bytes, str]] = [
    (b"\xff\xfe", "undecodable"),
    (b"not json", "undecodable"),
    (b"[1, 2]", "invalid_event"),
    (b'{"type": "tags", "tags": {"plan": "pro"}}', "invalid_event"),
    (b'{"type": "tags", "hwid": "x", "tags": {}}', "invalid_event"),
    (b'{"type": "registration", "hwid": "x", "push_token": "t", "platform": 5}', "invalid_event"),
]


class Change(NamedTuple):
    """What the event of a record, named by its index, does to its device."""

    record: int
    name: str
    operator: str
    tags: dict[str, Any]


@dataclass
class Workload:
    """Records for one mixed topic, keyed by device, so that each device's events are in one partition."""

    records: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    tags: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Final tags by device, of those that are not doomed."""
    refused: dict[int, str] = field(default_factory=dict)
    """By the record's index, the reason for which it must be dead-lettered. Its header `n` is the index."""
    changes: list[Change] = field(default_factory=list)
    """What each good event does, in order."""

    def without(self, indices: Collection[int], refused: str = "") -> Workload:
        """The same workload if these records had no effect; with `refused`, because of that reason."""
        gone = frozenset(indices)
        left = Workload(self.records)
        left.refused = {index: why for index, why in self.refused.items() if index not in gone}
        left.refused |= dict.fromkeys(gone, refused) if refused else {}
        for change in self.changes:
            if change.record not in gone:
                left.change(change)
        return left

    def change(self, change: Change) -> None:
        """Take in what a good event does."""
        self.changes.append(change)
        change_tags(self.tags.setdefault(change.name, {}), change.operator, change.tags)


def mixed(  # noqa: PLR0913 - a share or a choice each
    events: int,
    devices: int,
    seed: int = 1,
    *,
    odd: float = 0.02,
    unreadable: float = 0.003,
    spoilt: float = 0.005,
    skew: float = 0.5,
    operators: str = "set set set append remove",
    prone: Sequence[str] = PRONE,
) -> Workload:
    """Return `events` records over `devices` devices with skew: a few are busy, most are not; 0 is even.

    `odd` is a share of devices, `unreadable` of records, `spoilt` of events with a tag that is refused;
    `prone` are the prefixes of odd devices.
    """
    dice = random.Random(seed)
    work = Workload()
    names = [*_names(devices, dice, odd, prone)]
    weights = [*accumulate(1 / (rank + 1) ** skew for rank in range(devices))]
    for index in range(events):
        chance = dice.random()
        if chance < unreadable:
            value, reason = dice.choice(_UNREADABLE)
            work.records.append((b"odd", value))
            work.refused[index] = reason
        elif chance < unreadable + 0.001:
            work.records.append((b"odd", None))
        else:
            (name,) = dice.choices(names, cum_weights=weights)
            _add(work, index, name, dice.choice(operators.split()), dice, spoilt)
    return work


def _names(devices: int, dice: random.Random, odd: float, prone: Sequence[str]) -> Iterator[str]:
    for number in range(devices):
        prefix = dice.choice(prone) if dice.random() < odd else ""
        yield f"{prefix}device-{number}"


def _add(work: Workload, index: int, name: str, operator: str, dice: random.Random, spoilt: float) -> None:
    event: dict[str, Any] = {"type": "tags", "hwid": name, "list_operator": operator}
    # The second name makes every event's content unique: the sandbox tells by it what was sent twice.
    tags: dict[str, Any] = {"interests": [dice.choice(["news", "sport", "music", "food"]), f"n{index}"]}
    if operator == "set":
        tags = {"seen": index}
        if dice.random() < 0.3:
            tags["interests"] = ["news"]
        if dice.random() < 0.3:
            tags[f"t{dice.randrange(5)}"] = dice.choice(["a", "b", 3, 4.5, True])
    if dice.random() < 0.1:
        event = {
            "type": "registration",
            "hwid": name,
            "push_token": f"token-{name}",
            "platform": dice.choice([1, "android"]),
        }
        tags = {"registered": index}
        operator = "set"
    doomed = next((reason for prefix, reason in DOOMED.items() if name.startswith(prefix)), None)
    if doomed is None and dice.random() < spoilt and event["type"] == "tags":
        doomed = "tag_refused"
        work.change(Change(index, name, operator, tags))
        tags = {**tags, REFUSED_TAG: index}
    elif doomed is None:
        work.change(Change(index, name, operator, tags))
    event["tags"] = tags
    if doomed is not None:
        work.refused[index] = doomed
    work.records.append((name.encode(), json.dumps(event).encode()))
