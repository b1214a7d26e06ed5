"""How little of a job is shown, and what a lag is."""

from __future__ import annotations

import pytest

from connector.ops.privacy import shortened
from connector.ops.status import JobView, PartitionView


@pytest.mark.parametrize("request_id", ["r", "r-12", "0123456789", "4f0c8f3e-9f1b-4c57-8c0b-6a1d2f9b7e10"])
def test_a_job_keeps_at_most_half_of_its_request_id(request_id: str) -> None:
    shown = JobView(request_id, "bulkSetTags", age=1.0, devices=2).request
    assert shown.endswith("…")
    assert request_id.startswith(shown[:-1])
    assert len(shown) - 1 <= len(request_id) // 2
    assert shortened(shown) == shown


def test_a_lag_is_known_only_where_both_ends_are() -> None:
    assert PartitionView("t", 0, position=5, end=9).lag == 4
    assert PartitionView("t", 0, position=5).lag is None
    assert PartitionView("t", 0, position=9, end=5).lag == 0, "an end that is older than the position"


def test_the_lag_counts_what_lies_behind_an_open_transaction_too() -> None:
    assert PartitionView("t", 0, position=5, end=6, log_end=20).lag == 15
