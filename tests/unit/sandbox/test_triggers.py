"""When a fault strikes: shares, counts, windows, endpoints and devices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.calls import REGISTRATIONS, Calls, change, registration, statuses


def posts(api: Calls, times: int) -> list[int]:
    return [api.post(change("A", n=1)).status for _ in range(times)]


def test_next_strikes_so_often_and_no_more() -> None:
    assert posts(Calls({"outage": [{"next": 2}]}), 4) == [503, 503, 200, 200]


def test_several_rules_of_a_fault_strike_one_after_the_other() -> None:
    rules = [{"next": 1}, {"next": 1, "form": "html"}]
    assert posts(Calls({"outage": rules}), 3) == [503, 502, 200]


def test_a_fault_with_a_share_strikes_about_that_share_of_calls() -> None:
    assert 350 < posts(Calls({"outage": [{"share": 0.4}]}), 1000).count(503) < 450


def test_a_window_opens_and_closes() -> None:
    api = Calls({"outage": [{"after": 10, "until": 20}]})
    seen = []
    for api.now in (9.9, 10, 19.9, 20):
        seen.append(api.post(change("A", n=1)).status)
    assert seen == [200, 503, 503, 200]


def test_a_window_counts_from_when_the_faults_were_put_in_place() -> None:
    api = Calls()
    api.now = 1000
    api.faults({"outage": [{"until": 5}]})
    api.now = 1004
    assert api.post(change("A", n=1)).status == 503
    api.now = 1005
    assert api.post(change("A", n=1)).status == 200


def test_a_fault_whose_rules_stay_keeps_its_window_and_counts_when_others_change() -> None:
    api = Calls({"outage": [{"next": 2}]})
    assert posts(api, 1) == [503]
    api.faults({"outage": [{"next": 2}], "slow": [{}]})
    assert posts(api, 2) == [503, 200]


def test_one_endpoint_can_fail_while_the_other_works() -> None:
    api = Calls({"outage": [{"endpoint": "bulkSetTags"}]})
    assert api.post(change("A", n=1)).status == 503
    assert api.post(registration("A", "T"), endpoint=REGISTRATIONS).status == 200


def test_posts_can_fail_while_gets_work() -> None:
    api = Calls()
    job = api.submit(change("A", n=1))
    api.faults({"outage": [{"on": "post"}]})
    assert api.get(job).status == 200
    assert api.post(change("A", n=1)).status == 503
    api.faults({"outage": [{"on": "get"}]})
    assert api.get(job).status == 503
    assert api.post(change("A", n=1)).status == 200


@pytest.mark.parametrize("rule", [{"prefix": "bad-"}, {"regex": "^b.d"}])
def test_a_rule_can_name_devices(rule: dict[str, Any]) -> None:
    rows = Calls({"device_failed": [rule]}).rows(change("bad-1", n=1), change("good-1", n=1))
    assert statuses(rows) == {"bad-1": "failed", "good-1": "done"}


def test_a_rule_matches_any_identifier_of_a_device() -> None:
    api = Calls({"device_failed": [{"prefix": "bad-"}]})
    rows = api.rows(
        {"push_token": "bad-t", "list_operator": "set", "tags": {}},
        {"user_id": "bad-u", "list_operator": "set", "tags": {}},
    )
    assert [row["status"] for row in rows] == ["failed", "failed"]


def test_the_first_attempts_of_each_device_fail_and_later_ones_do_not() -> None:
    api = Calls({"device_failed": [{"prefix": "shaky-", "first": 2}]})
    seen = [statuses(api.rows(change("shaky-1", n=1), change("A", n=1)))["shaky-1"] for _ in range(3)]
    assert seen == ["failed", "failed", "done"]
    assert api.rows(change("shaky-2", n=1))[0]["status"] == "failed"


def test_a_steady_share_hits_the_same_devices_each_time_and_others_with_another_seed() -> None:
    everything = [change(f"D{place}", n=1) for place in range(1000)]

    def failed(api: Calls) -> set[str]:
        return {hwid for hwid, status in statuses(api.rows(*everything)).items() if status == "failed"}

    rules = {"device_failed": [{"share": 0.1, "steady": True}]}
    api = Calls(rules)
    once = failed(api)
    assert 60 < len(once) < 140
    assert failed(api) == once
    assert failed(Calls(rules, seed=2)) != once


def test_an_unsteady_share_is_drawn_anew_each_time() -> None:
    everything = [change(f"D{place}", n=1) for place in range(200)]
    api = Calls({"device_failed": [{"share": 0.5}]})
    assert statuses(api.rows(*everything)) != statuses(api.rows(*everything))


def test_a_job_fault_that_names_devices_strikes_jobs_that_have_one() -> None:
    api = Calls({"job_failed": [{"prefix": "bad-", "first": 1}]})
    told = [
        api.report(api.submit(*map(change, names)))["status"]
        for names in (["A", "B"], ["A", "bad-1"], ["bad-1", "bad-2"], ["bad-1", "bad-2"])
    ]
    assert told == ["Completed", "Failed", "Failed", "Completed"]


def test_strikes_are_counted_by_fault() -> None:
    api = Calls({"outage": [{"next": 2}], "device_failed": [{"prefix": "bad-"}]})
    posts(api, 2)
    api.rows(change("bad-1"), change("bad-2"), change("A"))
    assert api.audience.stats(api.now).strikes == {"outage": 2, "device_failed": 2}
