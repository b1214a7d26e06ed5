"""What librdkafka says beside its answers, and what it means for a person."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from connector.kafka.librdkafka_messages import ADVERTISED, LibrdkafkaMessages
from connector.kafka.troubles import MENDS


def heard(*lines: str, errors: tuple[KafkaError, ...] = ()) -> LibrdkafkaMessages:
    ear = LibrdkafkaMessages()
    for line in lines:
        ear.logger.log(logging.ERROR, line)
    ear.errors += errors
    return ear


FRAME = "FAIL [rdkafka#consumer-1] [thrd:kafka:9092/bootstrap]: "
REFUSED = FRAME + "kafka:9092/bootstrap: Connect failed: Connection refused (after 3ms in state CONNECT)"
HIDDEN = FRAME + "b-1:9092/1: Failed to resolve 'b-1:9092' (after 9ms in state CONNECT)"
HTTP = (
    FRAME + "kafka:80/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): "
    "increase receive.message.max.bytes (after 9ms in state APIVERSION_QUERY)"
)
PLAIN = FRAME + "kafka:9092/bootstrap: Disconnected: verify that security.protocol is correct"


def test_nothing_heard_means_that_no_broker_answers() -> None:
    assert heard().diagnosis() == ("no broker answers", MENDS["unreachable"])


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        (REFUSED, "nothing listens there"),
        (HIDDEN, ADVERTISED),
        (PLAIN, "set security.protocol"),
        (HTTP, "what listens there speaks HTTP"),
    ],
)
def test_a_failed_connection_is_told_without_librdkafkas_frame(line: str, mend: str) -> None:
    said, advice = heard(line).diagnosis()
    assert advice.startswith(mend)
    assert not said.startswith("FAIL")
    assert "ms in state" not in said
    assert "increase" not in said


def test_a_failed_login_says_most_whatever_else_was_heard() -> None:
    login = KafkaError(KafkaError._AUTHENTICATION, "SASL authentication failed (after 5ms in state AUTH_REQ)")
    said, advice = heard(REFUSED, errors=(login,)).diagnosis()
    assert (said, advice) == ("SASL authentication failed", MENDS["authentication"])


def test_a_login_at_a_listener_that_takes_none_blames_no_password() -> None:
    words = "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state"
    said, advice = heard(errors=(KafkaError(KafkaError._AUTHENTICATION, words),)).diagnosis()
    assert said == words
    assert advice.startswith("this listener takes no SASL login")


def test_a_name_that_nobody_knows_is_the_hosts() -> None:
    said, advice = heard(errors=(KafkaError(KafkaError._RESOLVE, "no such host"),)).diagnosis()
    assert (said, "correct the host" in advice) == ("no such host", True)


def test_what_brokers_support_of_the_new_protocol_is_kept_at_its_best() -> None:
    ear = heard(*(f"FEATURE ApiKey ConsumerGroupHeartbeat (68) Versions 0..{most}" for most in (0, 1, 0)))
    assert ear.heartbeat == 1
    assert heard("ApiKey Fetch (1) Versions 4..17").heartbeat is None
