"""Which producer is used next, and what its callback has heard."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.letters import kept_producer as module
from connector.kafka.letters.kept_producer import KeptProducer
from tests.unit.kafka.producer import FakeBroker

LOST = KafkaError(KafkaError._TRANSPORT, "lost")
OTHER = KafkaError(KafkaError._AUTHENTICATION, "wrong password")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    return FakeBroker(monkeypatch)


def kept(*, transactional: bool = True) -> KeptProducer:
    return KeptProducer({"transactional.id": "c"} if transactional else {}, lambda: None)


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
