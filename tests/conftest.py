"""The broker that integration and acceptance tests share, and own ones for tests that break theirs."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog

from connector.ops.log import _Forward
from tests import strength
from tests.broker import Broker, BrokerUnavailableError, jars, java
from tests.kafka.client import Kafka

pytest_plugins = ["tests.chaos_table"]

strength.register()

_YOUNG = 100_000
"""Objects that the garbage collector waits for; with 700, as usual, it takes a second and a half of all."""


def pytest_configure() -> None:
    """A shell ignores Ctrl-C for what it runs in the background, and so would all that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay until the end: the garbage collector need not look at them even once."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(_YOUNG)


def pytest_sessionfinish() -> None:
    """Pytest looks five times for garbage that ends in an exception, in all that there is: once does."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """What a test makes of the process's log is no other test's, which would find lines in its output."""
    before, level = structlog.get_config(), logging.getLogger().level
    yield
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Forward)]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.configure(**before)


def _missing(why: str) -> NoReturn:
    """A skip by name on somebody's machine, a failure where `CI` is set."""
    if os.environ.get("CI"):
        pytest.fail(f"broker tests can't run: {why}", pytrace=False)
    pytest.skip(f"no Kafka broker: {why}")


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """The broker's jars, or a skip."""
    try:
        java()
        return jars()
    except BrokerUnavailableError as error:
        _missing(str(error))


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A running cluster: `KAFKA_BOOTSTRAP_SERVERS`, else one broker per worker, started here."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield Kafka(given)
        return
    request.getfixturevalue("kafka_jars")
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    try:
        yield Kafka(broker.bootstrap)
    finally:
        broker.kill()


@pytest.fixture
def own_broker(kafka_jars: Path, tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers that this test alone may stop, kill and configure; takes `Broker`'s keywords; started."""
    assert kafka_jars.exists()
    made: list[Broker] = []

    def make(**keywords: Any) -> Broker:
        broker = Broker(tmp_path / f"broker-{len(made)}", **keywords)
        made.append(broker)
        try:
            broker.start()
        except BrokerUnavailableError as error:  # an older version's jars aren't there
            _missing(str(error))
        return broker

    yield make
    for broker in made:
        broker.kill()
