"""Trials of a closed gate: how large they are, and when a batch is tried in parts."""

from __future__ import annotations

import pytest

from connector.answers import Unavailable
from connector.core.batching.batch import Batch
from connector.core.batching.bounds import OneRequest
from connector.core.holding_back.outages import SMALLER_TRIALS, TRIALS_OF_WHOLE_BATCHES
from connector.model import Endpoint
from tests.unit.core.broken_api import SILENT
from tests.unit.core.builders import NOW, devices
from tests.unit.core.driving import Drive


@pytest.mark.parametrize(
    ("answer", "sizes"),
    [(SILENT, [1000, 1000, 1000, 250, 62, 15, 3, 1, 1]), (Unavailable("busy", 503), [1000] * 9)],
    ids=["no reply", "503"],
)
def test_trials_carry_ever_fewer_devices_down_to_one_unless_the_api_is_overloaded(
    answer: Unavailable, sizes: list[int]
) -> None:
    outages, batch = Drive().engine.components.outages, Batch(1, Endpoint.TAGS, "", devices(range(2)), NOW)
    assert outages.trial(1000) is None, "the gate is open"
    trials: list[OneRequest | None] = []
    for at in range(9):
        outages.down("post", batch, answer, NOW + 100 * at, NOW + 100 * at)
        trials.append(outages.trial(1000))
    assert [trial.devices for trial in trials if trial] == sizes
    assert [trial.untried_first for trial in trials if trial] == [False, False, True] * 3


def test_in_an_outage_a_few_batches_are_tried_in_parts_and_a_few_more_after_a_post_was_answered() -> None:
    outages = Drive().engine.components.outages
    for outage in (NOW, NOW + 9000):
        batch = Batch(1, Endpoint.TAGS, "", devices(range(2)), outage)
        tried: list[bool] = []
        for at in range(TRIALS_OF_WHOLE_BATCHES + SMALLER_TRIALS + 3):
            outages.down("post", batch, SILENT, outage + 100 * at, outage + 100 * at)
            tried.append(outages.decide_on_parts(batch))
        whole = TRIALS_OF_WHOLE_BATCHES - 1
        assert tried == [*[False] * whole, *[True] * SMALLER_TRIALS, *[False] * 4]
        outages.answered(outage + 5000, "post", 500)
