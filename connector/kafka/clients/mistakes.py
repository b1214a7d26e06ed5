"""What is wrong with the properties that a user gives, before anything connects.

Found by asking librdkafka itself, which is more than any table of ours could know.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, KafkaException, Producer

from connector.kafka.clients.forbidden import why_forbidden
from connector.kafka.clients.given import of_consumers, of_producers
from connector.kafka.clients.properties import consumer_properties, producer_properties
from connector.values import MASK, Properties, is_secret

_SENTINEL = "no.such.property"
SESSION, HEARTBEAT = "session.timeout.ms", "heartbeat.interval.ms"
_CLASSIC_ONLY = (SESSION, HEARTBEAT, "group.protocol.type")


def mistakes(properties: Properties, *, exactly_once: bool) -> Iterator[tuple[str, str]]:
    """Name and problem of every property that can't be; the name is empty where several don't go together.

    First what the guarantees rest on, then each property alone, then all of them together: librdkafka
    stops at its first complaint, so each is asked about separately. No text shows a secret's value.
    """
    found = False
    for name, value in properties.items():
        problem = (
            why_forbidden(name, value)
            or _problem_alone(name, value)
            or _problem_with_protocol(name, value, properties)
            or _missing_file(name, value)
        )
        if problem:
            found = True
            yield name, problem
    if not found:
        yield from _problems_together(properties, exactly_once=exactly_once)
        yield from _times(properties)


def _problem_alone(name: str, value: str) -> str:
    """Let librdkafka read one property; the second, unknown one keeps it from making a client."""
    problem = _failure(lambda: Producer({name: value, _SENTINEL: ""}, logger=_silent()))
    return "" if _SENTINEL in problem else _without_secret(problem, name, value)


def _problem_with_protocol(name: str, value: str, properties: Properties) -> str:
    """Let librdkafka read what the brokers decide under the new group protocol: it complains of one only."""
    if name not in _CLASSIC_ONLY or properties.get("group.protocol", "").lower() != "consumer":
        return ""
    given = {"group.id": "check", "group.protocol": "consumer", name: value}
    return _plain(_failure(lambda: Consumer(given, logger=_silent()).close()))


def _missing_file(name: str, value: str) -> str:
    """Say what OpenSSL's own words hide: the file isn't there. `probe` has librdkafka look for CAs itself."""
    names_file = name.endswith((".location", ".file", ".keytab")) and value != "probe"
    return f"{value!r} cannot be read" if names_file and not os.access(value, os.R_OK) else ""


def _problems_together(properties: Properties, *, exactly_once: bool) -> Iterator[tuple[str, str]]:
    """Make both clients, connected to nothing: finds wrong PEM, and options that exclude each other."""
    consumer = {"group.id": "check", **of_consumers(properties)}
    producer = of_producers(properties)
    silent = {"logger": _silent()}
    told = set()
    for problem in (
        _failure(lambda: Consumer(consumer_properties(consumer)[0] | silent).close()),
        _failure(lambda: Producer(producer_properties(producer, "check" if exactly_once else None) | silent)),
    ):
        text = _plain(problem)
        for name, value in properties.items():
            text = _without_secret(text, name, value)
        if text and text not in told:
            told.add(text)
            yield max((name for name in properties if name in text), key=len, default=""), text


def _plain(problem: str) -> str:
    return re.sub(r"^Failed to create (consumer|producer): ", "", problem)


def _times(properties: Properties) -> Iterator[tuple[str, str]]:
    """Hold the classic group protocol's times against each other, which librdkafka doesn't (KIP-62)."""
    chosen, _ = consumer_properties({"group.id": "check", **of_consumers(properties)})
    if chosen.keys() >= {SESSION, HEARTBEAT} and int(chosen[HEARTBEAT]) >= int(chosen[SESSION]):
        why = "or the group loses its members"
        if HEARTBEAT in properties:
            yield HEARTBEAT, f"must be less than {SESSION} ({chosen[SESSION]}), {why}"
        else:
            yield SESSION, f"must be more than {HEARTBEAT} ({chosen[HEARTBEAT]}), {why}"


def _without_secret(text: str, name: str, value: str) -> str:
    return text.replace(value, MASK) if value and is_secret(name) else text


def _failure(make: Callable[[], object]) -> str:
    """Librdkafka's words where a client can't be made, else nothing."""
    try:
        make()
    except KafkaException as error:
        return str(error.args[0].str()).strip()
    except (TypeError, ValueError, AttributeError) as error:  # the binding's own, for its own properties
        return str(error)
    return ""


def _silent() -> logging.Logger:
    """Return a logger for librdkafka's lines while properties are tried: what matters is in the error."""
    logger = logging.getLogger(f"{__name__}.silent")
    logger.propagate = False
    logger.disabled = True
    return logger
