"""Whatever a report says: nobody is confirmed without a good row of their own."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from connector.answers import JobReport, JobState, Row
from connector.core.judging.verdicts import judge
from connector.model import Reason, TagsUpdate

WORDS = st.sampled_from(["done", "Done", "failed", "not found", "queued", ""])
TAGS = st.none() | st.dictionaries(st.sampled_from("ab"), st.sampled_from(["ok", "OK", "tag not found"]))
NAMES = st.none() | st.sampled_from(["A", "B", "C", "D", "", "Z"])
ROWS = st.lists(
    st.builds(Row, hwid=NAMES, user_id=NAMES, push_token=NAMES, status=WORDS, tags=TAGS), max_size=8
)


def is_good(row: Row) -> bool:
    answers = (row.tags or {}).values()
    return row.status.lower() == "done" and all(answer.lower() == "ok" for answer in answers)


@given(rows=ROWS)
def test_every_device_sent_by_hwid_is_confirmed_exactly_by_good_rows_of_its_own_name(rows: list[Row]) -> None:
    names = ["A", "B", "C", "D"]
    report = JobReport(JobState.COMPLETED, "Completed", 100, rows)
    verdicts = judge([TagsUpdate(hwid=name) for name in names], report).rejections
    for index, name in enumerate(names):
        own = [row for row in rows if row.hwid == name]
        if own:
            assert (index not in verdicts) == all(map(is_good, own))
        elif index not in verdicts:
            assert len(rows) == len(names)
            assert not rows[index].hwid
            assert is_good(rows[index])


@given(
    fates=st.lists(st.sampled_from(["done", "failed", "not found", "?"]), max_size=20),
    seed=st.integers(0, 2**32),
)
def test_the_order_of_rows_changes_nothing(fates: list[str], seed: int) -> None:
    sent = [TagsUpdate(hwid=f"device-{index}") for index in range(len(fates))]
    rows = [Row(hwid=f"device-{index}", status=fate) for index, fate in enumerate(fates)]
    random.Random(seed).shuffle(rows)
    expected = {"failed": Reason.DEVICE_FAILED, "not found": Reason.DEVICE_NOT_FOUND, "?": Reason.NO_VERDICT}
    verdicts = judge(sent, JobReport(JobState.COMPLETED, "Completed", 100, rows)).rejections
    assert {index: rejection.reason for index, rejection in verdicts.items()} == {
        index: expected[fate] for index, fate in enumerate(fates) if fate != "done"
    }


OWNERS = {"A": "u", "B": "u", "C": "v", "D": None}
"""Whose device each is."""


@st.composite
def aliased(draw: st.DrawFn) -> tuple[list[TagsUpdate], list[tuple[int, Row]]]:
    """Devices and users that were sent together, and rows, each with the index of what it is truly of.

    A user's rows name the user and a device each; `echoing`: so do those of devices that were sent by hwid.
    Some rows are left out. `swapped`: a user's rows name the device only, those of devices the user, too; all
    rows are there then, as a user's would look like one of a device that has none, and they are in order.
    """
    names = draw(st.permutations(["A", "B", "C", "D", "u", "v"]))[: draw(st.integers(1, 6))]
    swapped = draw(st.booleans())
    echoing = swapped or draw(st.booleans())
    all_devices = draw(st.booleans())
    sent = [TagsUpdate(hwid=name) if name in OWNERS else TagsUpdate(user_id=name) for name in names]
    rows: list[tuple[int, Row]] = []
    for at, name in enumerate(names):
        of = [name] if name in OWNERS else [hwid for hwid, user in OWNERS.items() if user == name]
        for hwid in of if all_devices else of[:1]:
            user = OWNERS[hwid] if (echoing if name in OWNERS else not swapped) else None
            if swapped or draw(st.integers(0, 3)):
                rows.append((at, Row(hwid, user, None, draw(st.sampled_from(["done", "failed"])))))
    if not swapped and draw(st.booleans()):
        rows = draw(st.permutations(rows))
    return sent, rows


@given(aliased())
def test_who_has_no_row_is_not_confirmed_by_an_alias_and_who_is_good_is_not_refused(
    said: tuple[list[TagsUpdate], list[tuple[int, Row]]],
) -> None:
    sent, rows = said
    report = JobReport(JobState.COMPLETED, "Completed", 100, [row for _, row in rows])
    rejections = judge(sent, report).rejections
    for index in range(len(sent)):
        own = [is_good(row) for at, row in rows if at == index]
        if index not in rejections:
            assert own
            assert all(own)
        elif rejections[index].reason is Reason.DEVICE_FAILED:
            assert not all(own)


@given(fate=st.sampled_from(["done", "failed"]), tells_user=st.tuples(st.booleans(), st.booleans()))
def test_where_all_rows_of_a_hwid_say_the_same_it_is_said_of_all_that_they_name(
    fate: str, tells_user: tuple[bool, bool]
) -> None:
    sent = [TagsUpdate(hwid="A"), TagsUpdate(user_id="u")]
    rows = [Row("A", "u" if tells else None, None, fate) for tells in tells_user]
    report = JobReport(JobState.COMPLETED, "Completed", 100, rows)
    if any(tells_user):
        assert set(judge(sent, report).rejections) == (set() if fate == "done" else {0, 1})
