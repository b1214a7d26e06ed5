"""Links to the spans that records were produced in."""

from __future__ import annotations

from typing import NoReturn

import pytest

from connector.core.queueing.coalesce import merge
from connector.tracing.parents import links, parent_of
from tests.records import ARecord
from tests.unit.core.builders import tags
from tests.unit.tracing.records import TRACE, carrying, traceparent


def spans(events: list[object], most: int = 128) -> list[int]:
    return [link.context.span_id for link in links(events, most)]  # type: ignore[arg-type]  # all are events


def test_each_record_that_names_a_trace_is_linked() -> None:
    found = links([carrying(0, traceparent(1)), tags(1, "B"), carrying(2, traceparent(3, "00"))], 128)
    assert [(f"{link.context.trace_id:032x}", link.context.span_id) for link in found] == [
        (TRACE, 1),
        (TRACE, 3),
    ]
    assert all(link.context.is_remote for link in found)
    assert [link.context.trace_flags.sampled for link in found] == [True, False]


def test_records_that_were_merged_into_one_update_are_all_linked() -> None:
    head, later = carrying(0, traceparent(1), device="A"), carrying(1, traceparent(2), device="A")
    assert merge(head, later, 1 << 20)
    assert spans([head]) == [1, 2]


def test_a_span_that_produced_many_records_is_linked_once() -> None:
    assert spans([carrying(0, traceparent(1)), carrying(1, traceparent(1)), carrying(2, traceparent(2))]) == [
        1,
        2,
    ]


def test_there_are_at_most_so_many_links_and_sampled_traces_come_first() -> None:
    events: list[object] = [
        *(carrying(n, traceparent(n + 1, "00")) for n in range(5)),
        *(carrying(n, traceparent(n + 1)) for n in range(5, 8)),
    ]
    assert spans(events, 4) == [6, 7, 8, 1]
    assert spans(events, 2) == [6, 7]
    assert spans(events, 0) == []


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_the_name_of_the_header_may_be_in_any_case(name: str) -> None:
    assert spans([carrying(0, traceparent(1), name=name)]) == [1]


def test_a_later_version_may_say_more_behind_what_is_known() -> None:
    later = b"01" + traceparent(1)[2:] + b"-what-comes-next"
    assert spans([carrying(0, later)]) == [1]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="no header"),
        pytest.param([None], id="a null"),
        pytest.param([b""], id="nothing"),
        pytest.param([b"\xff\xfe"], id="no text"),
        pytest.param([traceparent(0)], id="no span"),
        pytest.param([traceparent(1, trace="0" * 32)], id="no trace"),
        pytest.param([traceparent(1).upper()], id="capitals"),
        pytest.param([b"ff" + traceparent(1)[2:]], id="a version that is forbidden"),
        pytest.param([traceparent(1) + b"-more"], id="more than version 00 has"),
        pytest.param([traceparent(1)[:-1]], id="cut short"),
        pytest.param([traceparent(1), traceparent(2)], id="two of them"),
        pytest.param([b"01" + traceparent(1)[2:] + b"-" + b"x" * 1000], id="far too long"),
    ],
)
def test_what_is_no_valid_traceparent_links_nowhere(values: list[bytes | None]) -> None:
    record = ARecord(b"{}", headers=[("traceparent", value) for value in values])
    assert parent_of(record) is None


def test_a_header_whose_name_is_no_text_links_nowhere() -> None:
    class Strange(ARecord):
        def headers(self) -> NoReturn:
            b"\xff".decode()
            raise AssertionError

    assert parent_of(Strange(b"{}")) is None
