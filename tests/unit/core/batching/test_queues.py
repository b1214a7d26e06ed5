"""When a batch is closed, and what goes into it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.batching.batch import Batch
from connector.core.batching.queues import Queue
from connector.core.queueing.coalesce import merge, row_of
from connector.model import Endpoint
from tests.strength import examples
from tests.unit.core.builders import NOW, devices, tags

ROW = len(devices([0])[0].row)
LINGER = 0.5


def queue(count: int, at: float = NOW) -> Queue:
    some = Queue()
    some.push(devices(range(count)), at, 1)
    return some


def due(some: Queue, now: float = NOW, most: int = 10, size: int = 1 << 20) -> bool:
    at = due_at(some, most, size)
    return at is not None and at <= now


def due_at(some: Queue, most: int = 10, size: int = 1 << 20) -> float | None:
    return some.due_at(most, size, LINGER)


def test_an_empty_queue_is_never_due() -> None:
    some = Queue()
    some.push([], NOW, 1)
    some.push_front([], 2)
    assert not due(some, NOW + 99)
    assert due_at(some) is None
    assert len(some) == 0


def test_what_was_put_back_does_not_hide_since_when_others_are_ready() -> None:
    some = queue(3, NOW)
    some.push_front(devices(range(10, 12)), 2)
    assert some.place(queued=False) == (1, 1)
    assert some.ready_since(2) == 0
    assert some.ready_since(3) == NOW
    assert Queue().ready_since(3) == 0


def test_the_most_promising_batch_has_failed_least_and_is_the_smallest_of_those() -> None:
    some = Queue()
    for serial, (size, failures) in enumerate(((1, 2), (9, 1), (4, 1))):
        batch = Batch(serial, Endpoint.TAGS, "", devices(range(size)), NOW)
        batch.suspicion.failures = failures
        some.exact.append(batch)
    assert [some.most_promising().serial for _ in range(3)] == [2, 1, 0]
    assert not some.exact


def test_a_batch_to_be_sent_as_it_is_is_due_at_once_whatever_waits() -> None:
    some = queue(1)
    some.exact.append(Batch(1, Endpoint.TAGS, "", devices(range(1)), NOW))
    assert due(some, NOW)
    assert due_at(some) == 0.0
    some.exact.clear()
    assert due_at(some) == NOW + LINGER


def test_events_that_were_put_back_and_taken_again_leave_no_trace_in_the_bytes() -> None:
    some = queue(2)
    some.push_front(some.take(2, 1 << 20), 2)
    assert len(some.take(2, 1 << 20)) == 2
    some.push(devices(range(3)), NOW, 1)
    assert due(some, size=3 * ROW)
    assert not due(some, size=3 * ROW + 1)


def test_a_batch_is_closed_when_there_are_enough_devices() -> None:
    assert not due(queue(9))
    assert due(queue(10))


def test_a_batch_is_closed_when_there_are_enough_bytes() -> None:
    assert not due(queue(5), size=6 * ROW)
    assert due(queue(6), size=6 * ROW)


def test_a_batch_is_closed_when_its_oldest_event_has_waited_long_enough() -> None:
    some = queue(1)
    some.push(devices([1]), NOW + 0.3, 1)
    assert due_at(some) == NOW + LINGER
    assert not due(some, NOW + 0.49)
    assert due(some, NOW + 0.5)


def test_what_is_left_of_a_batch_waits_from_when_it_came() -> None:
    some = queue(8)
    some.push(devices(range(8, 16)), NOW + 0.3, 1)
    assert [event.offset for event in some.take(10, 1 << 20)] == [*range(10)]
    assert some.ready_since(6) == NOW + 0.3
    assert len(some) == 6


def test_what_was_put_back_is_due_at_once_and_first() -> None:
    some = queue(3)
    some.push_front(devices([99]), 2)
    assert due(some)
    assert [event.offset for event in some.take(10, 1 << 20)] == [99, 0, 1, 2]


def test_a_batch_has_no_more_bytes_than_it_may() -> None:
    some = queue(10)
    assert len(some.take(10, 3 * (ROW + 1))) == 3
    assert len(some.take(10, 3 * (ROW + 1) - 1)) == 2


def test_a_single_event_goes_however_large_it_is() -> None:
    assert len(queue(3).take(10, 1)) == 1


def test_merged_rows_count_with_what_they_have_grown_to() -> None:
    head, other = tags(0, "A", values={"a": 1}), tags(1, "B")
    some = Queue()
    some.push([head, other], NOW, 1)
    assert merge(head, tags(2, "A", values={"b": "x" * 100}), 1 << 20)
    room = len(row_of(head)) + len(other.row)
    assert some.take(10, room) == [head]


def test_a_row_that_grew_in_the_queue_lets_its_batch_go_by_age_and_fills_it() -> None:
    heads = [tags(at, f"d{at}", values={"a": 1}) for at in range(3)]
    some = Queue()
    some.push(heads, NOW, 1)
    for head in heads:
        assert head.hwid is not None
        assert merge(head, tags(9, head.hwid, values={"b": "x" * 60 * ROW}), 1 << 20)
    size = len(row_of(heads[0])) + 10
    assert not due(some, size=size)
    assert due(some, NOW + LINGER, size=size)
    assert [some.take(10, size) for _ in heads] == [[head] for head in heads]
    assert some._bytes == 0


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400)), max_size=40),
    st.integers(1, 10),
    st.integers(1, 3000),
)
def test_no_batch_is_larger_than_it_may_be_however_its_rows_grew(
    growth: list[tuple[int, int]], most: int, size: int
) -> None:
    heads = devices(range(10))
    some = Queue()
    some.push(heads, NOW, 1)
    for at, (index, width) in enumerate(growth):
        head = heads[index]
        assert head.hwid is not None
        merge(head, tags(10 + at, head.hwid, values={f"t{at}": "x" * width}), 2000)
    while len(some):
        batch = some.take(most, size)
        body = b",".join(row_of(event) for event in batch)
        assert len(batch) == 1 or (len(batch) <= most and len(body) <= size)
    assert some._bytes == 0


def test_what_is_taken_out_is_given_back_and_the_rest_stays_in_order() -> None:
    some = queue(6)
    removed = some.remove(lambda event: event.offset % 2 == 0, NOW + 7)
    assert [event.offset for event in removed] == [0, 2, 4]
    assert some.ready_since(3) == NOW + 7
    assert some.place(queued=True) == (1, 1)
    assert some.remove(lambda event: event.offset == 1, NOW + 8)[0].offset == 1
    assert some.ready_since(2) == NOW + 8  # and not due at once
    assert [event.offset for event in some.take(10, 1 << 20)] == [3, 5]
    assert some.remove(lambda _: True, NOW) == []


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(0, 7)),
            st.tuples(st.just("front"), st.integers(0, 3)),
            st.tuples(st.just("take"), st.integers(1, 8)),
            st.tuples(st.just("remove"), st.integers(2, 4)),
        ),
        max_size=30,
    ),
    st.integers(1, 6),
)
def test_a_queue_keeps_order_and_count_whatever_is_done_to_it(
    steps: list[tuple[str, int]], rows: int
) -> None:
    some, model, offset = Queue(), list[int](), 0
    for at, (what, count) in enumerate(steps):
        events = devices(range(offset, offset + count)) if what in {"push", "front"} else []
        offset += len(events)
        mine = [event.offset for event in events]
        if what == "push":
            some.push(events, NOW + at, 1)
            model += mine
        elif what == "front":
            some.push_front(events, 2)
            model[:0] = mine
        elif what == "take":
            taken = [event.offset for event in some.take(count, rows * (ROW + 4))]
            assert taken == model[: len(taken)]
            assert len(taken) <= count
            assert taken or not model
            del model[: len(taken)]
        else:
            some.remove(lambda event, every=count: event.offset % every == 0, NOW + at)  # type: ignore[misc]  # a default binds the loop's value
            model = [each for each in model if each % count]
        assert len(some) == len(model)
        assert (due_at(some) is None) == (not model)
        assert sum(arrival.events for arrival in some._arrivals) == len(model)
        assert some._bytes == sum(len(event.row) for event in some._events)
