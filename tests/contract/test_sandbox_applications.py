"""Several applications behind one double: whose token is taken, and whose devices are changed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connector.model import Endpoint
from connector.sandbox.audience import Options
from connector.sandbox.process import known_applications
from tests.contract.sandbox_doors import Api
from tests.contract.test_sandbox_process import sandbox

TAGS, REGISTRATIONS = Endpoint.TAGS, Endpoint.REGISTRATIONS
GIVEN = ("AAAAA-AAAAA=token-a", "BBBBB-BBBBB=token-b", "CCCCC-CCCCC")
A, B = {"application": "AAAAA-AAAAA", "auth": "token-a"}, {"application": "BBBBB-BBBBB", "auth": "token-b"}


def change(**tags: Any) -> dict[str, Any]:
    return {"hwid": "A1", "list_operator": "set", "tags": tags}


def take(api: Api, token: str | None = None) -> None:
    """Have the double know these applications."""
    api.audience.options = Options(applications=known_applications(GIVEN), token=token)


def tags_by_application(api: Api) -> dict[str, dict[str, Any]]:
    return {each.application: each.tags for each in api.audience.known_devices(api.clock.now)}


@pytest.mark.parametrize(
    ("application", "token", "status", "message"),
    [
        ("AAAAA-AAAAA", "token-a", 200, None),
        ("BBBBB-BBBBB", "token-b", 200, None),
        ("BBBBB-BBBBB", "token-a", 401, "unauthorized"),
        ("BBBBB-BBBBB", "shared", 401, "unauthorized"),
        ("CCCCC-CCCCC", "shared", 200, None),
        ("CCCCC-CCCCC", "token-a", 401, "unauthorized"),
        ("DDDDD-DDDDD", "token-a", 400, "application not found"),
        ("DDDDD-DDDDD", "shared", 400, "application not found"),
        ("DDDDD-DDDDD", "nobody's", 401, "unauthorized"),
    ],
)
async def test_an_application_takes_its_own_token_and_no_other(
    api: Api, application: str, token: str, status: int, message: str | None
) -> None:
    take(api, "shared")
    answer = await api.post(TAGS, change(n=1), application=application, auth=token)
    assert (answer.status, answer.json().get("message")) == (status, message)


async def test_an_application_without_a_token_takes_any_where_there_is_none_for_all(api: Api) -> None:
    take(api)
    answer = await api.post(TAGS, change(n=1), application="CCCCC-CCCCC", auth="whatever")
    assert answer.status == 200


async def test_one_hwid_in_two_applications_is_two_devices(api: Api) -> None:
    await api.report(TAGS, change(n=1), **A)
    await api.report(TAGS, change(n=2, m=2), **B)
    assert tags_by_application(api) == {"AAAAA-AAAAA": {"n": 1}, "BBBBB-BBBBB": {"n": 2, "m": 2}}


async def test_a_token_registered_in_one_application_names_no_device_of_another(api: Api) -> None:
    await api.report(REGISTRATIONS, {"hwid": "A1", "push_token": "t0", "platform": 1}, **A)
    await api.report(TAGS, {"push_token": "t0", "list_operator": "set", "tags": {"n": 1}}, **B)
    assert tags_by_application(api) == {"AAAAA-AAAAA": {}, "BBBBB-BBBBB": {"n": 1}}


async def test_a_device_in_jobs_of_two_applications_is_no_violation_and_nothing_sent_twice(api: Api) -> None:
    api.faults(latency={"seconds": 10})
    for whose in (A, B):
        await api.submit(TAGS, change(n=1), **whose)
    stats = api.audience.stats(api.clock.now)
    assert stats.violations.overlapping == 0
    assert stats.submitted_again == 0
    assert stats.devices_by_application == {"AAAAA-AAAAA": 1, "BBBBB-BBBBB": 1}
    await api.submit(TAGS, change(n=1), **B)
    stats = api.audience.stats(api.clock.now)
    assert (stats.violations.overlapping, stats.submitted_again) == (1, 1)


def test_as_a_process_it_takes_an_option_for_each_application() -> None:
    with sandbox(f"applications={GIVEN[:2]!r}") as (_, url):
        for whose, status in ((A, 200), (B, 200), ({**B, "auth": "token-a"}, 401)):
            answer = httpx.post(
                f"{url}/api/v2/audience/bulkSetTags", json={**whose, "devices": [change(n=1)]}
            )
            assert answer.status_code == status
        told = httpx.get(f"{url}/sandbox/devices").text.splitlines()
    assert [line.count("AAAAA-AAAAA") + 2 * line.count("BBBBB-BBBBB") for line in told] == [1, 2]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (["=token"], "an application is CODE or CODE=TOKEN, not ="),
        (["AAAAA="], "an application is CODE or CODE=TOKEN, not AAAAA="),
        (["AAAAA=one", "AAAAA=two"], "the application AAAAA is given twice"),
    ],
)
def test_a_mistake_in_an_application_is_told_without_its_token(given: list[str], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}$"):
        known_applications(given)
