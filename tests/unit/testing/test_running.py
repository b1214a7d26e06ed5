"""The double as those who test against it get it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from connector.sandbox.app import AudienceApp
from connector.testing import RunningSandbox
from connector.testing.fixtures import pushwoosh_app, pushwoosh_sandbox

__all__ = ["pushwoosh_app", "pushwoosh_sandbox"]  # pytest finds fixtures by their names in the module

CALL = "/api/v2/audience/bulkSetTags"


def body(*devices: str) -> dict[str, object]:
    rows = [{"hwid": each, "list_operator": "set", "tags": {"plan": "pro"}} for each in devices]
    return {"application": "A", "auth": "t", "devices": rows}


def finish(client: httpx.Client, request_id: str) -> dict[str, object]:
    found: dict[str, object] = client.get(f"{CALL}/{request_id}?detailed=true").json()
    return found


def test_over_a_socket_a_job_changes_the_tags(pushwoosh_sandbox: RunningSandbox) -> None:
    pushwoosh_sandbox.faults(latency={"seconds": 0})
    with httpx.Client(base_url=pushwoosh_sandbox.url) as client:
        request_id = client.post(CALL, json=body("A1", "A2")).json()["request_id"]
        assert finish(client, request_id)["status"] == "Completed"
    assert pushwoosh_sandbox.tags() == {"A1": {"plan": "pro"}, "A2": {"plan": "pro"}}
    assert pushwoosh_sandbox.stats().devices_received == 2


def test_faults_are_put_in_place_and_taken_away(pushwoosh_sandbox: RunningSandbox) -> None:
    with httpx.Client(base_url=pushwoosh_sandbox.url) as client:
        pushwoosh_sandbox.faults(outage=[{"status": 503}])
        assert client.post(CALL, json=body("A1")).status_code == 503
        pushwoosh_sandbox.faults()
        assert client.post(CALL, json=body("A1")).status_code == 200


def test_a_fault_that_does_not_exist_is_a_mistake(pushwoosh_sandbox: RunningSandbox) -> None:
    with pytest.raises(ValueError, match="earthquake"):
        pushwoosh_sandbox.faults(earthquake={})


def test_each_test_has_a_new_sandbox(pushwoosh_sandbox: RunningSandbox) -> None:
    assert pushwoosh_sandbox.tags() == {}
    assert pushwoosh_sandbox.stats().posts == 0


def test_after_the_block_nothing_listens_and_no_thread_is_left() -> None:
    with RunningSandbox() as sandbox:
        address = urlsplit(sandbox.url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname or "", address.port or 0))
    assert not sandbox._thread.is_alive()


async def test_without_a_socket_it_is_an_asgi_application(pushwoosh_app: AudienceApp) -> None:
    transport = httpx.ASGITransport(pushwoosh_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        answer = await client.post(CALL, json=body("A1"))
        assert answer.json()["status"] == "Pending"
    assert pushwoosh_app.audience.stats(0.0).posts == 1
