"""The demo's events, and what must become of each: known before anything runs.

Every event has a content of its own (a counter, an article that nobody else put into a cart), so that the
sandbox can tell a device that was sent twice from two events that are equal.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from connector.model import Reason
from connector.sandbox.devices import change_tags

FAULTS: dict[str, Any] = {
    "latency": {"seconds": 0.4, "distribution": "uniform"},
    "device_failed": [{"prefix": "failing-"}],
    "device_not_found": [{"prefix": "unknown-"}, {"prefix": "shy-", "first": 2}],
    "row_missing": [{"prefix": "rowless-", "first": 1}],
    "batch_refused": [{"prefix": "poison-"}],
    "tag_refused": [{"tags": ["misspelt"]}],
    "rows_shuffled": [{"share": 0.2}],
    "counters": [{"share": 0.2, "form": "lying"}],
}
"""What the sandbox does to devices: the prefix says what one is prone to."""

_DOOMED = {
    "failing-": Reason.DEVICE_FAILED,
    "unknown-": Reason.DEVICE_NOT_FOUND,
    "poison-": Reason.REFUSED_BY_API,
}
"""Devices none of whose events can ever be confirmed."""
_POISONED = 17
"""The one device that has a whole batch refused, by its number."""
_UNREADABLE: list[tuple[bytes, Reason]] = [
    (b"\xff\xfe no UTF-8", Reason.UNDECODABLE),
    (b'{"type": "tags", "hwid": "cut o', Reason.UNDECODABLE),
    (b'{"type": "tags", "tags": {"plan": "pro"}}', Reason.INVALID_EVENT),
    (b'{"type": "registration", "hwid": "x", "push_token": "t", "platform": "nokia"}', Reason.INVALID_EVENT),
]
_PLANS = ("free", "basic", "pro")
_UNREADABLE_SHARE, _TOMBSTONE_SHARE, _MISSPELT_SHARE, _ODD_DEVICES_SHARE = 0.004, 0.001, 0.004, 0.01
_REGISTRATIONS, _APPENDS, _REMOVES = 0.1, 0.25, 0.1
"""Shares of the readable events; the rest sets tags."""
_PLAN_SHARE, _SCORE_SHARE = 0.3, 0.2
_BUSY = 200
"""The smaller, the more events the busiest devices get."""


@dataclass(frozen=True)
class DemoEvent:
    """One record for the mixed topic. `refused` is the reason of its dead letter, None for the others."""

    key: bytes
    value: bytes | None
    refused: Reason | None = None


@dataclass
class Story:
    """All records in the order of production, and every device's tags after all of them, one by one."""

    events: list[DemoEvent] = field(default_factory=list)
    tags: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By hwid; a device of whose events none can be confirmed has none."""


def story(count: int, devices: int, seed: int) -> Story:
    """Make up `count` events of `devices` devices, some far busier than others. The seed repeats it."""
    dice = random.Random(seed)  # noqa: S311 - made-up events, no secrets
    told = Story()
    names = [_name(number, dice) for number in range(devices)]
    weights = [*accumulate((rank + _BUSY) ** -0.5 for rank in range(devices))]
    carts: dict[str, list[str]] = {name: [] for name in names}
    for index, name in enumerate(dice.choices(names, cum_weights=weights, k=count)):
        chance = dice.random()
        if chance < _UNREADABLE_SHARE:
            value, reason = dice.choice(_UNREADABLE)
            told.events.append(DemoEvent(name.encode(), value, reason))
        elif chance < _UNREADABLE_SHARE + _TOMBSTONE_SHARE:
            told.events.append(DemoEvent(name.encode(), None))
        else:
            told.events.append(_event(index, name, carts[name], dice, told.tags))
    return told


def _name(number: int, dice: random.Random) -> str:
    if number == _POISONED:
        return f"poison-{number}"
    odd = dice.random() < _ODD_DEVICES_SHARE
    prefix = dice.choice(("failing-", "unknown-", "shy-", "rowless-")) if odd else ""
    return f"{prefix}device-{number}"


def _event(
    index: int, name: str, cart: list[str], dice: random.Random, known: dict[str, dict[str, Any]]
) -> DemoEvent:
    fields, tags = _change(index, name, cart, dice)
    applied = dict(tags)
    refused = next((reason for prefix, reason in _DOOMED.items() if name.startswith(prefix)), None)
    if refused is None:
        if "list_operator" in fields and dice.random() < _MISSPELT_SHARE:
            tags["misspelt"] = index
            refused = Reason.TAG_REFUSED
        change_tags(known.setdefault(name, {}), fields.get("list_operator"), applied)
    value = json.dumps({**fields, "tags": tags}).encode()
    return DemoEvent(name.encode(), value, refused)


def _change(
    index: int, name: str, cart: list[str], dice: random.Random
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an event's fields and its tags; notes in `cart` what an append put there."""
    chance = dice.random()
    if chance < _REGISTRATIONS:
        platform = dice.choice([1, "android", "huawei"])
        fields = {"type": "registration", "hwid": name, "push_token": f"token-{name}", "platform": platform}
        return fields, {"registered": index}
    fields = {"type": "tags", "hwid": name, "list_operator": "set"}
    if chance < _REGISTRATIONS + _APPENDS:
        cart.append(f"article-{index}")
        return {**fields, "list_operator": "append"}, {"cart": [cart[-1]]}
    if chance < _REGISTRATIONS + _APPENDS + _REMOVES and cart:
        return {**fields, "list_operator": "remove"}, {"cart": [cart.pop(dice.randrange(len(cart)))]}
    return fields, dict(_profile(index, dice))


def _profile(index: int, dice: random.Random) -> Iterator[tuple[str, Any]]:
    yield "events", index
    if dice.random() < _PLAN_SHARE:
        yield "plan", dice.choice(_PLANS)
    if dice.random() < _SCORE_SHARE:
        yield "score", round(dice.random() * 100, 1)
