"""What an operator should read, and how little of it."""

from __future__ import annotations

from connector.core.notices import Notice, Notices
from tests.unit.core.builders import P0, P1


def test_what_is_told_of_one_partition_names_it() -> None:
    notices = Notices()
    notices.tell_of(P0, "info", "adopting", jobs=2)
    assert notices.take() == [Notice("info", "adopting", {"topic": "events", "partition": 0, "jobs": 2})]
    notices.tell_of(P1, "info", "adopting", jobs=1)
    assert notices.take()[0].fields["partition"] == 1


def test_what_is_told_of_many_partitions_is_one_line_with_their_number() -> None:
    notices = Notices()
    for jobs in (2, 3, 4):
        notices.tell_of(P0, "info", "adopting", jobs=jobs)
    notices.tell_of(P1, "warning", "unreadable")
    notices.tell_of(P0, "warning", "unreadable")
    assert [notice.fields for notice in notices.take()] == [{"partitions": 3, "jobs": 9}, {"partitions": 2}]
