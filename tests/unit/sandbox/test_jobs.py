"""Jobs take their time, change devices when they end, and are forgotten one day."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.calls import REGISTRATIONS, TAGS, Calls, change, registration


def test_a_job_is_pending_with_growing_progress_until_it_is_completed() -> None:
    api = Calls({"latency": {"seconds": 10}})
    job = api.submit(change("A", n=1))
    told = []
    for api.now in (0, 2.5, 9.999, 10):
        report = api.report(job)
        told.append((report["status"], report["progress"], "devices" in report))
    assert told == [
        ("Pending", 0, False),
        ("Pending", 25, False),
        ("Pending", 99, False),
        ("Completed", 100, True),
    ]


def test_devices_change_when_the_job_ends_and_not_before() -> None:
    api = Calls({"latency": {"seconds": 10}})
    api.submit(change("A", n=1))
    api.now = 9.9
    assert api.tags("A") is None
    api.now = 10
    assert api.tags("A") == {"n": 1}


def test_with_a_capacity_jobs_queue_first_come_first_served() -> None:
    api = Calls({"latency": {"seconds": 10}, "capacity": 2})
    jobs = [api.submit(change(f"A{n}", n=1)) for n in range(5)]
    ended = {}
    for api.now in (9.9, 10, 19.9, 20, 29.9, 30):
        ended[api.now] = [api.report(job)["status"] for job in jobs].count("Completed")
    assert ended == {9.9: 0, 10: 2, 19.9: 2, 20: 4, 29.9: 4, 30: 5}


def test_a_new_capacity_holds_for_what_comes_then_and_stuck_jobs_take_none() -> None:
    api = Calls({"latency": {"seconds": 10}, "capacity": 1, "job_stuck": [{"prefix": "stuck-"}]})
    api.submit(change("stuck-1", n=1))
    api.submit(change("A", n=1))
    api.faults({"latency": {"seconds": 10}, "capacity": 2})
    second, third = api.submit(change("B", n=1)), api.submit(change("C", n=1))
    api.now = 10
    assert (api.report(second)["status"], api.report(third)["status"]) == ("Completed", "Pending")
    api.now = 20
    assert api.report(third)["status"] == "Completed"


def test_of_two_overlapping_jobs_the_one_that_ends_last_wins() -> None:
    api = Calls({"latency": {"seconds": 10}})
    api.submit(change("A", n="older"))
    api.faults({"latency": {"seconds": 1}})
    api.submit(change("A", n="newer"))
    api.now = 11
    assert api.tags("A") == {"n": "older"}


def test_jobs_that_end_together_are_applied_in_the_order_of_their_posts() -> None:
    api = Calls({"latency": {"seconds": 1}})
    for place in range(5):
        api.submit(change("A", "append", l=[place]))
    api.now = 1
    assert api.tags("A") == {"l": [0, 1, 2, 3, 4]}


def test_a_job_without_latency_is_finished_at_the_first_look() -> None:
    api = Calls()
    assert api.report(api.submit(change("A", n=1)))["status"] == "Completed"


@pytest.mark.parametrize(
    ("distribution", "low", "high"), [("constant", 2, 2), ("uniform", 1, 3), ("exponential", 0, 60)]
)
def test_latencies_have_the_mean_that_was_asked_for(distribution: str, low: float, high: float) -> None:
    api = Calls({"latency": {"seconds": 2, "distribution": distribution}})
    drawn = [api.audience.faults.latency.draw(api.audience._rng) for _ in range(4000)]
    assert low <= min(drawn) <= max(drawn) <= high
    assert sum(drawn) / len(drawn) == pytest.approx(2, rel=0.1)


def test_the_same_seed_repeats_the_same_run() -> None:
    def run(seed: int) -> list[bytes]:
        api = Calls(
            {"latency": {"seconds": 1, "distribution": "exponential"}, "slow": [{"share": 0.5}]}, seed=seed
        )
        jobs = [api.submit(change(f"D{place}", n=1)) for place in range(20)]
        api.now = 1
        return [api.get(job).body for job in jobs]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_finished_job_is_forgotten_after_its_retention() -> None:
    api = Calls(retention=100.0)
    job = api.submit(change("A", n=1))
    api.now = 100
    assert api.get(job).status == 200
    api.now = 100.1
    assert api.get(job).status == 404


def test_the_oldest_finished_jobs_are_forgotten_when_too_many_rows_are_kept() -> None:
    api = Calls(kept_devices=5)
    jobs = [api.submit(change(f"A{place}", n=1), change(f"B{place}", n=1)) for place in range(4)]
    assert [api.get(job).status for job in jobs] == [404, 404, 200, 200]


def test_an_unfinished_job_is_never_forgotten_for_others() -> None:
    api = Calls({"latency": {"seconds": 1000}}, kept_devices=1, retention=1.0)
    job = api.submit(change("A", n=1))
    api.faults({})
    for place in range(5):
        api.submit(change(f"B{place}", n=1))
    api.now = 999
    assert api.report(job)["status"] == "Pending"


def test_a_job_is_known_to_its_own_endpoint_only() -> None:
    api = Calls()
    assert api.get(api.submit(change("A", n=1)), REGISTRATIONS).status == 404
    assert api.get(api.submit(registration("A", "T"), endpoint=REGISTRATIONS), TAGS).status == 404


def test_reset_forgets_jobs_devices_and_counts_but_not_the_faults() -> None:
    api = Calls({"device_failed": [{"prefix": "bad-"}]})
    job = api.submit(change("A", n=1))
    assert api.tags("A") == {"n": 1}
    api.audience.reset(api.now)
    assert api.tags("A") is None
    assert api.audience.stats(api.now).posts == 0
    assert api.get(job).status == 404
    assert api.rows(change("bad-1", n=1))[0]["status"] == "failed"


def test_the_journal_has_every_device_in_the_order_of_application() -> None:
    api = Calls({"device_failed": [{"prefix": "bad-"}]}, journal=True)
    api.rows(change("A", n=1), change("bad-1", n=1))
    api.rows(change("A", n=2))
    told = [(entry.device.hwid, entry.status, entry.changes) for entry in api.audience.journal]
    assert told == [("A", "done", {"n": 1}), ("bad-1", "failed", None), ("A", "done", {"n": 2})]
