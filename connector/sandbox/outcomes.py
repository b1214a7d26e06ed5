"""What becomes of each device of a job that ends: its verdict, its tags, its row in the report."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import msgspec

from connector.sandbox.contract import Device, Schema, TagChange, refused_tag, type_of
from connector.sandbox.devices import Population
from connector.sandbox.fault_rules import (
    DeviceRule,
    RowDuplicated,
    RowMissing,
    RowsAtMost,
    RowsForeign,
    RowsLate,
    RowsUnnamed,
    TagRefused,
)
from connector.sandbox.jobs import Job, Tallied
from connector.sandbox.triggers import Triggers

_ENCODER = msgspec.json.Encoder()
_DEVICE_FAULTS = ("device_failed", "device_not_found", "tag_refused", "row_missing", "row_duplicated")


class Row(msgspec.Struct, gc=False, omit_defaults=True):
    """One device of a detailed report, named as it was sent.

    Rows of `bulkSetTags` have an answer for each tag. Those of `bulkRegisterDevice` are
    published without; here they have some only where a tag was refused.
    """

    status: str
    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    tags: dict[str, str] | None = None


class DeviceResult(NamedTuple):
    """What became of one device: its status, its tags' answers, the changes that take effect (None: none)."""

    status: str
    answers: dict[str, str] | None
    changes: dict[str, Any] | None
    good: bool = False


class Applied(msgspec.Struct, frozen=True):
    """One device as it was applied, for the journal: in which order, and what was told about it."""

    request_id: str
    application: str
    endpoint: str
    device: Device
    status: str
    changes: dict[str, Any] | None


class Workshop:
    """Carries jobs out; `devices` None keeps no state of them (light mode), `journal` None no order."""

    def __init__(
        self,
        devices: Population | None,
        schema: Schema | None,
        journal: list[Applied] | None,
        rng: random.Random,
    ) -> None:
        self._devices = devices
        self._schema = None if schema is None else dict(schema)
        self._journal = journal
        self._rng = rng

    def carry_out(self, job: Job, triggers: Triggers, create_devices: bool, now: float) -> list[int]:
        """Apply a job's devices in order and write its report; returns the places of those not told good."""
        odd = any(name in triggers for name in _DEVICE_FAULTS)
        if odd or self._schema is not None or self._journal is not None or not create_devices:
            rows, untold = self._one_by_one(job, triggers if odd else None, create_devices, now)
        else:
            rows, untold = self._all_good(job), []
        rows, readable = self._disguise(job, rows, triggers, now)
        self._hold_back(job, rows, triggers, now)
        job.rows = _ENCODER.encode(rows)
        return untold if readable else list(range(len(job.devices)))

    def _all_good(self, job: Job) -> list[Row]:
        """Apply a job in which nothing can go wrong: what load tests wait for."""
        if self._devices is not None:
            change = self._devices.of(job.application).change
            for device in job.devices:
                change(device, device.tags or {})
        job.tallied = Tallied(len(job.devices))
        return [_row("done", device, _all_ok(device)) for device in job.devices]

    def _one_by_one(
        self, job: Job, judging: Triggers | None, create_devices: bool, now: float
    ) -> tuple[list[Row], list[int]]:
        """Return the rows, and the places of those not told good; `judging` is None without device faults."""
        rows: list[Row] = []
        untold: list[int] = []
        statuses = {"done": 0, "failed": 0, "not found": 0}
        for place, device in enumerate(job.devices):
            missing = judging and judging.on_device(RowMissing, "row_missing", device, job.endpoint, now)
            outcome = self._judge(job, device, judging, create_devices, now)
            if not missing or missing.applied:
                self._apply(job, device, outcome)
            statuses[outcome.status] += 1
            told = [] if missing else _rows(job, device, outcome, judging, now)
            if not told or told[-1].status != "done" or not outcome.good:
                untold.append(place)
            rows += told
        job.tallied = Tallied(statuses["done"], statuses["failed"], statuses["not found"])
        return rows, untold

    def _judge(
        self, job: Job, device: Device, triggers: Triggers | None, create_devices: bool, now: float
    ) -> DeviceResult:
        """Decide what becomes of a device; `triggers` is None where no fault is about devices."""
        tags = device.tags or {}
        is_change = isinstance(device, TagChange)
        if triggers and triggers.on_device(DeviceRule, "device_failed", device, job.endpoint, now):
            return DeviceResult("failed", None, None)
        if triggers and triggers.on_device(DeviceRule, "device_not_found", device, job.endpoint, now):
            return DeviceResult("not found", None, None)
        if is_change and not create_devices and self._lacks(job.application, device):
            return DeviceResult("not found", None, None)
        refused = self._refused(job, device, tags, triggers, now)
        if not refused:
            return DeviceResult("done", _all_ok(device), tags, good=True)
        changes = {name: value for name, value in tags.items() if name not in refused}
        answers = {name: refused.get(name, "ok") for name in tags}
        return DeviceResult("done", answers, changes)

    def _lacks(self, application: str, device: Device) -> bool:
        """Whether the device is unknown; without state, none is."""
        return self._devices is not None and self._devices.of(application).find(device) is None

    def _refused(
        self, job: Job, device: Device, tags: dict[str, Any], triggers: Triggers | None, now: float
    ) -> dict[str, str]:
        """The tags that are not taken, with the API's words."""
        refused: dict[str, str] = {}
        if self._schema is not None:
            for name, value in tags.items():
                if job.create_missing_tags and name not in self._schema:
                    self._schema[name] = type_of(value)
                answer = refused_tag(self._schema, name, value)
                if answer is not None:
                    refused[name] = answer
        if triggers is not None:
            rule = triggers.on_device(TagRefused, "tag_refused", device, job.endpoint, now)
            if rule is not None:
                refused.update({name: rule.answer for name in tags if not rule.tags or name in rule.tags})
        return refused

    def _apply(self, job: Job, device: Device, outcome: DeviceResult) -> None:
        if self._devices is not None and outcome.changes is not None:
            self._devices.of(job.application).change(device, outcome.changes)
        if self._journal is not None:
            self._journal.append(
                Applied(
                    job.request_id, job.application, job.endpoint, device, outcome.status, outcome.changes
                )
            )

    def apply_unseen(self, job: Job) -> None:
        """Apply every device of a job that tells nobody: one that Failed after its work was done."""
        for device in job.devices:
            self._apply(job, device, DeviceResult("failed", None, device.tags or {}))

    def _disguise(self, job: Job, rows: list[Row], triggers: Triggers, now: float) -> tuple[list[Row], bool]:
        """Shuffle rows, add foreign ones, cut some off, take names away.

        Returns them, and whether a client finds the row of each device that has one.
        """
        devices, endpoint = job.devices, job.endpoint
        foreign = triggers.on_batch(RowsForeign, "rows_foreign", devices, endpoint, now)
        if foreign is not None:
            rows += [Row("done", hwid=f"foreign-{job.number}-{place}") for place in range(foreign.rows)]
        shuffled = triggers.on_batch(DeviceRule, "rows_shuffled", devices, endpoint, now) is not None
        if shuffled:
            self._rng.shuffle(rows)
        cut = triggers.on_batch(RowsAtMost, "rows_at_most", devices, endpoint, now)
        whole = cut is None or len(rows) <= cut.rows
        if cut is not None:
            del rows[cut.rows :]
        unnamed = triggers.on_batch(RowsUnnamed, "rows_unnamed", devices, endpoint, now)
        if unnamed is None:
            return rows, whole
        rows = [_without_names(row, unnamed.keep_hwid) for row in rows]
        return rows, len(rows) == len(devices) and not shuffled

    def _hold_back(self, job: Job, rows: list[Row], triggers: Triggers, now: float) -> None:
        """Have a report whose rows come late begin with the first of them."""
        late = triggers.on_batch(RowsLate, "rows_late", job.devices, job.endpoint, now)
        if late is not None:
            not_yet = [] if late.status is None else [_waiting(row, late.status) for row in rows[late.rows :]]
            job.early_rows = _ENCODER.encode([*rows[: late.rows], *not_yet])
            job.rows_from = now + late.seconds


def _rows(
    job: Job, device: Device, outcome: DeviceResult, triggers: Triggers | None, now: float
) -> list[Row]:
    """One row, or two where that fault strikes."""
    row = _row(outcome.status, device, outcome.answers)
    rule = triggers and triggers.on_device(RowDuplicated, "row_duplicated", device, job.endpoint, now)
    if not rule:
        return [row]
    if not rule.contradicting:
        return [row, row]
    return [row, _row("failed", device, None)]


def _all_ok(device: Device) -> dict[str, str] | None:
    return dict.fromkeys(device.tags, "ok") if isinstance(device, TagChange) else None


def _row(status: str, device: Device, answers: dict[str, str] | None) -> Row:
    if isinstance(device, TagChange):
        return Row(status, device.hwid, device.user_id, device.push_token, answers)
    return Row(status, device.hwid, tags=answers)  # published with nothing but the hwid


def _waiting(row: Row, status: str) -> Row:
    return Row(status, row.hwid, row.user_id, row.push_token)


def _without_names(row: Row, keep_hwid: bool) -> Row:
    return Row(row.status, row.hwid if keep_hwid else None, tags=row.tags)
