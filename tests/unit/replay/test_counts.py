"""Letters grouped by reason, topic and time."""

from __future__ import annotations

from connector.model import Reason, TopicPartition
from connector.replay.counts import Counts, written
from tests.unit.replay.letters import NOON, letter

_HOUR = 3_600_000


def test_letters_are_counted_by_reason_topic_and_hour() -> None:
    counts = Counts(2)
    for offset in range(5):
        found = letter(offset, offset, timestamp=NOON + offset * _HOUR, reason=Reason.TAG_REFUSED)
        counts.add(found, "d", "", replayed=offset == 0)
    counts.add(letter(9, 9, source=TopicPartition("others", 0)), "d", "", replayed=False)

    groups = counts.by_group()
    assert [(reason, topic, group.letters) for reason, topic, group in groups] == [
        ("tag_refused", "users", 5),
        ("device_failed", "others", 1),
    ]
    assert (groups[0][2].oldest, groups[0][2].newest) == (NOON, NOON + 4 * _HOUR)
    assert counts.by_time()[0] == ("2026-03-01 12:00", 2)
    assert [one.letter.source_offset for one in counts.newest] == [4, 3]
    assert (counts.letters, counts.replayed, counts.copies) == (6, 1, 0)


def test_letters_of_more_than_two_days_are_counted_by_the_day() -> None:
    counts = Counts(0)
    for day in (0, 3, 3):
        counts.add(letter(0, day, timestamp=NOON + day * 24 * _HOUR), "", "", replayed=False)

    assert counts.by_time() == [("2026-03-01", 1), ("2026-03-04", 2)]
    assert counts.newest == []
    assert counts.copies == 1


def test_a_letter_without_a_time_is_counted_as_such() -> None:
    counts = Counts(1)
    counts.add(letter(timestamp=0), "", "", replayed=False)

    assert counts.by_time() == [("no time", 1)]
    assert counts.plain()["newest"][0]["time"] is None


def test_times_beyond_all_calendars_are_counted_together_and_beside_the_others() -> None:
    """Such as microseconds, from a producer that means milliseconds."""
    counts = Counts(2)
    for offset, timestamp in enumerate((NOON, NOON * 1000, NOON * 1000 + 90 * 24 * _HOUR, (1 << 63) - 1)):
        counts.add(letter(offset, offset, timestamp=timestamp), "", "", replayed=False)

    assert counts.by_time() == [("2026-03-01 12:00", 1), ("beyond the calendar", 3)]
    assert counts.plain()["by_time"][1] == {"from": "beyond the calendar", "letters": 3}
    assert counts.plain()["newest"][0]["time"] == "9223372036854775807 ms"


def test_a_time_beyond_all_calendars_is_still_written() -> None:
    assert written(NOON) == "2026-03-01T12:00:00Z"
    assert written(10**17) == "100000000000000000 ms"
