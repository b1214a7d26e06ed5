"""Events of about 150 bytes: a backlog at once, or a steady stream in a process of its own.

`python -m tests.bench.load BOOTSTRAP TOPIC RATE SECONDS` streams at RATE events a second, timestamps as sent.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import Producer

SLICE = 0.005
"""Seconds between two writes of a stream."""
Made = Callable[[int, str], bytes]


def event(number: int, device: str) -> bytes:
    """One tags event: an ordinary mix of values."""
    return (
        b'{"type":"tags","hwid":"%b","list_operator":"set","tags":{"plan":"pro",'
        b'"interests":["news","sport"],"visits":%d,"city":"Berlin","score":1.5}}'
    ) % (device.encode(), number)


def registration(number: int, device: str) -> bytes:
    """One registration of about the same length."""
    return (
        b'{"type":"registration","hwid":"%b","push_token":"token-%09d-0123456789abcdef",'
        b'"platform":"ios","tags":{"plan":"pro","visits":%d}}'
    ) % (device.encode(), number, number)


def by_turns(number: int, device: str) -> bytes:
    """One registration, then two tags events."""
    return registration(number, device) if number % 3 == 0 else event(number, device)


def of_user(number: int, device: str) -> bytes:
    """A tags event of a user instead of a device."""
    return event(number, device).replace(b'"hwid"', b'"user_id"')


def once_each(count: int, start: int = 0) -> Iterator[str]:
    """Device names, no device twice."""
    return (f"device-{number:09d}" for number in range(start, start + count))


def evenly(count: int, devices: int) -> Iterator[str]:
    """Device names in turn: each comes again after all others."""
    return (f"device-{number % devices:09d}" for number in range(count))


def by_zipf(count: int, devices: int, exponent: float = 1.0, seed: int = 1) -> Iterator[str]:
    """Device names, the k-th busiest with a weight of 1 / k ** exponent."""
    dice = random.Random(seed)
    sums = list(itertools.accumulate(1 / rank**exponent for rank in range(1, devices + 1)))
    return (f"device-{bisect_left(sums, dice.random() * sums[-1]):09d}" for _ in range(count))


def hot(count: int, share: float, seed: int = 1) -> Iterator[str]:
    """One device has this share of all events, each other device one."""
    dice = random.Random(seed)
    return ("hot-device" if dice.random() < share else f"device-{number:09d}" for number in range(count))


def backlog(bootstrap: str, topic: str, names: Iterable[str], made: Made = event) -> int:
    """Write an event for each name, keyed by it, as `made` makes it of a number and the name; count them."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 200_000,
        }
    )
    count = 0
    for count, name in enumerate(names, 1):
        while True:
            try:
                producer.produce(topic, made(count, name), name)
                break
            except BufferError:
                producer.poll(0.05)
        if count % 10_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("events were not written")
    return count


def stream(bootstrap: str, topic: str, rate: float, seconds: float) -> None:
    """Write events at an even rate; a device comes again after 200,000 others."""
    # Without a linger each slice is many small requests: at 40,000 a second they kept the broker busy alone.
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": SLICE * 1000})
    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        for number in range(sent, int(rate * now)):
            name = f"device-{number % 200_000:09d}"
            producer.produce(topic, event(number, name), name)
        sent = max(sent, int(rate * now))
        producer.poll(0)
        time.sleep(SLICE)
    if producer.flush(30):
        raise RuntimeError("events were not written")


if __name__ == "__main__":
    stream(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
