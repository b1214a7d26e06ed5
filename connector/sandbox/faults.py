"""What can go wrong in the sandbox, declared: one struct, from JSON or TOML, at start and at run time.

Every open question of the Audience API is a fault here. A fault is a list of rules; each rule
says when it strikes (`share`, `next`, `after`, `until`, `endpoint`, and a match on devices
where that makes sense) and what it then does. A name nobody knows is an error.

    {"outage": [{"after": 10, "until": 70}],
     "device_failed": [{"prefix": "bad-"}, {"prefix": "shaky-", "first": 2}],
     "latency": {"seconds": 1.0, "distribution": "exponential"}, "capacity": 4}
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from connector.sandbox.fault_rules import (
    BatchRefused,
    Count,
    Counters,
    Declared,
    DeviceRule,
    JobFailed,
    JobLost,
    JobStuck,
    JobUnreadable,
    Latency,
    OddReply,
    Outage,
    RateLimit,
    ReplyLost,
    Reset,
    RowDuplicated,
    RowMissing,
    RowsAtMost,
    RowsForeign,
    RowsLate,
    RowsUnnamed,
    SizeLimit,
    Slow,
    StatusWords,
    TagRefused,
    Unauthorized,
    UnknownApplication,
)


class Faults(Declared, frozen=True):
    """Everything about the sandbox that can be switched while it runs."""

    latency: Latency = Latency()
    capacity: Count | None = None
    """How many jobs are worked on at once; the others queue, and each takes its `latency` from its turn on.

    None: all. A new figure holds for jobs that are accepted from then on, behind those that are there.
    """
    unknown_job_status: Literal[400, 404] = 404
    """What a GET for a request_id that nobody knows is answered with."""
    create_devices: bool = True
    """Whether `bulkSetTags` makes a device that was never registered; else its row is `not found`."""

    outage: tuple[Outage, ...] = ()
    rate_limit: tuple[RateLimit, ...] = ()
    unauthorized: tuple[Unauthorized, ...] = ()
    unknown_application: tuple[UnknownApplication, ...] = ()
    odd_reply: tuple[OddReply, ...] = ()
    slow: tuple[Slow, ...] = ()
    reply_lost: tuple[ReplyLost, ...] = ()
    reset: tuple[Reset, ...] = ()

    size_limit: tuple[SizeLimit, ...] = ()
    batch_refused: tuple[BatchRefused, ...] = ()

    job_lost: tuple[JobLost, ...] = ()
    job_unreadable: tuple[JobUnreadable, ...] = ()
    job_stuck: tuple[JobStuck, ...] = ()
    job_failed: tuple[JobFailed, ...] = ()

    device_failed: tuple[DeviceRule, ...] = ()
    device_not_found: tuple[DeviceRule, ...] = ()
    tag_refused: tuple[TagRefused, ...] = ()
    row_missing: tuple[RowMissing, ...] = ()
    row_duplicated: tuple[RowDuplicated, ...] = ()

    rows_shuffled: tuple[DeviceRule, ...] = ()
    rows_unnamed: tuple[RowsUnnamed, ...] = ()
    rows_foreign: tuple[RowsForeign, ...] = ()
    rows_late: tuple[RowsLate, ...] = ()
    rows_at_most: tuple[RowsAtMost, ...] = ()
    status_words: tuple[StatusWords, ...] = ()
    counters: tuple[Counters, ...] = ()


def faults_from(plain: Any) -> Faults:
    """Faults from decoded JSON or TOML. Raises `msgspec.ValidationError`, which names the path."""
    return msgspec.convert(plain, Faults)


def patched(faults: Faults, changes: Any) -> Faults:
    """Return these faults with some top-level names given anew; null puts a name back to its default."""
    if not isinstance(changes, dict):
        raise msgspec.ValidationError("Expected `object`: names of faults and their rules")
    plain: dict[str, Any] = msgspec.to_builtins(faults)
    plain.update(changes)
    for name in Faults.__struct_fields__:
        if plain.get(name, "") is None:
            del plain[name]
    return faults_from(plain)


def load_faults(given: str) -> Faults:
    """Faults from the command line: JSON text, or the name of a JSON or TOML file.

    Raises `msgspec.ValidationError`, `msgspec.DecodeError`, `tomllib.TOMLDecodeError` or `OSError`.
    """
    if given.lstrip().startswith("{"):
        return faults_from(msgspec.json.decode(given))
    path = Path(given)
    if path.suffix == ".toml":
        return faults_from(tomllib.loads(path.read_text(encoding="utf-8")))
    return faults_from(msgspec.json.decode(path.read_bytes()))
