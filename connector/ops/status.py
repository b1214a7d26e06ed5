"""What an operator is told: the figures behind `/livez`, `/readyz`, `/status.json` and the gauges.

Data only, no input or output. `View` fills these structs when it is asked, never per record.
Ages are seconds; `at` and `since` are seconds since the epoch. Nothing here names a device.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

import msgspec

from connector.ops.privacy import shortened
from connector.ops.rates import Rates


class State(StrEnum):
    """What the connector is doing, in one word.

    The first that is true of: stopping, starting (not in the group), halted (or a trouble stops a part of
    it), paused, gate closed, running.
    """

    STARTING = "starting"
    RUNNING = "running"
    GATE_CLOSED = "gate_closed"
    PAUSED = "paused"
    HALTED = "halted"
    STOPPING = "stopping"


class Health(msgspec.Struct, frozen=True):
    """The answer to a probe; `reason` says what is wrong, or that nothing is."""

    ok: bool
    reason: str


class ObstacleView(msgspec.Struct, frozen=True):
    """What stands in the way, and what to do about it (`mend`).

    A halt or a pause: nothing is submitted then. Or a trouble with Kafka or a decoder.
    """

    cause: str
    message: str
    mend: str
    since: float
    subject: str = ""
    """The topic or application that it is about, where it is about one."""


class GateView(msgspec.Struct, frozen=True):
    """The gate that closes while the API is down; `seconds_left` until the next trial."""

    cause: str
    message: str
    seconds_left: float
    since: float


class PartitionView(msgspec.Struct, frozen=True):
    """One assigned partition. What is not known yet is None, never -1."""

    topic: str
    partition: int
    position: int | None = None
    """The committed offset: all below it is settled."""
    end: int | None = None
    """Where reading ends for now: the log's end, or a producer's open transaction."""
    log_end: int | None = None
    """The offset that the next record will get, as last heard; None while nobody has told."""
    backlog: int | None = None
    """Records that are not settled: the lag, less what is settled beyond `position`."""
    oldest_unsettled_seconds: float = 0.0
    """Age of the oldest record that was read and is not settled; 0 where there is none."""
    buffered: int = 0
    """Events of it that are in memory."""
    paused: bool = False

    @property
    def lag(self) -> int | None:
        """Records between the committed offset and the log's end: what other tools call the consumer lag."""
        if self.position is None or self.end is None:
            return None
        return max(0, self.end - self.position, (self.log_end or 0) - self.position)


class JobView(msgspec.Struct):
    """One unfinished job. Give it the whole request_id: it keeps no more than the beginning."""

    request: str
    endpoint: str
    age: float
    devices: int
    progress: int = -1
    """Percent, as the API says; -1 where it said nothing."""
    polls: int = 0
    adopted: bool = False
    """Submitted by an earlier owner of the partition."""

    def __post_init__(self) -> None:
        """Cut the request_id down."""
        self.request = shortened(self.request)


class Snapshot(msgspec.Struct, kw_only=True):
    """The figures that the gauges of `/metrics` show at a scrape."""

    state: State = State.STARTING
    applications: list[str] = []
    """Codes of all that are configured, the default one first."""
    halts: list[ObstacleView] = []
    gate: GateView | None = None
    """None while it is open."""
    troubles: list[ObstacleView] = []
    """What is wrong between here and Kafka, or with a decoder; `cause` is a code such as `topic_missing`."""
    partitions: list[PartitionView] = []
    jobs_in_flight: dict[str, int] = {}
    """Unfinished jobs, and requests without an answer, by endpoint."""
    jobs_limit: int = 0
    """How many may be in flight at once for now."""
    held_back: bool = False
    """Whether a batch that could go waits for `[limits]` alone."""
    waiting_for_checkpoint: int = 0
    """Events that could go but for the room that the checkpoint of their partition has."""
    buffered_events: int = 0
    buffered_bytes: int = 0


class ErrorView(msgspec.Struct, frozen=True):
    """Something that went wrong, how often, and when last."""

    at: float
    what: str
    count: int


class Status(Snapshot, kw_only=True):
    """Everything that the status page shows. It is a Snapshot, so that one function fills both."""

    version: str
    generated_at: float
    uptime: float = 0.0
    group: str = ""
    member: str = ""
    out_of_sight: bool = False
    """Not in the group, or no broker lets it in: what there is in Kafka isn't known now."""
    jobs: list[JobView] = []
    rates: Rates = msgspec.field(default_factory=Rates)
    max_buffered_events: int = 0
    """What the buffers may hold before partitions are paused; 0 where it isn't known."""
    max_buffered_bytes: int = 0
    errors: list[ErrorView] = []
    """What went wrong, the newest first."""
    settled: dict[str, int] = {}
    """Records since the start, by outcome."""
    dead_letters: dict[str, int] = {}
    """Dead letters since the start, by reason."""
    dead_letters_owed: dict[str, int] = {}
    """Refused and not in the topic yet, by reason: the brake holds them, or the topic can't be written."""
    configuration: dict[str, Any] = {}
    """The effective settings, secrets masked: `Settings.masked()`."""


class StatusProvider(Protocol):
    """What the admin endpoints ask of `connector.running.view`."""

    def live(self) -> Health: ...
    def ready(self) -> Health: ...
    def status(self) -> Status: ...
