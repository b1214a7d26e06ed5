"""What is wrong, since when, and what that stops."""

from __future__ import annotations

import msgspec
import pytest
from structlog.testing import capture_logs

from connector.kafka.troubles import Phase, Trouble
from tests.unit.core.looking import all_halts
from tests.unit.running.consuming_desk import Desk


def trouble(code: str, phase: Phase = Phase.BEGAN, *, blocking: bool = True) -> Trouble:
    return Trouble(code, "events/0", "it is so", "do this", blocking, phase)


async def test_the_words_of_a_trouble_are_left_for_those_who_look_later() -> None:
    desk = Desk()
    desk.incidents.tell(trouble("tls"))
    desk.incidents.tell(trouble("tls"))  # from the dead letters' producer
    desk.incidents.tell(trouble("tls", Phase.ENDED))
    assert desk.remembered == ["kafka: tls: events/0: it is so"]


async def test_troubles_are_remembered_until_they_end() -> None:
    desk = Desk()
    desk.incidents.tell(trouble("tls"))
    since = dict(desk.incidents.since)
    desk.incidents.tell(trouble("tls", Phase.LASTS))
    assert [*desk.incidents.open] == [("tls", "events/0")]
    assert desk.incidents.since == since
    desk.incidents.tell(trouble("tls", Phase.ENDED))
    desk.incidents.tell(trouble("other", Phase.ENDED))
    assert desk.incidents.open == {}
    assert desk.incidents.since == {}


async def test_what_two_have_met_ends_when_both_are_rid_of_it() -> None:
    desk = Desk()
    incidents = desk.incidents
    mine = trouble("unreachable")
    other = msgspec.structs.replace(mine, told_by="dead letters")
    incidents.tell(mine)
    incidents.tell(other)
    incidents.tell(msgspec.structs.replace(other, phase=Phase.ENDED))
    assert [*incidents.open.values()] == [mine]
    assert incidents.cut_off
    incidents.tell(msgspec.structs.replace(mine, phase=Phase.ENDED))
    assert not incidents.open
    assert not incidents.since


async def test_a_loss_of_records_is_not_over_because_an_instance_that_stops_lets_its_partition_go() -> None:
    desk = Desk()
    desk.incidents.tell(trouble("data_loss"))
    desk.engine.stop()
    desk.incidents.tell(trouble("data_loss", Phase.ENDED))
    assert [halt.cause for halt in all_halts(desk.engine.components.halts)] == ["data_loss"]


@pytest.mark.parametrize(
    ("code", "blocking", "stopping", "lines"),
    [
        ("letter_refused", False, False, ["kafka: works again"]),
        ("letter_refused", False, True, []),
        ("data_loss", True, False, ["kafka: works again"]),
        ("data_loss", False, False, []),
    ],
)
async def test_what_nobody_mended_does_not_work_again(
    code: str, blocking: bool, stopping: bool, lines: list[str]
) -> None:
    """Its partitions are let go at a stop, or lost records were passed over."""
    desk = Desk()
    desk.incidents.tell(trouble(code, blocking=blocking))
    if stopping:
        desk.engine.stop()
    with capture_logs() as said:
        desk.incidents.tell(trouble(code, Phase.ENDED, blocking=blocking))
    assert [each["event"] for each in said] == lines


@pytest.mark.parametrize(("blocking", "halts"), [(True, ["data_loss"]), (False, [])])
async def test_records_that_are_gone_halt_unless_that_is_accepted(blocking: bool, halts: list[str]) -> None:
    desk = Desk()
    desk.incidents.tell(trouble("data_loss", blocking=blocking))
    assert [halt.cause for halt in all_halts(desk.engine.components.halts)] == halts


async def test_it_goes_on_once_every_partition_that_lost_records_is_somebody_else_s() -> None:
    desk = Desk()
    for where in ("tags/0", "tags/1"):
        desk.incidents.tell(Trouble("data_loss", where, "gone", "lengthen retention", blocking=True))
    for where, halts in (("tags/0", ["data_loss"]), ("tags/1", [])):
        ended = Trouble("data_loss", where, "gone", "", blocking=True, phase=Phase.ENDED)
        desk.incidents.tell(ended)
        assert [halt.cause for halt in all_halts(desk.engine.components.halts)] == halts
