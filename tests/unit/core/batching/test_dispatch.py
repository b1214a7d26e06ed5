"""Which batch goes next."""

from __future__ import annotations

import pytest

from connector.core.assigned.assignment import Assignment
from connector.core.batching.batch import Batch, HuntState
from connector.core.batching.bounds import Bounds, OneRequest
from connector.core.batching.dispatch import EXACT_IN_A_ROW, Dispatch
from connector.core.past.history import History
from connector.core.reading.event import Event
from connector.model import Endpoint, Route
from tests.unit.core.builders import (
    NOW,
    P0,
    P1,
    devices,
    event_of,
    limits,
    record,
    registration,
    tags,
)
from tests.unit.core.driving import Drive
from tests.unit.core.looking import waiting_in

TAGS = Route("", Endpoint.TAGS)
REGISTRATIONS = Route("", Endpoint.REGISTRATIONS)


def dispatch(*events: Event, **changed: object) -> Dispatch:
    some = Dispatch(limits(**changed))
    some.queue_ready(events, NOW)
    return some


def offsets(batch: Batch | None) -> list[int]:
    return [] if batch is None else [event.offset for event in batch.events]


def of_application(offset: int, application: str) -> Event:
    return event_of(
        record(offset, {"type": "tags", "hwid": f"x{offset}", "tags": {"a": 1}, "application": application})
    )


def test_what_alone_fails_is_no_trial_while_something_waits_that_has_hardly_failed() -> None:
    some = dispatch(*devices(range(1)))
    alone = Batch(7, Endpoint.TAGS, "", devices([5]), NOW)
    alone.suspicion.proven = 1
    some.queue_at(alone, NOW)
    some.wake(NOW, trials=True)
    assert not some.queues[TAGS].exact
    assert offsets(some.take_next(TAGS, NOW + 9)) == [0]
    some.wake(NOW + 9, trials=True)
    assert offsets(some.take_next(TAGS, NOW + 9)) == [5], "nothing else is left"


def test_a_batch_has_one_endpoint_and_one_application() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0, "A"), registration(1, "B"), of_application(2, "OTHER-APP"), tags(3, "C"))
    drive.run()
    assert sorted(drive.sent) == [[0, 3], [1], [2]]


def test_batches_hold_no_more_devices_than_allowed() -> None:
    drive = Drive(limits(max_devices=4))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.run()
    assert drive.sent == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_rows_of_a_batch_take_no_more_bytes_than_allowed() -> None:
    drive = Drive(limits(max_devices=1000, max_bytes=300))
    drive.assign()
    drive.read(*devices(range(20)))
    drive.run()
    rows = [len(event.row) + 1 for event in devices(range(20))]
    assert all(sum(rows[offset] for offset in sent) <= 300 for sent in drive.sent)
    assert len(drive.sent) < 10


def test_the_route_that_waits_longest_goes_first() -> None:
    some = dispatch(registration(1, "B"))
    some.queue_ready([tags(0, "A")], NOW + 5)
    assert [endpoint for _, endpoint in some.routes()] == [Endpoint.REGISTRATIONS, Endpoint.TAGS]
    some.requeue_first([tags(3, "D")])
    assert some.routes()[0] == REGISTRATIONS, "what is put back again and again must not be first for ever"
    some.send_exact(Batch(1, Endpoint.TAGS, "", [tags(2, "C")], NOW))
    assert some.routes()[0] == TAGS


def test_a_route_at_rest_is_no_route() -> None:
    some = dispatch(tags(0, "A"))
    assert some.take_next(TAGS, NOW + 9) is not None
    assert some.routes() == []
    assert some.due_at(TAGS) is None


def test_exact_batches_go_as_they_are_before_all_others() -> None:
    some = dispatch(*devices(range(5)))
    exact = Batch(some.new_serial(), Endpoint.TAGS, "", devices([8, 9]), NOW)
    some.send_exact(exact)
    assert some.due_at(TAGS) == 0
    assert some.take_next(TAGS, NOW) is exact
    assert [event.bound_to for event in exact.events] == [exact.serial] * 2


def test_an_exact_batch_of_which_nothing_is_left_frees_what_its_hunt_had_put_aside() -> None:
    some = dispatch()
    empty = Batch(some.new_serial(), Endpoint.TAGS, "", [], NOW, hunt=HuntState(devices([1, 2])))
    some.send_exact(empty)
    assert offsets(some.take_next(TAGS, NOW)) == [1, 2]


def test_what_comes_later_comes_when_it_is_due() -> None:
    some = dispatch()
    some.queue_at(tags(0, "A"), NOW + 1)
    some.queue_at(Batch(some.new_serial(), Endpoint.TAGS, "", [tags(1, "B")], NOW), NOW + 2)
    assert some.next_later() == NOW + 1
    assert waiting_in(some) == 2
    some.wake(NOW + 1)
    assert offsets(some.take_next(TAGS, NOW + 1)) == [0]
    some.wake(NOW + 2)
    assert offsets(some.take_next(TAGS, NOW + 2)) == [1]
    assert some.next_later() is None
    assert waiting_in(some) == 0


def test_events_beyond_reach_are_passed_over() -> None:
    some = dispatch(*devices(range(15)))
    batch = some.take_next(
        TAGS, NOW + 9, Bounds(lambda events: [event for event in events if event.offset >= 12])
    )
    assert offsets(batch) == [12, 13, 14]
    assert some.count_waiting_for_checkpoint == 12
    some = dispatch(*devices(range(15)))
    assert some.take_next(TAGS, NOW + 9, Bounds(lambda _: [])) is None


def test_everything_unsent_can_be_withdrawn_wherever_it_is() -> None:
    some = dispatch(*devices(range(4)))
    hunt = HuntState(devices([6, 7]), other_half=devices([8, 9]))
    exact = Batch(some.new_serial(), Endpoint.TAGS, "", devices([4, 5]), NOW, hunt)
    some.send_exact(exact)
    posting = Batch(
        some.new_serial(), Endpoint.TAGS, "", devices([10, 11]), NOW, HuntState(devices([12, 13]))
    )
    some.went(posting)
    late = Batch(some.new_serial(), Endpoint.TAGS, "", devices([14, 15]), NOW)
    some.queue_at(late, NOW + 1)
    for event in devices([16, 17]):
        some.queue_at(event, NOW + 1)
    removed = some.withdraw(lambda event: event.offset % 2 == 0, NOW)
    assert sorted(event.offset for event in removed) == [0, 2, 4, 6, 8, 12, 14, 16]
    assert [event.offset for event in posting.events] == [10, 11], "it is on its way"
    assert waiting_in(some) == 2 + 1 + 2


def test_what_waits_for_its_checkpoint_is_taken_back_or_withdrawn_by_its_partition() -> None:
    assignments = one, other = Assignment(P0, 0), Assignment(P1, 0)
    events = devices(range(6))
    for event in events:
        event.assignment = assignments[event.offset % 2]
    some = dispatch(*events)
    assert some.take_next(TAGS, NOW + 9, Bounds(lambda _: [])) is None
    assert [event.bound_to for event in events] == [0] * 6, "no batch has them"
    some.take_back(one, some.waiting_for_checkpoint(one)[1:])
    assert [event.offset for event in some.waiting_for_checkpoint(one)] == [0]
    assert offsets(some.take_next(TAGS, NOW)) == [2, 4], "due at once"
    removed = some.withdraw(lambda event: event.offset != 3, NOW)
    assert sorted(event.offset for event in removed) == [0, 1, 5]
    assert [event.offset for event in some.waiting_for_checkpoint(other)] == [3]
    assert (some.waiting_for_checkpoint(one), some.count_waiting_for_checkpoint) == ((), 1)


def test_a_halved_batch_keeps_its_history() -> None:
    some = dispatch()
    whole = Batch(1, Endpoint.TAGS, "APP", devices(range(5)), NOW, history=History(failures=2, losses=1))
    left, right = some.halve(whole)
    assert (offsets(left), offsets(right)) == ([0, 1], [2, 3, 4])
    assert [(half.application, half.history) for half in (left, right)] == [("APP", whole.history)] * 2
    left.history.losses = 2
    assert (whole.history.losses, right.history.losses) == (1, 1), "each has its own"


def test_an_application_has_something_to_send_wherever_it_waits_and_while_it_is_under_way() -> None:
    some = dispatch(of_application(0, "READY"))
    some.queue_at(of_application(1, "LATE"), NOW + 9)
    posting = Batch(7, Endpoint.TAGS, "POSTING", devices([2]), NOW)
    some.went(posting)
    assert all(map(some.has, ("READY", "LATE", "POSTING")))
    assert not any(map(some.has, ("A", "N", "Z")))
    some.answered(posting)
    assert not some.has("POSTING")


def exact(serial: int, *offsets: int, failures: int = 0) -> Batch:
    batch = Batch(serial, Endpoint.TAGS, "", devices(offsets), NOW)
    batch.suspicion.failures = failures
    return batch


def test_the_parts_of_a_batch_go_in_order_before_other_exact_ones_as_if_they_had_failed_once() -> None:
    some = dispatch()
    some.send_exact(exact(50, 20))
    some.quarter(exact(51, *range(10), failures=7))
    parts = [some.take_next(TAGS, NOW) for _ in range(5)]
    assert [offsets(part) for part in parts] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9], [20]]
    assert [part.suspicion.failures for part in parts if part] == [1, 1, 1, 1, 0]


def test_at_the_end_of_a_hunt_all_that_it_had_put_aside_goes_in_one_batch_and_once() -> None:
    some = dispatch()
    found = exact(50, 1)
    found.hunt = HuntState(devices([4, 5]), other_half=devices([2, 3]))
    some.end_hunt(found)
    some.end_hunt(found)
    assert offsets(some.take_next(TAGS, NOW)) == [4, 5, 2, 3]
    assert waiting_in(some) == 0


def test_a_trial_is_what_has_failed_least_or_of_others_so_many_of_what_has_not_failed_yet() -> None:
    some = dispatch(*devices(range(4)), linger=60.0)
    for batch in (exact(50, 20, failures=2), exact(51, 21, failures=1)):
        some.send_exact(batch)
    assert offsets(some.take_next(TAGS, NOW, Bounds(one_request=OneRequest(3, untried_first=True)))) == [
        0,
        1,
        2,
    ]
    assert offsets(some.take_next(TAGS, NOW, Bounds(one_request=OneRequest(3, untried_first=False)))) == [21]
    assert offsets(some.take_next(TAGS, NOW, Bounds(one_request=OneRequest(3, untried_first=True)))) == [3]
    assert offsets(some.take_next(TAGS, NOW, Bounds(one_request=OneRequest(3, untried_first=True)))) == [20]
    assert some.take_next(TAGS, NOW, Bounds(one_request=OneRequest(3, untried_first=True))) is None


@pytest.mark.parametrize(("failures", "better"), [(2, True), (3, False)])
def test_what_alone_fails_waits_a_second_for_an_exact_batch_that_has_hardly_failed(
    failures: int, better: bool
) -> None:
    some = dispatch()
    some.send_exact(exact(50, 20, failures=failures))
    alone = exact(51, 21)
    alone.suspicion.proven = 1
    some.queue_at(alone, NOW)
    some.wake(NOW, trials=True)
    assert some.next_later() == (NOW + 1 if better else None)


def test_what_was_to_come_later_is_brought_forward_and_never_put_off() -> None:
    some = dispatch()
    late = devices(range(3))
    for event in late:
        some.queue_at(event, NOW + 10 - event.offset)
    some.bring_forward({id(late[0]): NOW + 1, id(late[1]): NOW + 99})
    for at in (1, 8, 9):
        assert some.next_later() == NOW + at
        some.wake(NOW + at)


def test_who_must_step_back_is_in_no_batch_exact_or_not() -> None:
    some = dispatch(*devices(range(4)))
    some.send_exact(exact(50, 20, 21))
    odd = Bounds(stepped_back=lambda event: event.offset % 2 == 0)
    assert [offsets(some.take_next(TAGS, NOW + 9, odd)) for _ in range(3)] == [[21], [1, 3], []]


def test_a_route_with_queued_events_is_first_where_it_is_their_turn_or_a_trial_wants_others() -> None:
    some = dispatch(registration(0))
    for serial in range(50, 51 + EXACT_IN_A_ROW):
        some.send_exact(exact(serial, serial))
    assert some.routes() == [TAGS, REGISTRATIONS]
    assert some.routes(queued_first=True) == [REGISTRATIONS, TAGS]
    for _ in range(EXACT_IN_A_ROW):
        some.take_next(TAGS, NOW)
    assert some.routes() == [REGISTRATIONS, TAGS]
