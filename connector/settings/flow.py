"""`[batch]`, `[jobs]`, `[limits]`, `[brake]`, `[buffer]`: how much goes at once, and when to stop."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from connector import values
from connector.settings.fields import (
    Count,
    Duration,
    Rate,
    Share,
    Size,
)
from connector.settings.section import Section


class Batch(Section):
    """`[batch]`: when a batch is full enough to be sent: at the first of the three."""

    max_devices: Annotated[Count, Field(ge=1, le=10_000, description="Most devices in a request.")] = 1000
    max_bytes: Annotated[
        Size,
        Field(
            ge=1024,
            le=16 << 20,
            description="Most bytes of a request's body; an event that has no room there is refused.",
        ),
    ] = 1 << 20
    linger: Annotated[Duration, Field(ge=0, le=600, description="Longest wait for a batch to fill.")] = 0.5


class Jobs(Section):
    """`[jobs]`: what happens between a POST and its verdicts."""

    max_in_flight: Annotated[
        Count,
        Field(
            ge=1,
            le=200,
            description="Most unfinished jobs at once. As many again may be stuck beside them: jobs that "
            "never end, can't be polled or wait for rows.",
        ),
    ] = 16
    adaptive: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        Field(
            description="Fewer jobs at once while the API is overloaded; `false` fixes their number at "
            "`jobs.max_in_flight`."
        ),
    ] = True
    deadline: Annotated[
        Duration,
        Field(
            ge=0.1,
            le=604_800,
            description="A job unfinished for this long counts as lost: it is sent again. Longer where "
            "others fare no better, or usually take more than half of it.",
        ),
    ] = 900.0
    max_attempts: Annotated[
        Count,
        Field(
            ge=1,
            le=1000,
            description="How often a device is sent whose bad verdict may pass (not found, no row, its job "
            "Failed) before it is refused.",
        ),
    ] = 3
    max_resubmissions: Annotated[
        Count,
        Field(
            ge=0,
            le=1000,
            description="How often a lost job is sent again before its devices are refused, if others fare "
            "better.",
        ),
    ] = 3
    poll_ceiling: Annotated[
        Duration, Field(ge=0.01, le=600, description="Longest wait between two questions about one job.")
    ] = 10.0
    probe_interval: Annotated[
        Duration,
        Field(ge=0.01, le=3600, description="How often a halted connector tries whether it can go on."),
    ] = 30.0
    stop_timeout: Annotated[
        Duration, Field(ge=0, le=3600, description="How long an orderly stop waits for unfinished jobs.")
    ] = 20.0


class Rates(Section):
    """`[limits]`: most that one instance sends to the API in a second."""

    requests_per_second: Annotated[
        Rate,
        Field(
            ge=0,
            le=1_000_000,
            description="Most requests a second of this instance, POSTs and GETs together; 0 is no limit.",
        ),
    ] = 0.0
    devices_per_second: Annotated[
        Rate,
        Field(
            ge=0,
            le=1_000_000_000,
            description="Most devices a second of this instance, those that are sent again included; "
            "0 is no limit. Batches become smaller where one would be more than a second's worth.",
        ),
    ] = 0.0


class Brake(Section):
    """`[brake]`: halt instead of emptying the topic into the dead-letter topic."""

    refused_share: Annotated[
        Share,
        Field(
            ge=0, le=1, description="Halt when more than this share of recent events is refused; 0 is off."
        ),
    ] = 0.5
    window: Annotated[Count, Field(ge=1, le=1_000_000, description="How many events are recent.")] = 1000


class Buffer(Section):
    """`[buffer]`: what may be in memory before partitions are paused."""

    max_events: Annotated[
        Count,
        Field(
            ge=1,
            le=10_000_000,
            description="Events in memory from which on partitions are paused; half as many more at most.",
        ),
    ] = 100_000
    max_bytes: Annotated[Size, Field(ge=1024, le=64 << 30, description="The same in bytes.")] = 128 << 20
