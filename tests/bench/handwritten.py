"""The second reference: what somebody writes by hand in an afternoon. It promises far less.

Consume, POST, poll, commit the finished prefix; N jobs in flight, a doubling poll schedule. A device may be
in two jobs at once, a row that is not `done` is only counted, nothing survives a crash but the offsets.
A process of its own: `python -m tests.bench.handwritten BOOTSTRAP TOPIC EVENTS URL` prints one JSON object.
"""

# ruff: noqa: T201 -- what it prints is what it is for

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import deque

import httpx
import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

IN_FLIGHT = 16
DEVICES = 1000
PATH = "/api/v2/audience/bulkSetTags"


class Device(msgspec.Struct, gc=False, omit_defaults=True):
    hwid: str = ""
    list_operator: str = "set"
    tags: msgspec.Raw = msgspec.Raw(b"{}")


class Report(msgspec.Struct):
    request_id: str
    status: str
    devices: list[dict[str, object]] = []


decode = msgspec.json.Decoder(Device).decode
encode = msgspec.json.Encoder().encode
decode_report = msgspec.json.Decoder(Report).decode


async def job(http: httpx.AsyncClient, messages: list[Message]) -> int:
    """Send one batch and poll until it is finished. Return how many devices are done."""
    devices = [decode(message.value() or b"") for message in messages]
    body = encode({"application": "AAAAA-BBBBB", "auth": "token", "devices": devices})
    answer = await http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    request_id = decode_report(answer.raise_for_status().content).request_id
    pause = 0.005
    while True:
        answer = await http.get(f"{PATH}/{request_id}", params={"detailed": "true"})
        report = decode_report(answer.raise_for_status().content)
        if report.status == "Completed":
            return sum(row["status"] == "done" for row in report.devices)
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)


async def run(bootstrap: str, topic: str, events: int, url: str) -> dict[str, float]:
    """Deliver `events` events from the beginning. Time and CPU count from the first list on."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"handwritten-{os.getpid()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    jobs: deque[tuple[asyncio.Task[int], list[Message]]] = deque()
    began = cpu_before = 0.0
    taken = confirmed = 0
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        while confirmed < events:
            if len(jobs) < IN_FLIGHT and taken < events:
                messages = await asyncio.to_thread(consumer.consume, DEVICES, 0.1)
                if messages and not began:
                    began, cpu_before = time.monotonic(), time.process_time()
                if messages:
                    taken += len(messages)
                    jobs.append((asyncio.create_task(job(http, messages)), messages))
            elif not jobs[0][0].done():
                await asyncio.wait([task for task, _ in jobs], return_when=asyncio.FIRST_COMPLETED)
            ends: dict[int, int] = {}
            while jobs and jobs[0][0].done():  # the finished prefix
                task, messages = jobs.popleft()
                confirmed += task.result()
                ends |= {message.partition() or 0: (message.offset() or 0) + 1 for message in messages}
            if ends:
                consumer.commit(offsets=[TopicPartition(topic, p, end) for p, end in ends.items()])
    took, cpu = time.monotonic() - began, time.process_time() - cpu_before
    consumer.close()
    return {"events_per_second": confirmed / took, "cpu_per_million": cpu / confirmed * 1e6}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))))
