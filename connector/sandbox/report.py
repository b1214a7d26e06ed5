"""A job's status as a GET tells it, in the published shape and with what faults make of it."""

from __future__ import annotations

from typing import Any

import msgspec

from connector.model import Endpoint
from connector.sandbox.fault_rules import Counters, StatusWords
from connector.sandbox.jobs import Job
from connector.sandbox.replies import Reply, json_reply
from connector.sandbox.triggers import Triggers

_PUBLISHED = StatusWords(unfinished="Pending", completed="Completed", failed="Failed")


def report(job: Job, detailed: bool, triggers: Triggers, now: float) -> Reply:
    """Tell how a job stands. `devices` comes with details and once it is Completed only."""
    words = triggers.on_call(StatusWords, "status_words", "get", job.endpoint, now) or _PUBLISHED
    told: dict[str, Any] = {"request_id": job.request_id, "status": words.unfinished}
    told["progress"] = job.progress(now)
    if not job.finished:
        return json_reply(200, told)
    told["status"] = words.failed if job.end == "failed" else words.completed
    if job.message:
        told["message"] = job.message
    told.update(_counters(job, triggers, now))
    if detailed and job.end == "completed":
        told["devices"] = msgspec.Raw(job.rows if now >= job.rows_from else job.early_rows)
    return json_reply(200, told)


def _counters(job: Job, triggers: Triggers, now: float) -> dict[str, int | str]:
    """Count a job's devices; registrations are published with their successes only."""
    tallied = job.tallied
    counters: dict[str, int | str] = {"devices_success": tallied.done}
    if job.endpoint is Endpoint.TAGS:
        counters |= {"devices_not_found": tallied.not_found, "devices_failed": tallied.failed}
    rule = triggers.on_call(Counters, "counters", "get", job.endpoint, now)
    if rule is None:
        return counters
    if rule.form == "strings":
        return {name: str(count) for name, count in counters.items()}
    return {name: job.size if name == "devices_success" else 0 for name in counters}
