"""A provider of made-up figures: what `View` tells an operator on a busy day, and on a bad one."""

from __future__ import annotations

import math
from typing import Any

from connector.ops.rates import Rates
from connector.ops.readiness import readiness
from connector.ops.status import (
    ErrorView,
    GateView,
    Health,
    JobView,
    ObstacleView,
    PartitionView,
    State,
    Status,
)

NOW = 1_790_000_000.0
REQUEST_ID = "4f0c8f3e-9f1b-4c57-8c0b-6a1d2f9b7e10"


_CONFIGURATION: dict[str, Any] = {
    "kafka": {
        "bootstrap_servers": "kafka-0:9092,kafka-1:9092",
        "group_id": "pushwoosh-connector",
        "tags_topics": ["profile-tags"],
        "registrations_topics": ["device-registrations"],
        "dead_letter_topic": "pushwoosh-dead-letters",
        "properties": {"sasl.mechanism": "SCRAM-SHA-512", "sasl.password": "********"},
    },
    "pushwoosh": {
        "url": "https://api.pushwoosh.com",
        "application": "AAAAA-BBBBB",
        "token": "********",
    },
    "batch": {"max_devices": 1000, "max_bytes": "1MiB", "linger": "500ms"},
    "jobs": {"max_in_flight": 16, "deadline": "15m"},
    "buffer": {"max_events": 100_000, "max_bytes": "128MiB"},
}


def _partitions() -> list[PartitionView]:
    return [
        PartitionView(
            topic="profile-tags" if i < 8 else "device-registrations",
            partition=i % 8,
            position=1_284_000 + i * 311,
            end=1_285_100 + i * 340,
            backlog=920 + i * 29,
            oldest_unsettled_seconds=1.4 + i * 0.31,
            buffered=800 + i * 12,
            paused=i == 3,
        )
        for i in range(12)
    ]


def _jobs() -> list[JobView]:
    return [
        JobView(
            REQUEST_ID.replace("4f0c", f"{i}f0c"),
            "bulkSetTags" if i < 6 else "bulkRegisterDevice",
            age=0.4 + 0.9 * i,
            devices=1000 - 13 * i,
            progress=min(100, 12 * i),
            polls=i // 2,
            adopted=i == 7,
        )
        for i in range(8)
    ]


def busy() -> Status:
    """Return a connector at work."""
    wave = [8200 + 1100 * math.sin(i / 23) + 260 * math.sin(i * 1.7) for i in range(180)]
    outage = [w * (0.0 if 96 < i < 109 else 1.12 if 108 < i < 140 else 0.99) for i, w in enumerate(wave)]
    return Status(
        version="1.2.3",
        generated_at=NOW,
        state=State.RUNNING,
        uptime=93_784.0,
        group="pushwoosh-connector",
        member="pushwoosh-connector-7d9c5b-x2x8p",
        partitions=_partitions(),
        jobs_in_flight={"bulkSetTags": 6, "bulkRegisterDevice": 2},
        jobs_limit=16,
        jobs=_jobs(),
        buffered_events=12_400,
        buffered_bytes=9_800_000,
        max_buffered_events=100_000,
        max_buffered_bytes=128 << 20,
        rates=Rates(
            consumed=8123.4,
            confirmed=8098.1,
            dead_letters=2.3,
            consumed_history=wave,
            confirmed_history=outage,
            dead_letters_history=[w * 0.003 for w in outage],
        ),
        errors=[
            ErrorView(NOW - 42, "POST bulkSetTags: 503 Service Unavailable", 14),
            ErrorView(NOW - 3900, "dead-letter topic: the transaction took longer than 10 s", 1),
        ],
        settled={"confirmed": 1_193_200, "superseded": 84_120, "dead_letter": 3_120, "skipped": 512},
        dead_letters={"tag_refused": 2_010, "device_not_found": 900, "undecodable": 210},
        dead_letters_owed={"tag_refused": 7},
        configuration=_CONFIGURATION,
    )


def halted() -> Status:
    """Return a connector that a person must mend."""
    status = busy()
    status.state = State.HALTED
    status.halts = [
        ObstacleView("unauthorized", "401 unauthorized", "check pushwoosh.token or its file", NOW - 95)
    ]
    status.gate = GateView("server_error", "503 Service Unavailable", 7.5, NOW - 61)
    status.troubles = [
        ObstacleView("topic_missing", "unknown topic", "create the topic", NOW - 5, "profile-tags")
    ]
    return status


def cut_off() -> Status:
    """Return a connector that no broker lets in, so that it has no partition."""
    status = busy()
    status.state = State.HALTED
    status.out_of_sight = True
    status.partitions, status.jobs, status.jobs_in_flight = [], [], {}
    status.troubles = [ObstacleView("unreachable", "all brokers are down", "check the network", NOW - 300)]
    return status


def paused() -> Status:
    """Return a connector that somebody paused."""
    status = busy()
    status.state = State.PAUSED
    status.halts = [
        ObstacleView("paused", "paused by 10.0.0.3", "POST /resume, or restart, to go on", NOW - 95)
    ]
    return status


class Provider:
    """A StatusProvider that says what it is told to."""

    def __init__(self, status: Status | None = None) -> None:
        self.now = status or busy()
        self.alive = Health(ok=True, reason="alive")
        self.asked = 0
        """How often `status` was asked for."""

    def live(self) -> Health:
        return self.alive

    def ready(self) -> Health:
        halts = [halt for halt in self.now.halts if halt.cause != "paused"]
        paused = "".join(halt.message for halt in self.now.halts if halt.cause == "paused")
        return readiness(joined=True, halts=halts, stopping=False, paused=paused)

    def status(self) -> Status:
        self.asked += 1
        return self.now
