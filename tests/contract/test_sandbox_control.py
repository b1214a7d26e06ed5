"""`/sandbox/`: the double is asked and told over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connector.model import Endpoint
from connector.sandbox.audience import Options
from connector.sandbox.server import SandboxServer
from tests.contract.sandbox_doors import Answer, Api

TAGS = Endpoint.TAGS
DEVICE = {"hwid": "A1", "list_operator": "set", "tags": {"plan": "pro"}}


async def ask(api: Api, method: str, what: str, given: Any = None) -> Answer:
    body = b"" if given is None else json.dumps(given).encode()
    return await api.call(method, f"/sandbox/{what}", body)


async def test_faults_are_put_patched_and_told(http: Api) -> None:
    assert (await ask(http, "GET", "faults")).json() == {}
    given = {"outage": [{"share": 0.5}], "latency": {"seconds": 2.0}}
    assert (await ask(http, "PUT", "faults", given)).json() == given
    patched = (await ask(http, "PATCH", "faults", {"outage": None, "slow": [{}]})).json()
    assert patched == {"latency": {"seconds": 2.0}, "slow": [{}]}
    assert (await ask(http, "GET", "faults")).json() == patched
    assert (await ask(http, "PUT", "faults", {})).json() == {}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_wrong_faults_are_refused_by_name_and_change_nothing(http: Api, method: str) -> None:
    answer = await ask(http, method, "faults", {"outrage": [{}], "slow": [{}]})
    assert answer.status == 400
    assert "outrage" in answer.json()["message"]
    assert (await ask(http, "GET", "faults")).json() == {}


async def test_faults_work_from_the_next_call_on(http: Api) -> None:
    await ask(http, "PUT", "faults", {"outage": [{}]})
    assert (await http.post(TAGS, DEVICE)).status == 503
    await ask(http, "PUT", "faults", {})
    assert (await http.post(TAGS, DEVICE)).status == 200


async def test_every_device_is_told_with_its_tags(http: Api) -> None:
    devices = [{**DEVICE, "hwid": f"D{place}", "tags": {"n": place}} for place in range(2500)]
    await http.report(TAGS, *devices)
    await http.report(Endpoint.REGISTRATIONS, {"hwid": "D7", "push_token": "t", "platform": 3})
    lines = (await ask(http, "GET", "devices")).body.splitlines()
    told = {device["hwid"]: device for device in map(json.loads, lines)}
    assert {hwid: device["tags"] for hwid, device in told.items()} == {
        f"D{place}": {"n": place} for place in range(2500)
    }
    assert told["D7"] == {
        "application": "APP",
        "hwid": "D7",
        "push_token": "t",
        "platform": 3,
        "registered": True,
        "tags": {"n": 7},
    }


async def test_stats_tell_what_came_and_what_should_not_have(http: Api) -> None:
    http.faults(latency={"seconds": 10})
    for _ in range(2):
        await http.submit(TAGS, DEVICE)
    http.clock.now += 10
    await http.get(TAGS, "nonsense")
    stats = (await ask(http, "GET", "stats")).json()
    assert (stats["posts"], stats["gets"], stats["devices_received"]) == (2, 1, 2)
    assert stats["replies"] == {"post 200": 2, "get 404": 1}
    assert (stats["jobs"]["completed"], stats["jobs"]["unfinished"]) == (2, 0)
    assert stats["most_jobs_unfinished"] == 2
    assert stats["violations"]["overlapping"] == 1
    assert stats["submitted_twice"] == 1


async def test_reset_begins_anew_and_keeps_the_faults(http: Api) -> None:
    http.faults(slow=[{"seconds": 0}])
    await http.report(TAGS, DEVICE)
    assert (await ask(http, "POST", "reset")).status == 200
    assert (await ask(http, "GET", "devices")).body == b""
    assert (await ask(http, "GET", "stats")).json()["posts"] == 0
    assert (await ask(http, "GET", "faults")).json() == {"slow": [{"seconds": 0.0}]}


async def test_the_journal_is_told_where_it_is_kept(http: Api) -> None:
    assert (await ask(http, "GET", "journal")).status == 404
    async with (
        SandboxServer(options=Options(journal=True)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        body = {"application": "APP", "auth": "T", "devices": [DEVICE]}
        request_id = (await client.post("/api/v2/audience/bulkSetTags", json=body)).json()["request_id"]
        (entry,) = map(json.loads, (await client.get("/sandbox/journal")).text.splitlines())
    assert (entry["request_id"], entry["device"], entry["status"]) == (request_id, DEVICE, "done")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/api/v2/audience/bulkNothing", 404),
        ("POST", "/bulkSetTags", 404),
        ("GET", "/api/v2/audience/bulkSetTags", 405),
        ("DELETE", "/api/v2/audience/bulkSetTags/x", 405),
        ("GET", "/sandbox/nothing", 404),
        ("DELETE", "/sandbox/stats", 405),
    ],
)
async def test_other_calls_are_refused(http: Api, method: str, path: str, status: int) -> None:
    assert (await http.call(method, path)).status == status


async def test_a_stopped_server_refuses_connections_and_goes_on_where_it_was() -> None:
    async with SandboxServer() as server, httpx.AsyncClient(base_url=server.url) as client:
        body = {"application": "APP", "auth": "T", "devices": [DEVICE]}
        request_id = (await client.post("/api/v2/audience/bulkSetTags", json=body)).json()["request_id"]
        await server.stop()
        with pytest.raises(httpx.ConnectError):
            await client.get("/sandbox/stats")
        await server.start()
        again = await client.get(f"/api/v2/audience/bulkSetTags/{request_id}")
        assert again.json()["status"] == "Completed"
