"""Violations and second submissions are counted as a promise would be broken, no more and no less."""

from __future__ import annotations

from connector.sandbox.contract import TagChange
from connector.sandbox.ledger import Submissions
from tests.unit.sandbox.calls import REGISTRATIONS, TAGS, Calls, change, registration

LATENCY = {"latency": {"seconds": 10}}


def violations(api: Calls) -> tuple[int, int, int]:
    """Return (overlapping, twice in one job, unavoidable)."""
    counted = api.audience.stats(api.now).violations
    return counted.overlapping, counted.twice_in_one_job, counted.unavoidable


def test_a_device_in_two_unfinished_jobs_is_a_violation() -> None:
    api = Calls(LATENCY)
    api.submit(change("A", n=1), change("B", n=1))
    api.submit(change("A", n=2), change("C", n=1))
    assert violations(api) == (1, 0, 0)
    assert api.audience.stats(api.now).violations.examples == ["in two unfinished jobs: hwid=A"]


def test_a_device_whose_job_has_ended_may_come_again() -> None:
    api = Calls(LATENCY)
    api.submit(change("A", n=1))
    api.now = 10
    api.submit(change("A", n=2))
    assert violations(api) == (0, 0, 0)


def test_a_third_job_is_told_from_the_second_while_the_first_has_ended() -> None:
    api = Calls(LATENCY)
    api.submit(change("A", n=1))
    api.now = 5
    api.submit(change("A", n=2))
    api.now = 12
    api.submit(change("A", n=3))
    assert violations(api) == (2, 0, 0)
    api.now = 30
    api.submit(change("A", n=4))
    assert violations(api) == (2, 0, 0)


def test_a_device_twice_in_one_job_is_a_violation() -> None:
    api = Calls(LATENCY)
    api.submit(change("A", n=1), change("A", n=2))
    assert violations(api) == (0, 1, 0)


def test_both_identities_of_a_registration_count_across_endpoints() -> None:
    api = Calls(LATENCY)
    api.submit(registration("A", "T"), endpoint=REGISTRATIONS)
    api.submit(change("A", n=1))
    api.submit({"push_token": "T", "list_operator": "set", "tags": {}})
    api.submit({"user_id": "A", "list_operator": "set", "tags": {}})
    assert violations(api) == (2, 0, 0)


def test_two_registrations_of_one_token_in_one_job_are_a_violation() -> None:
    api = Calls(LATENCY)
    api.submit(registration("A", "T"), registration("B", "T"), endpoint=REGISTRATIONS)
    assert violations(api) == (0, 1, 0)


def test_a_device_of_a_job_that_its_client_cannot_follow_is_unavoidable() -> None:
    for fault in ("reply_lost", "reset", "job_lost", "job_stuck"):
        api = Calls({**LATENCY, fault: [{"next": 1}]})
        api.submit(change("A", n=1))
        api.submit(change("A", n=1))
        assert violations(api) == (0, 0, 1), fault


def test_a_refused_post_puts_no_device_into_a_job() -> None:
    api = Calls({**LATENCY, "batch_refused": [{"next": 1}]})
    assert api.post(change("A", n=1)).status == 400
    api.submit(change("A", n=1))
    assert violations(api) == (0, 0, 0)


def submitted(api: Calls) -> tuple[int, int]:
    """Return how many devices came again, and how many of those for nothing."""
    stats = api.audience.stats(api.now)
    return stats.submitted_again, stats.submitted_twice


def test_a_content_that_was_confirmed_and_comes_again_was_submitted_twice() -> None:
    api = Calls()
    for _ in range(3):
        api.rows(change("A", n=1), change("B", n=1))
    assert submitted(api) == (4, 4)


def test_another_content_of_the_same_device_is_no_second_submission() -> None:
    api = Calls()
    api.rows(change("A", n=1))
    api.rows(change("A", n=2))
    api.rows(change("A", "append", n=1))
    assert submitted(api) == (0, 0)


def test_what_failed_or_was_not_told_may_come_again() -> None:
    excused = {
        "device_failed": [{"prefix": "A", "first": 1}],
        "device_not_found": [{"prefix": "B", "first": 1}],
        "row_missing": [{"prefix": "C", "first": 1}],
        "tag_refused": [{"prefix": "D", "first": 1}],
        "row_duplicated": [{"prefix": "E", "first": 1, "contradicting": True}],
    }
    api = Calls(excused)
    everything = [change(name, n=1) for name in "ABCDEF"]
    api.rows(*everything)
    api.rows(*everything)
    assert submitted(api) == (6, 1)  # F was confirmed the first time


def test_what_is_sent_again_after_a_lost_reply_or_a_failed_job_is_not_for_nothing() -> None:
    for fault in ("reply_lost", "reset", "job_lost", "job_stuck", "job_failed"):
        api = Calls({fault: [{"next": 1}]})
        api.submit(change("A", n=1))
        api.now += 1
        api.submit(change("A", n=1))
        assert submitted(api) == (1, 0), fault


def test_light_mode_counts_violations_but_keeps_nothing_of_devices() -> None:
    api = Calls(LATENCY, light=True)
    api.submit(change("A", n=1))
    api.submit(change("A", n=1))
    api.now = 10
    assert violations(api) == (1, 0, 0)
    assert submitted(api) == (0, 0)
    assert list(api.audience.known_devices(api.now)) == []


def test_the_newest_contents_are_remembered_and_the_oldest_forgotten() -> None:
    submissions = Submissions(generation=10)
    everything = [TagChange({}, hwid=f"D{place}") for place in range(25)]
    for device in everything:
        submissions.enter("APP", TAGS, [device])
    submissions.enter("APP", TAGS, everything[:1])
    assert submissions.again == 0
    submissions.excuse(submissions.enter("APP", TAGS, everything[13:14]))
    submissions.enter("APP", TAGS, everything[13:14])
    assert (submissions.again, submissions.needless) == (2, 1)


def test_examples_of_violations_are_few() -> None:
    api = Calls(LATENCY)
    for _ in range(2):
        api.submit(*(change(f"D{place}", n=1) for place in range(100)))
    assert violations(api) == (100, 0, 0)
    assert len(api.audience.stats(0).violations.examples) == 20
