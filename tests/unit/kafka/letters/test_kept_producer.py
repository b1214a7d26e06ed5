"""Which producer is used next, and what its callback has heard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError

from connector.kafka.letters import kept_producer as module
from connector.kafka.letters.kept_producer import KeptProducer
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from tests.unit.kafka.producer import FakeBroker

LOST = KafkaError(KafkaError._TRANSPORT, "lost")
OTHER = KafkaError(KafkaError._AUTHENTICATION, "wrong password")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    return FakeBroker(monkeypatch)


def kept(
    *, transactional: bool = True, lifetime: float = 10, may_reopen: Callable[[], bool] = lambda: True
) -> KeptProducer:
    properties = {"transactional.id": "c", "transaction.timeout.ms": lifetime * 1000} if transactional else {}
    return KeptProducer(properties, lambda: None, may_reopen)


def test_it_is_opened_when_it_is_needed_and_again_once_it_was_dropped(broker: FakeBroker) -> None:
    one = kept()
    assert broker.opened == 0
    producer = one.opened()
    assert one.opened() is producer
    assert one.is_open(producer)
    one.drop()
    assert not one.is_open(producer)
    assert one.opened() is not producer
    assert broker.opened == 2


def test_once_another_process_has_its_name_it_is_never_opened_again(broker: FakeBroker) -> None:
    one = kept(lifetime=60)
    one.begin(one.opened())
    assert isinstance(one.shut_out("a newer one"), Fenced)
    for _ in range(2):
        with pytest.raises(Fenced, match="a newer one"):
            one.opened()
    assert broker.opened == 1


def test_one_that_was_fenced_because_it_took_too_long_is_opened_again(broker: FakeBroker) -> None:
    one = kept(lifetime=0)
    one.begin(one.opened())
    assert isinstance(one.shut_out("the epoch is old"), LettersUnwritable)
    one.opened()
    assert broker.opened == 2


def test_after_a_standstill_another_one_waits_until_the_group_knows_this_process(broker: FakeBroker) -> None:
    """Another process may have been started in its place, with its name."""
    known = False
    one = kept(may_reopen=lambda: known)
    one.opened()
    one.drop()
    with pytest.raises(Fenced) as fenced:
        one.opened()
    assert fenced.value.by == "group"
    known = True
    one.opened()
    assert broker.opened == 2


def test_without_transactions_it_is_opened_again_whatever_has_happened(broker: FakeBroker) -> None:
    one = kept(transactional=False, may_reopen=lambda: False)
    for _ in range(2):
        one.opened()
        one.drop()
    assert broker.opened == 2


def test_one_whose_call_never_came_back_is_left_without_one_more_call(broker: FakeBroker) -> None:
    one = kept()
    producer = one.opened()
    polls = broker.polls
    one.leave()
    assert not one.is_open(producer)
    assert broker.polls == polls


@pytest.mark.parametrize("transactional", [True, False])
def test_one_that_lost_a_connection_is_replaced_once_it_is_not_fresh_any_more(
    broker: FakeBroker, monkeypatch: pytest.MonkeyPatch, transactional: bool
) -> None:
    one = kept(transactional=transactional)
    producer = one.opened()
    one._keep_error(LOST)
    one.renew()
    assert one.is_open(producer), "it is fresh"
    monkeypatch.setattr(module, "FRESH", 0.0)
    one.serve()
    assert one.is_open(producer) is not transactional
    one.opened()
    one.renew()
    assert broker.opened == 1 + transactional, "the next one lost none"


def test_each_error_is_kept_and_lost_connections_are_told_of() -> None:
    lost: list[None] = []
    one = KeptProducer({}, lambda: lost.append(None))
    one._keep_error(OTHER)
    assert lost == []
    one._keep_error(LOST)
    assert len(lost) == 1
    assert one.errors == [OTHER, LOST]


def test_errors_between_two_writes_are_dropped(broker: FakeBroker) -> None:
    one = kept()
    one._keep_error(OTHER)
    one.serve()
    assert one.errors == [OTHER], "there is no producer yet: its opening has still to tell of it"
    one.opened()
    one.serve()
    assert one.errors == []
    assert broker.opened == 1
