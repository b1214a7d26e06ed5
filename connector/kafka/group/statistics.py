"""What is taken from librdkafka's statistics: a large JSON text every few seconds, read for a few fields."""

from __future__ import annotations

import msgspec

from connector.model import TopicPartition

_STEADY = 2_000_000
"""Microseconds: a plaintext client at a SASL listener counts as up for a moment before it is thrown out."""


class _Window(msgspec.Struct):
    avg: int = 0
    cnt: int = 0


class _Broker(msgspec.Struct):
    state: str = ""
    stateage: int = 0
    nodeid: int = -1
    rtt: _Window = msgspec.field(default_factory=_Window)


class _Partition(msgspec.Struct):
    partition: int
    hi_offset: int = -1
    ls_offset: int = -1


class _Topic(msgspec.Struct):
    topic: str
    partitions: dict[str, _Partition] = {}


class _Report(msgspec.Struct):
    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}


_decoder = msgspec.json.Decoder(_Report)


class Statistics(msgspec.Struct, frozen=True):
    """The consumer, as of the last report (every `statistics.interval.ms`).

    `round_trip` is the slowest broker's mean in seconds, None where nothing was measured.
    `connected`: a broker has been up for some seconds. `ends` is each partition's end as a fetch reply
    last told it: of what read_committed may read; `log_ends` that of the log, with what lies behind a
    producer's open transaction.
    """

    round_trip: float | None = None
    connected: bool = False
    ends: dict[TopicPartition, int] = {}
    log_ends: dict[TopicPartition, int] = {}


def parse(text: str | bytes) -> Statistics:
    """Read a report of librdkafka; fields that are missing count as unknown."""
    report = _decoder.decode(text)
    measured = [b.rtt.avg / 1e6 for b in report.brokers.values() if b.rtt.cnt and b.nodeid >= 0]
    ends, log_ends = {}, {}
    for topic in report.topics.values():
        for partition in topic.partitions.values():
            end = partition.ls_offset if partition.ls_offset >= 0 else partition.hi_offset
            if partition.partition >= 0 and end >= 0:
                place = TopicPartition(topic.topic, partition.partition)
                ends[place], log_ends[place] = end, max(end, partition.hi_offset)
    return Statistics(
        round_trip=max(measured, default=None),
        connected=any(b.state == "UP" and b.stateage >= _STEADY for b in report.brokers.values()),
        ends=ends,
        log_ends=log_ends,
    )
