"""Whose turn it is: what comes again and again must not keep others from ever being sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from connector.answers import PollAnswer, Row
from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import EXACT_IN_A_ROW, Dispatch
from connector.core.following.job import Job
from connector.core.reading.event import Event
from connector.model import Endpoint, Route
from tests.unit.core.builders import (
    NOW,
    P0,
    P1,
    all_done,
    completed,
    limits,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import Drive

SECONDS = 2.0
"""That a job takes."""
HOT = 10


def in_time(drive: Drive, answer: Callable[[Job], PollAnswer]) -> Callable[[Job], PollAnswer]:
    return lambda job: unfinished() if drive.now - job.accepted_at < SECONDS else answer(job)


def good(job: Job) -> PollAnswer:
    return all_done(job.events)


def hot(at: int) -> Event:
    """One of a few devices that change all the time, each time by another operator: nothing is merged."""
    return tags(at, f"hot{at % HOT}", ("set", "append")[at // HOT % 2])


def beside(others: list[Event], seconds: float, answer: Callable[[Job], PollAnswer] = good) -> Counter[str]:
    """Have a backlog of hot devices and these others, one job at a time; count what was sent by names."""
    drive = Drive(limits(max_devices=HOT, max_in_flight=1))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*map(hot, range(100 * HOT)))
    drive.run(poll=in_time(drive, answer), seconds=1)
    drive.read(*others)
    sent: Counter[str] = Counter()

    def count(batch: Batch) -> None:
        sent.update(str(event.hwid)[:3] for event in batch.events)

    drive.run(count, in_time(drive, answer), seconds=seconds)
    return sent


@pytest.mark.parametrize(
    "other",
    [
        lambda at: tags(at, f"cold{at}", partition=P1),
        lambda at: tags(at, f"cold{at}", partition=P1, application="B"),
        lambda at: registration(at, f"cold{at}", push_token=f"token{at}", partition=P1),
    ],
    ids=["devices", "an application", "an endpoint"],
)
def test_devices_that_change_all_the_time_hold_up_no_others(other: Callable[[int], Event]) -> None:
    sent = beside([other(at) for at in range(20)], 40)
    assert sent["col"] == 20
    assert sent["hot"] >= 10 * HOT


def test_devices_that_are_tried_again_and_again_hold_up_no_others() -> None:
    def one_is_not_found(job: Job) -> PollAnswer:
        return completed(
            *(row(each, "not found" if each.offset % 10 == 3 else "done") for each in job.events)
        )

    others = [registration(at, f"cold{at}", push_token=f"token{at}", partition=P1) for at in range(20)]
    assert beside(others, 60, one_is_not_found)["col"] >= 20


def test_users_that_go_one_by_one_hold_up_no_devices() -> None:
    drive = Drive(limits(max_devices=HOT, max_in_flight=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*(tags(at, None, user_id=f"u{at}") for at in range(100)))
    drive.read(*(tags(at, f"d{at}", partition=P1) for at in range(100)))

    def answer(job: Job) -> PollAnswer:
        rows: list[Row] = []
        for event in job.events:
            phones = [Row(f"phone {number} of {event.user_id}", status="done") for number in range(2)]
            rows += [row(event)] if event.hwid else phones
        return completed(*rows)

    drive.run(poll=in_time(drive, answer), seconds=200)
    assert drive.position(P1) == 100
    assert Endpoint.TAGS in drive.engine.tally.resubmitted


def test_after_so_many_exact_batches_others_have_a_turn() -> None:
    some = Dispatch(limits(max_devices=2))
    some.queue_ready([tags(at, f"d{at}") for at in range(4)], NOW)
    for at in range(2 * EXACT_IN_A_ROW):
        some.send_exact(Batch(at, Endpoint.TAGS, "", [tags(50 + at, f"e{at}")], 0.0))
    turns = [some.take_next(Route("", Endpoint.TAGS), NOW) for _ in range(2 * EXACT_IN_A_ROW + 2)]
    kinds = "".join(str(batch.events[0].hwid)[0] for batch in turns if batch)
    assert kinds == ("e" * EXACT_IN_A_ROW + "d") * 2


def test_exact_batches_of_two_routes_go_in_the_order_in_which_they_came() -> None:
    some = Dispatch(limits())
    for at in range(4):
        some.send_exact(Batch(at, Endpoint.TAGS, "AB"[at % 2], [tags(at, f"e{at}")], 0.0))
    order = [some.take_next(some.routes()[0], NOW) for _ in range(4)]
    assert [batch.serial for batch in order if batch] == [0, 1, 2, 3]


def test_a_route_that_has_but_what_was_put_back_is_not_always_first() -> None:
    some = Dispatch(limits(max_devices=1))
    some.requeue_first([tags(0, "a")])
    some.queue_ready([tags(1, "b", application="B")], NOW - 9)
    sent = []
    for _ in range(4):
        batch = some.take_next(some.routes()[0], NOW)
        assert batch is not None
        sent.append(batch.application)
        some.requeue_first(batch.events)
    assert sent == ["", "B", "", "B"]


def test_a_route_whose_turn_it_is_and_that_has_nothing_yet_leaves_the_turn_to_the_next() -> None:
    some = Dispatch(limits(max_devices=2, linger=5.0))
    some.queue_ready([tags(9, "w", application="B")], NOW)
    some.queue_ready([tags(at, f"d{at}") for at in range(4)], NOW)
    for at in range(EXACT_IN_A_ROW + 1):
        some.send_exact(Batch(at, Endpoint.TAGS, "", [tags(50 + at, f"e{at}")], 0.0))
    sent = []
    for _ in range(EXACT_IN_A_ROW + 2):
        batch = next(batch for route in some.routes() if (batch := some.take_next(route, NOW)))
        sent.append(str(batch.events[0].hwid)[0])
    assert "".join(sent) == "e" * EXACT_IN_A_ROW + "de"


def test_batches_of_two_applications_that_go_together_go_in_the_order_in_which_they_came() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.let_many_go()
    for at in range(0, 40, 10):
        application = "AB"[at // 10 % 2]
        drive.read(*(tags(at + n, f"d{at + n}", application=application) for n in range(10)))
    assert [batch.application for batch in drive.submitted()] == ["A", "B", "A", "B"]


def test_under_a_limit_of_requests_posts_and_gets_take_turns() -> None:
    drive = Drive(limits(max_devices=1, linger=0.0, requests_per_second=1.0, poll_ceiling=0.5))
    drive.assign()
    drive.let_many_go()
    drive.read(*(tags(at, f"d{at}") for at in range(20)))
    turns = ""
    while len(turns) < 12:
        drive.wait_for(lambda: bool(drive.submits or drive.polls))
        turns += "P" * len(drive.submits) + "G" * len(drive.polls)
        for submit in [*drive.submits]:
            drive.posted(submit)
        for poll in [*drive.polls]:
            drive.polled(poll, unfinished())
    assert turns == "PG" * 6
