"""Short ways to call an `Audience` and to read its replies, with the time in the test's hands."""

from __future__ import annotations

import json
import random
from typing import Any

from connector.model import Endpoint
from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import faults_from
from connector.sandbox.replies import Reply

TAGS = Endpoint.TAGS
REGISTRATIONS = Endpoint.REGISTRATIONS


def change(hwid: str, operator: str = "set", **tags: Any) -> dict[str, Any]:
    return {"hwid": hwid, "list_operator": operator, "tags": tags}


def registration(hwid: str, push_token: str, **tags: Any) -> dict[str, Any]:
    return {"hwid": hwid, "push_token": push_token, "platform": 3, "tags": tags}


class Calls:
    """An audience with faults given as JSON would give them, at time 0 until a test moves `now`."""

    def __init__(self, faults: dict[str, Any] | None = None, *, seed: int = 1, **options: Any) -> None:
        self.now = 0.0
        self.audience = Audience(random.Random(seed), Options(**options), faults_from(faults or {}))

    def faults(self, faults: dict[str, Any]) -> None:
        self.audience.set_faults(faults_from(faults), self.now)

    def post(self, *devices: Any, endpoint: Endpoint = TAGS, **fields: Any) -> Reply:
        body = {"application": "APP", "auth": "TOKEN", "devices": devices, **fields}
        return self.audience.post(endpoint, json.dumps(body).encode(), self.now)

    def submit(self, *devices: Any, endpoint: Endpoint = TAGS, **fields: Any) -> str:
        """Post devices that are accepted; returns the request_id."""
        reply = self.post(*devices, endpoint=endpoint, **fields)
        assert reply.status == 200, reply
        request_id: str = json.loads(reply.body)["request_id"]
        return request_id

    def get(self, request_id: str, endpoint: Endpoint = TAGS, *, detailed: bool = True) -> Reply:
        return self.audience.get(endpoint, request_id, detailed, self.now)

    def report(self, request_id: str, endpoint: Endpoint = TAGS) -> dict[str, Any]:
        reply = self.get(request_id, endpoint)
        assert reply.status == 200, reply
        told: dict[str, Any] = json.loads(reply.body)
        return told

    def rows(self, *devices: Any, endpoint: Endpoint = TAGS, **fields: Any) -> list[dict[str, Any]]:
        """Post devices and read the rows of the finished job's report."""
        rows: list[dict[str, Any]] = self.report(
            self.submit(*devices, endpoint=endpoint, **fields), endpoint
        )["devices"]
        return rows

    def tags(self, hwid: str) -> dict[str, Any] | None:
        """What the device's tags are by now, None where it is unknown."""
        for device in self.audience.known_devices(self.now):
            if device.hwid == hwid:
                return device.tags
        return None


def statuses(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["hwid"]: row["status"] for row in rows}
