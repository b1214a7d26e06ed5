"""The published contract, as any double of the Audience API must show it.

Nothing here looks inside: POST, GET, and a job's latency and an odd device now and then.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from connector.model import Endpoint
from tests.contract.sandbox_doors import Api

TAGS, REGISTRATIONS = Endpoint.TAGS, Endpoint.REGISTRATIONS
BY_HWID = {"hwid": "A1", "list_operator": "set", "tags": {"plan": "pro"}}
REGISTERED = {"hwid": "A1", "push_token": "t0", "platform": 1, "tags": {"language": "en"}}


@pytest.mark.parametrize(("endpoint", "device"), [(TAGS, BY_HWID), (REGISTRATIONS, REGISTERED)])
async def test_an_accepted_post_is_answered_with_a_request_id_and_pending(
    api: Api, endpoint: Endpoint, device: dict[str, Any]
) -> None:
    answer = await api.post(endpoint, device)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert sorted(told) == ["request_id", "status"]
    assert told["status"] == "Pending"
    assert str(uuid.UUID(told["request_id"])) == told["request_id"]


async def test_every_post_has_its_own_request_id(api: Api) -> None:
    assert await api.submit(TAGS, BY_HWID) != await api.submit(TAGS, BY_HWID)


async def test_a_finished_job_tells_counters_and_a_row_for_each_device(api: Api) -> None:
    api.faults(device_failed=[{"prefix": "bad-"}], device_not_found=[{"prefix": "gone-"}])
    devices = [{**BY_HWID, "hwid": hwid} for hwid in ("A1", "bad-1", "gone-1", "B2")]
    report = await api.report(TAGS, *devices)
    assert (report["status"], report["progress"]) == ("Completed", 100)
    counted = [report[f"devices_{what}"] for what in ("success", "failed", "not_found")]
    assert counted == [2, 1, 1]
    assert [(row["hwid"], row["status"]) for row in report["devices"]] == [
        ("A1", "done"),
        ("bad-1", "failed"),
        ("gone-1", "not found"),
        ("B2", "done"),
    ]
    assert report["devices"][0]["tags"] == {"plan": "ok"}


async def test_a_finished_registration_tells_a_row_for_each_device(api: Api) -> None:
    report = await api.report(REGISTRATIONS, REGISTERED)
    assert (report["status"], report["devices_success"]) == ("Completed", 1)
    assert report["devices"] == [{"hwid": "A1", "status": "done"}]


async def test_devices_may_be_named_by_user_or_token(api: Api) -> None:
    named = [
        {"user_id": "U", "list_operator": "set", "tags": {"a": 1}},
        {"push_token": "T", "list_operator": "set", "tags": {"a": 1}},
    ]
    rows = (await api.report(TAGS, *named))["devices"]
    assert [(row.get("user_id"), row.get("push_token")) for row in rows] == [("U", None), (None, "T")]


@pytest.mark.parametrize("detailed", ["false", ""])
async def test_without_details_there_are_no_rows(api: Api, detailed: str) -> None:
    request_id = await api.submit(TAGS, BY_HWID)
    report = (await api.get(TAGS, request_id, detailed)).json()
    assert report["status"] == "Completed"
    assert "devices" not in report


async def test_an_unfinished_job_is_pending_and_its_progress_grows(api: Api) -> None:
    api.faults(latency={"seconds": 10})
    request_id = await api.submit(TAGS, BY_HWID)
    seen = []
    for _ in range(4):
        report = (await api.get(TAGS, request_id)).json()
        seen.append((report["status"], report["progress"]))
        api.clock.now += 4
    assert [status for status, _ in seen] == ["Pending", "Pending", "Pending", "Completed"]
    assert [progress for _, progress in seen] == sorted({progress for _, progress in seen})


@pytest.mark.parametrize("request_id", [str(uuid.UUID(int=0)), "nonsense"])
async def test_a_request_id_that_nobody_gave_is_unknown(api: Api, request_id: str) -> None:
    assert (await api.get(TAGS, request_id)).status == 404
    api.faults(unknown_job_status=400)
    assert (await api.get(TAGS, request_id)).status == 400


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (TAGS, b""),
        (TAGS, b"nonsense"),
        (TAGS, b'{"auth":"T","devices":[{"hwid":"A","tags":{}}]}'),
        (TAGS, b'{"application":"A","devices":[{"hwid":"A","tags":{}}]}'),
        (TAGS, b'{"application":"A","auth":"T"}'),
        (TAGS, b'{"application":"A","auth":"T","devices":{"hwid":"A","tags":{}}}'),
        (TAGS, b'{"application":"A","auth":"T","devices":[{"tags":{}}]}'),
        (TAGS, b'{"application":"A","auth":"T","devices":[{"hwid":"A","list_operator":"x","tags":{}}]}'),
        (REGISTRATIONS, b'{"application":"A","auth":"T","devices":[{"hwid":"A","platform":1}]}'),
        (REGISTRATIONS, b'{"application":"A","auth":"T","devices":[{"hwid":"A","push_token":"T"}]}'),
        (
            REGISTRATIONS,
            b'{"application":"A","auth":"T","devices":[{"hwid":"A","push_token":"T","platform":"1"}]}',
        ),
    ],
)
async def test_what_breaks_the_contract_is_an_invalid_request(
    api: Api, endpoint: Endpoint, body: bytes
) -> None:
    answer = await api.post_raw(endpoint, body)
    assert (answer.status, answer.json()) == (400, {"message": "invalid request"})


async def test_a_batch_of_a_thousand_large_devices_comes_through_whole(api: Api) -> None:
    devices = [{**BY_HWID, "hwid": f"D{place:04}", "tags": {"note": "ü" * 500}} for place in range(1000)]
    rows = (await api.report(TAGS, *devices))["devices"]
    assert [row["hwid"] for row in rows] == [device["hwid"] for device in devices]


async def tags_of(api: Api, hwid: str) -> dict[str, Any]:
    (tags,) = [device.tags for device in api.audience.known_devices(api.clock.now) if device.hwid == hwid]
    return tags


async def test_lists_are_replaced_appended_to_and_removed_from(api: Api) -> None:
    seen = []
    for operator, given in (
        ("append", ["a", "b"]),
        ("append", ["b", "c"]),
        ("remove", ["a", "z"]),
        ("set", ["d"]),
    ):
        await api.report(TAGS, {"hwid": "A1", "list_operator": operator, "tags": {"l": given}})
        seen.append((await tags_of(api, "A1"))["l"])
    assert seen == [["a", "b"], ["a", "b", "c"], ["b", "c"], ["d"]]


async def test_a_registration_without_operator_replaces_a_list(api: Api) -> None:
    await api.report(REGISTRATIONS, {**REGISTERED, "tags": {"l": ["a"]}})
    await api.report(REGISTRATIONS, {**REGISTERED, "tags": {"l": ["b"]}})
    assert await tags_of(api, "A1") == {"l": ["b"]}
    await api.report(REGISTRATIONS, {**REGISTERED, "list_operator": "append", "tags": {"l": ["c"]}})
    assert await tags_of(api, "A1") == {"l": ["b", "c"]}
