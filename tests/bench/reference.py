"""The first reference: a plain consume loop that decodes each value and does nothing else.

A process of its own: `python -m tests.bench.reference BOOTSTRAP TOPIC EVENTS` prints one JSON object.
"""

# ruff: noqa: T201 -- what it prints is what it is for

from __future__ import annotations

import json
import os
import sys
import time

import msgspec
from confluent_kafka import Consumer


class Tags(msgspec.Struct, gc=False):
    """What the loop decodes: the device, and its tags as raw bytes."""

    hwid: str | None = None
    tags: msgspec.Raw = msgspec.Raw()


def consume_all(bootstrap: str, topic: str, events: int) -> dict[str, float]:
    """Read `events` events from the beginning. Time and CPU count from the first list on."""
    decode = msgspec.json.Decoder(Tags).decode
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reference-{os.getpid()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    first: list[bytes] = []
    while not first:
        first = [m.value() or b"" for m in consumer.consume(10_000, 0.1) if m.error() is None]
    began, cpu_before, seen = time.monotonic(), time.process_time(), len(first)
    while seen < events:
        messages = consumer.consume(10_000, 0.1)
        for message in messages:
            decode(message.value() or b"")
        seen += len(messages)
    took, cpu = time.monotonic() - began, time.process_time() - cpu_before
    consumer.close()
    counted = max(1, seen - len(first))
    return {"events_per_second": counted / took, "cpu_per_million": cpu / counted * 1e6}


if __name__ == "__main__":
    print(json.dumps(consume_all(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
