"""Which part of a batch that was refused goes next."""

from __future__ import annotations

from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.batching.hunt import Hunt
from connector.model import Endpoint, Route
from tests.unit.core.builders import NOW, devices, limits
from tests.unit.core.looking import waiting_in


class Hunting:
    """A hunt through devices that are known by their offsets."""

    def __init__(self) -> None:
        self.dispatch = Dispatch(limits())
        self.hunt = Hunt(self.dispatch)

    def batch(self, count: int) -> Batch:
        return Batch(self.dispatch.new_serial(), Endpoint.TAGS, "", devices(range(count)), NOW)

    def sent(self, *offsets: int) -> Batch:
        """The next batch has these."""
        batch = self.dispatch.take_next(Route("", Endpoint.TAGS), NOW)
        assert batch is not None
        assert [event.offset for event in batch.events] == [*offsets]
        return batch


def test_a_hunt_ends_with_what_was_put_aside() -> None:
    some = Hunting()
    some.hunt.narrow(some.batch(4))
    some.hunt.narrow(some.sent(0, 1))
    some.hunt.accepted(some.sent(0))
    some.hunt.accepted(some.sent(1))
    some.sent(2, 3)
    assert waiting_in(some.dispatch) == 0


def test_if_a_half_is_accepted_the_other_is_halved_unsent() -> None:
    some = Hunting()
    some.hunt.narrow(some.batch(8))
    some.hunt.accepted(some.sent(0, 1, 2, 3))
    some.hunt.accepted(some.sent(4, 5))
    some.hunt.accepted(some.sent(6))
    some.hunt.accepted(some.sent(7))
    assert waiting_in(some.dispatch) == 0


def test_where_it_is_in_doubt_that_any_is_spoilt_the_other_half_is_sent_whole() -> None:
    some = Hunting()
    some.hunt.narrow(some.batch(4))
    half = some.sent(0, 1)
    assert half.hunt is not None
    half.hunt.perhaps_nobody = True
    some.hunt.accepted(half)
    some.hunt.accepted(some.sent(2, 3))
    assert waiting_in(some.dispatch) == 0


def test_a_batch_that_is_part_of_no_hunt_has_nothing_aside() -> None:
    some = Hunting()
    some.hunt.accepted(some.batch(1))
    assert waiting_in(some.dispatch) == 0
