"""Words that seem to deny an application and may be about one of few devices."""

from __future__ import annotations

import itertools

import pytest

from connector.answers import Denied
from connector.core.batching.batch import Batch
from connector.model import Cause, Endpoint
from tests.unit.core.builders import NOW, P0, devices, limits
from tests.unit.core.driving import Drive

BY_WORDS = Denied(Cause.UNAUTHORIZED, "tag access_key not found", 400, by_words=True)
INTERVAL = 30.0


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("bad", [0, 1])
def test_of_two_or_three_devices_the_one_that_is_meant_is_found_too(count: int, bad: int) -> None:
    drive = Drive(limits(probe_interval=INTERVAL))
    drive.assign()
    drive.read(*devices(range(count)))

    def deny(batch: Batch) -> Denied | None:
        return BY_WORDS if bad in {event.offset for event in batch.events} else None

    drive.run(deny, seconds=3600)
    assert drive.letters == [(P0, bad, "refused_by_api")]
    assert drive.position() == count
    assert drive.at_rest()
    assert drive.engine.tally.retried[Endpoint.TAGS] <= 2 * count


def test_a_device_that_is_denied_alone_goes_again_after_a_probe_that_has_others_in_it() -> None:
    drive = Drive(limits(probe_interval=INTERVAL))
    drive.assign()
    drive.read(*devices(range(1)))
    times: list[float] = []

    def deny(_: Batch) -> Denied:
        times.append(drive.now - NOW)
        return BY_WORDS

    drive.run(deny, seconds=500)
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(times)]
    assert set(waits) == {2 * INTERVAL}
