"""Replies that are not ours: those that are published, and errors seen on sibling endpoints of the API."""

from __future__ import annotations

from typing import Any, NamedTuple

REQUEST_ID = "0d2a6f9e-8b3c-4f57-9d7e-2f6f2b1f3a10"
ACCEPTED = {"request_id": REQUEST_ID, "status": "Pending"}
REGISTRATIONS_REPORT: dict[str, Any] = {
    "request_id": REQUEST_ID,
    "status": "Completed",
    "progress": 100,
    "devices_success": 4,
    "devices": [
        {"hwid": "user1@example.com", "status": "done"},
        {"hwid": "user2@example.com", "status": "done"},
        {"hwid": "user3@example.com", "status": "done"},
        {"hwid": "user4@example.com", "status": "failed"},
    ],
}
"""It says four successes beside three rows that are done: no counter is to be trusted."""
TAGS_REPORT: dict[str, Any] = {
    "request_id": REQUEST_ID,
    "status": "Completed",
    "progress": 100,
    "devices_success": 1,
    "devices_not_found": 0,
    "devices_failed": 0,
    "devices": [
        {
            "hwid": "A1",
            "status": "done",
            "tags": {"a": "ok", "b": "tag not found", "c": "wrong value. expect :string"},
        }
    ],
}
"""A device that is done, two of whose tags are not."""


class Seen(NamedTuple):
    """An error: `fault` makes the double answer like it."""

    status: int
    body: bytes
    fault: dict[str, Any]


ERRORS = {
    "invalid request": Seen(
        200, b'{"message":"invalid request"}', {"odd_reply": [{"form": "invalid_request"}]}
    ),
    "unauthorized": Seen(401, b'{"message":"unauthorized"}', {"unauthorized": [{}]}),
    "no such application": Seen(400, b'{"message":"application not found"}', {"unknown_application": [{}]}),
    "one bad item": Seen(
        400,
        b'{"action":"bulkSetTags","status":"failure","error":{"message":"bad item"}}',
        {"odd_reply": [{"form": "nested_error"}]},
    ),
    "envelope": Seen(
        200,
        b'{"status_code":210,"status_message":"Argument error","response":null}',
        {"odd_reply": [{"form": "envelope_210"}]},
    ),
    "gateway": Seen(
        400, b'{"code":3,"message":"bad request","details":[]}', {"odd_reply": [{"form": "gateway"}]}
    ),
    "down": Seen(502, b"<html><h1>502 Bad Gateway</h1></html>", {"outage": [{"form": "html"}]}),
}
