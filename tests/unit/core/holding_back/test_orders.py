"""Orders from outside."""

from __future__ import annotations

from connector.core.holding_back.orders import Orders


def test_each_reason_to_freeze_has_to_end() -> None:
    orders = Orders()
    assert orders.may_submit
    for why in ("hand-over", "standstill", "hand-over"):
        orders.freeze(why)
    orders.thaw("hand-over")
    assert (orders.frozen, orders.may_submit) == (True, False)
    orders.thaw("standstill")
    assert (orders.frozen, orders.may_submit) == (False, True)


def test_a_reason_that_was_not_given_ends_nothing() -> None:
    orders = Orders()
    orders.freeze("hand-over")
    orders.thaw("standstill")
    assert orders.frozen


def test_a_stop_is_for_good_and_no_freeze() -> None:
    orders = Orders()
    orders.stop()
    assert (orders.stopping, orders.frozen, orders.may_submit) == (True, False, False)
