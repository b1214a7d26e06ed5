"""What a mapping costs: CPU of decoding an event without one, with plain paths, with Debezium's example."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.mapping.mapping import MappedDecoder, plain_json
from connector.mapping.reading import Given, mappings
from connector.model import Content, Record
from tests.bench.setting import Bench
from tests.records import ARecord

_TOPIC = "t"
_EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "debezium.toml"
_ROUNDS = 5

PATHS = {
    "hwid": "user.device.id",
    "tags": {"plan": "subscription.plan", "seats": "subscription.seats", "labels": "labels"},
}


def mapping(bench: Bench) -> None:
    """Time each; the ratio to the same event without a mapping is what a faster machine doesn't change."""
    events = bench.scale(50_000, 500)
    flat = _records({"hwid": "A%d", "tags": {"plan": "pro", "seats": 3, "labels": ["a", "b"]}}, events)
    nested = _records(
        {
            "user": {"device": {"id": "A%d"}},
            "subscription": {"plan": "pro", "seats": 3},
            "labels": ["a", "b"],
        },
        events,
    )
    before = {"id": 1, "plan": "free", "interests": '["news"]', "created_at": 1709249400000000}
    change = {"before": before, "after": {**before, "plan": "pro"}, "op": "u", "ts_ms": 1709249460456}
    example = tomllib.loads(_EXAMPLE.read_text())["mapping"]["shop.public.customers"]
    without = _cost(Interpreter(Content.TAGS), flat)
    bench.add("mapping", "none", without, "us/event")
    for name, table, records in (
        ("plain paths", PATHS, nested),
        ("Debezium's example", example, _records(change, events)),
    ):
        cost = _cost(_mapped(table), records)
        bench.add("mapping", name, cost, "us/event")
        bench.add("mapping", f"{name} to none", cost / without, "times")


def _mapped(table: Mapping[str, Any]) -> Interpreter:
    compiled = mappings(Given(table, {}, {_TOPIC: Content.TAGS}, False))[_TOPIC]
    return Interpreter(Content.TAGS, MappedDecoder(Content.TAGS, compiled, plain_json))


def _records(shape: Mapping[str, Any], events: int) -> list[Record]:
    text = json.dumps(shape)
    return [ARecord(text.replace("%d", str(number)).encode()) for number in range(events)]


def _cost(interpreter: Interpreter, records: Sequence[Record]) -> float:
    """Microseconds of CPU for each event, the least of some rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        found = interpreter.read(records)
        rounds.append(time.process_time() - began)
        if not all(isinstance(each, Event) for each in found):
            raise AssertionError("a record was refused")
    return min(rounds) / len(records) * 1e6
