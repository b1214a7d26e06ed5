"""Which letters would undo a newer event: judged over a source that is written down record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.core.reading.decode import Interpreter
from connector.kafka.letters.letter import Headers
from connector.model import Content, Reason, TopicPartition
from connector.replay.choosing import Selection, Standing
from connector.replay.filters import Filters
from connector.replay.letter import DeadLetter, SourceRecord, headers_again
from connector.replay.order import GroupOrders
from tests.unit.replay.letters import NOON, SOURCE, event, letter, stored

_READ = Interpreter(Content.TAGS)


class Since:
    """A source partition, and the letters of some of its records."""

    def __init__(self, letters: Sequence[DeadLetter], filters: Filters | None = None) -> None:
        self.selection = Selection(filters or Filters())
        for each in letters:
            (outcome,) = _READ.read([SourceRecord(each)])
            self.selection.add(each, outcome, replayed=False)
        self.selection.all_read()
        self.order = GroupOrders()
        self.selection.prepare(self.order)

    def saw(
        self, offset: int, value: bytes, *, key: bytes | None = b"key", headers: Headers | None = None
    ) -> Since:
        record = stored(SOURCE, offset, value, key, headers)
        self.order.saw(SOURCE, [record], _READ.read([record]))
        return self

    def standings(self, *, even_if_newer: bool = False) -> dict[int, Standing]:
        """By the source offset of each letter that is meant."""
        self.selection.judge(self.order, even_if_newer=even_if_newer)
        return {each.letter.source_offset: each.standing for each in self.selection.candidates.values()}


def test_a_letter_goes_where_only_other_devices_had_events_since() -> None:
    since = Since([letter(0, 10, value=event("A"))]).saw(11, event("B")).saw(9, event("A"))

    assert since.standings() == {10: Standing.READY}


def test_a_letter_stays_where_its_device_had_a_newer_event() -> None:
    since = Since([letter(0, 10, value=event("A"))]).saw(11, event("A", other="x"), key=b"another")

    assert since.standings() == {10: Standing.NEWER}
    assert next(since.selection.staying()).why == "newer event: users/1/11"


def test_a_letter_with_a_newer_event_goes_where_that_is_asked_for() -> None:
    since = Since([letter(0, 10, value=event("A"))]).saw(11, event("A"))

    assert since.standings(even_if_newer=True) == {10: Standing.READY}


def test_any_identifier_in_common_makes_it_the_same_device() -> None:
    both = b'{"hwid": "A", "user_id": "u", "tags": {"plan": "pro"}}'
    since = Since([letter(0, 10, value=both)]).saw(11, b'{"user_id": "u", "tags": {"plan": "free"}}')

    assert since.standings() == {10: Standing.NEWER}


def test_letters_of_one_device_go_together_in_their_order() -> None:
    letters = [letter(0, 20, value=event("A")), letter(1, 10, value=event("A"))]
    since = Since(letters).saw(20, event("A"))

    assert since.standings() == {10: Standing.READY, 20: Standing.READY}
    assert [each.letter.source_offset for each in since.selection.in_order()] == [10, 20]


def test_a_later_letter_that_is_not_meant_may_be_half_applied_and_counts() -> None:
    letters = [
        letter(0, 10, value=event("A"), reason=Reason.DEVICE_FAILED),
        letter(1, 20, value=event("A"), reason=Reason.TAG_REFUSED),
    ]
    filters = Filters(reasons=frozenset({"device_failed"}))

    assert Since(letters, filters).saw(20, event("A")).standings() == {10: Standing.NEWER}


def test_a_later_letter_that_never_reached_the_api_does_not_count() -> None:
    letters = [
        letter(0, 10, value=event("A"), reason=Reason.DEVICE_FAILED),
        letter(1, 20, value=event("A"), reason=Reason.DEVICE_NOT_FOUND),
    ]
    filters = Filters(reasons=frozenset({"device_failed"}))

    assert Since(letters, filters).saw(20, event("A")).standings() == {10: Standing.READY}


def test_a_letter_that_stays_keeps_back_the_older_ones_that_share_its_other_identifier() -> None:
    letters = [
        letter(0, 10, value=event("A")),
        letter(1, 20, value=b'{"hwid": "A", "user_id": "u", "tags": {"plan": "x"}}'),
    ]
    since = Since(letters)
    since.saw(20, b'{"hwid": "A", "user_id": "u", "tags": {"plan": "x"}}')
    since.saw(30, b'{"user_id": "u", "tags": {"plan": "y"}}')

    assert since.standings() == {10: Standing.NEWER, 20: Standing.NEWER}


def test_a_record_that_was_sent_again_counts_as_old_as_it_was_at_first() -> None:
    older, newer = letter(0, 10, value=event("A")), letter(1, 20, value=event("A"))

    since = Since([newer]).saw(50, event("A"), headers=headers_again(older))
    assert since.standings() == {20: Standing.READY}

    since = Since([older]).saw(50, event("A"), headers=headers_again(newer))
    assert since.standings() == {10: Standing.NEWER}


def test_a_letter_whose_record_is_in_the_source_again_was_sent_before() -> None:
    found = letter(0, 10, value=event("A"))
    since = Since([found]).saw(50, event("A"), headers=headers_again(found))

    assert since.standings(even_if_newer=True) == {10: Standing.REPLAYED}


def test_a_letter_of_what_was_sent_again_tells_of_the_letter_before_it() -> None:
    first = letter(0, 10, value=event("A"))
    second = letter(1, 50, value=event("A"), headers=headers_again(first))

    assert Since([first, second]).saw(50, event("A")).standings() == {
        10: Standing.REPLAYED,
        50: Standing.READY,
    }


def test_an_unreadable_letter_is_told_by_its_key() -> None:
    found = letter(0, 10, value=b"\xff", key=b"A", reason=Reason.UNDECODABLE)

    assert Since([found]).saw(11, event("B"), key=b"A").standings() == {10: Standing.NEWER}
    assert Since([found]).saw(11, event("B"), key=b"B").standings() == {10: Standing.READY}
    assert Since([found]).saw(11, b"\xff", key=b"A").standings() == {10: Standing.READY}, (
        "never reaches the API"
    )
    keyless = letter(0, 10, value=b"\xff", key=None, reason=Reason.UNDECODABLE)
    assert Since([keyless]).saw(11, event("B"), key=b"A").standings() == {10: Standing.READY}


def test_a_topic_that_nobody_can_read_is_judged_by_keys() -> None:
    since = Since([letter(0, 10, value=b"\xff", key=b"A")])
    since.order.saw(SOURCE, [stored(SOURCE, 11, b"\xff", b"A")], None)

    assert since.standings() == {10: Standing.NEWER}


def test_copies_of_a_letter_are_one() -> None:
    since = Since([letter(0, 10), letter(1, 10)])

    (candidate,) = since.selection.in_order()
    assert [offset for _, offset in candidate.spots] == [0, 1]


def test_what_is_beyond_the_limit_waits_for_another_run() -> None:
    since = Since([letter(offset, 10 + offset, value=event(f"d{offset}")) for offset in range(5)])
    since.selection.judge(since.order, even_if_newer=False)
    since.selection.limit(2)

    assert [each.letter.source_offset for each in since.selection.in_order()] == [10, 11]
    assert since.selection.counts() == {Standing.LATER: 3}


def test_a_letter_of_nobody_is_counted_and_stays() -> None:
    since = Since([])
    nameless = letter(source=SOURCE._replace(topic=""))
    since.selection.add(nameless, None, replayed=False)

    assert since.selection.counts() == {Standing.NO_SOURCE: 1}


ELSEWHERE = TopicPartition("registrations", 3)


def elsewhere(
    since: Since, offset: int, value: bytes, time: int, headers: Headers | None = None, key: bytes = b"key"
) -> Since:
    """A record of another topic, which is looked at by time."""
    since.order.watch_times([ELSEWHERE])
    record = stored(ELSEWHERE, offset, value, key, headers, time)
    since.order.saw(ELSEWHERE, [record], _READ.read([record]))
    return since


def test_an_event_in_another_topic_is_newer_by_its_time() -> None:
    found = letter(0, 10, value=event("A"))

    since = elsewhere(Since([found]), 2, event("A"), NOON + 1)
    assert since.standings() == {10: Standing.NEWER}
    assert next(since.selection.staying()).why == "newer event: registrations/3/2"
    assert elsewhere(Since([found]), 99, event("A"), NOON - 1).standings() == {10: Standing.READY}
    assert elsewhere(Since([found]), 2, event("B"), NOON + 1).standings() == {10: Standing.READY}
    assert elsewhere(Since([found]), 2, b"no event", NOON + 1).standings() == {10: Standing.READY}


def test_in_another_topic_an_unreadable_letter_is_told_by_its_key_too() -> None:
    found = letter(0, 10, value=b"\xff", key=b"A", reason=Reason.UNDECODABLE)

    assert elsewhere(Since([found]), 2, event("B"), NOON + 1, key=b"A").standings() == {10: Standing.NEWER}
    assert elsewhere(Since([found]), 2, event("B"), NOON + 1, key=b"B").standings() == {10: Standing.READY}


def test_sent_again_to_another_topic_it_counts_as_old_as_it_was_at_first() -> None:
    older = letter(5, 1, value=event("A"), source=ELSEWHERE, timestamp=NOON - 5)
    newer = letter(5, 1, value=event("A"), source=ELSEWHERE, timestamp=NOON + 5)
    found = letter(0, 10, value=event("A"))

    assert elsewhere(Since([found]), 2, event("A"), NOON + 9, headers_again(older)).standings() == {
        10: Standing.READY
    }
    assert elsewhere(Since([found]), 2, event("A"), NOON + 9, headers_again(newer)).standings() == {
        10: Standing.NEWER
    }


def test_letters_of_several_topics_go_by_their_time() -> None:
    letters = [
        letter(0, 10, value=event("A"), timestamp=NOON + 10),
        letter(1, 5, value=event("A"), source=ELSEWHERE, timestamp=NOON + 5),
        letter(2, 11, value=event("A"), timestamp=NOON),  # behind the other in its partition all the same
    ]

    assert [each.letter.source_offset for each in Since(letters).selection.in_order()] == [5, 10, 11]


def test_a_letter_that_stays_keeps_back_older_ones_of_other_topics() -> None:
    letters = [
        letter(0, 10, value=event("A")),
        letter(1, 5, value=event("A"), source=ELSEWHERE, timestamp=NOON + 5),
    ]
    since = Since(letters)
    record = stored(ELSEWHERE, 6, event("A"), timestamp=NOON - 9)
    since.order.saw(ELSEWHERE, [record], _READ.read([record]))

    assert since.standings() == {5: Standing.NEWER, 10: Standing.NEWER}


def test_what_another_group_refused_is_an_event_all_the_same() -> None:
    mine = letter(0, 10, value=event("A"))
    others = replace(letter(1, 20, value=event("A"), reason=Reason.UNDECODABLE), group="another")

    assert Since([mine, others], Filters(groups=frozenset({"group"}))).saw(20, event("A")).standings() == {
        10: Standing.NEWER
    }
    assert Since([mine, others]).saw(20, event("A")).standings() == {10: Standing.NEWER, 20: Standing.READY}


def test_letters_that_two_groups_wrote_of_one_record_are_two() -> None:
    selection = Since([letter(0, 10), replace(letter(1, 10), group="another")]).selection

    assert [each.letter.group for each in selection.in_order()] == ["group", "another"]
    only = Since(
        [letter(0, 10), replace(letter(1, 10), group="another")], Filters(groups=frozenset({"group"}))
    )
    assert [each.letter.group for each in only.selection.in_order()] == ["group"]
    assert only.selection.of_other_groups == {"another": 1}
