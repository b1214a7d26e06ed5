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
