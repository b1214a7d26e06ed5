"""Hunts for the device that spoils a batch, whose partitions go meanwhile: the others go again."""

from __future__ import annotations

import pytest

from connector.answers import PostAnswer, Refused, Unavailable, Unsent
from tests.unit.core.builders import P0, P1, devices, limits, tags
from tests.unit.core.driving import REFUSED, Drive


@pytest.mark.parametrize(
    "answer", [Unavailable("down"), Unsent("not any more"), REFUSED, Refused("too large", 413), None]
)
def test_what_a_hunt_has_put_aside_goes_again_though_the_half_on_its_way_is_nobody_s(
    answer: PostAnswer | None,
) -> None:
    drive = Drive(limits(max_devices=4))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*devices(range(2)))
    drive.read(*[tags(offset, f"p{offset}", partition=P1) for offset in range(2)])
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], REFUSED)
    drive.wait_for(lambda: bool(drive.submits))
    assert [event.hwid for event in drive.submits[0].batch.events] == ["d0", "d1"]
    drive.engine.lost([P0], drive.now)
    drive.posted(drive.submits[0], answer)
    drive.run()
    assert drive.position(P1) == 2
    assert drive.letters == []
    assert drive.at_rest()
