"""Troubles: told when they begin, seldom while they last, and when they end."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka import troubles as module
from connector.kafka.troubles import CONNECTION, MENDS, WAYS_IN, Phase, Trouble, Troubles, code_of, mend_in


class Told:
    """A registry under a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[Trouble] = []
        self.troubles = Troubles(self.lines.append, lambda: self.now, remind_every=60)

    def phases(self) -> list[tuple[str, Phase]]:
        return [(line.code, line.phase) for line in self.lines]


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_flood_of_one_error_is_one_line(told: Told) -> None:
    for _ in range(1000):
        told.troubles.notice_error(KafkaError(KafkaError._AUTHENTICATION, "bad password"))
        told.now += 0.05
    assert told.phases() == [("authentication", Phase.BEGAN)]
    assert told.lines[0].mend == MENDS["authentication"]
    assert told.troubles.blocking


def test_what_lasts_is_told_again_each_interval(told: Told) -> None:
    told.troubles.notice("not_joined", "no answer")
    for _ in range(130):
        told.now += 1
        told.troubles.remind()
    assert told.phases() == [
        ("not_joined", Phase.BEGAN),
        ("not_joined", Phase.LASTS),
        ("not_joined", Phase.LASTS),
    ]


def test_what_works_again_ends_once_and_may_begin_anew(told: Told) -> None:
    told.troubles.notice("topic_missing", "gone", "a")
    told.troubles.notice("topic_missing", "gone", "b")
    told.troubles.works(("topic_missing",), "a")
    told.troubles.works(("topic_missing",), "a")
    assert [t.subject for t in told.troubles.active] == ["b"]
    told.troubles.works(("topic_missing",))
    told.troubles.notice("topic_missing", "gone", "a")
    assert [line.phase for line in told.lines] == [
        Phase.BEGAN,
        Phase.BEGAN,
        Phase.ENDED,
        Phase.ENDED,
        Phase.BEGAN,
    ]


def test_an_error_that_mends_itself_is_no_trouble_but_explains_the_next(told: Told) -> None:
    told.troubles.notice_error(KafkaError(KafkaError._TRANSPORT, "b1:9092: Connection refused"))
    assert told.lines == []
    told.troubles.notice_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert told.lines[0].code == "unreachable"
    assert "Connection refused" in told.lines[0].message


def test_only_what_blocks_makes_the_process_unready(told: Told) -> None:
    seen = []
    told.troubles.notice("letter_too_large", "too large", "dead", blocking=False)
    seen.append(told.troubles.blocking)
    told.troubles.notice("tls", "no CA")
    seen.append(told.troubles.blocking)
    told.troubles.works(CONNECTION)
    seen.append(told.troubles.blocking)
    assert seen == [False, True, False]


def test_every_code_says_what_to_do() -> None:
    assert set(module._CODES.values()) <= set(MENDS)
    assert set(CONNECTION) <= set(MENDS)
    assert set(WAYS_IN) <= set(MENDS)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            KafkaError._TRANSPORT,
            "ssl/tls alert certificate unknown: SSL alert number 46",
            "client_certificate",
        ),
        (
            KafkaError._SSL,
            "handshake failed: tlsv1 alert unknown ca: SSL alert number 48",
            "client_certificate",
        ),
        (KafkaError._SSL, "tlsv1 alert protocol version: SSL alert number 70", "tls"),
        (KafkaError._SSL, "certificate verify failed", "tls"),
        (KafkaError._TRANSPORT, "Connection refused", None),
        (KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: refused", "oauth_token"),
        (KafkaError._AUTHENTICATION, "Invalid username or password", "authentication"),
    ],
)
def test_what_has_no_code_of_its_own_is_known_by_its_words(
    code: int, text: str, expected: str | None
) -> None:
    assert code_of(KafkaError(code, text)) == expected


def test_that_no_broker_is_reached_is_no_news_while_none_lets_us_in(told: Told) -> None:
    told.troubles.notice_error(KafkaError(KafkaError._AUTHENTICATION, "bad password"))
    told.troubles.notice_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert told.phases() == [("authentication", Phase.BEGAN)]


def test_what_is_told_again_and_again_is_over_when_it_is_not(told: Told) -> None:
    told.troubles.notice("topic_authorization", "Fetch failed", "a")
    told.troubles.notice("topic_authorization", "Subscribed topic not available", "b")
    for _ in range(3):
        told.now += 15
        told.troubles.notice("topic_authorization", "Fetch failed", "a")
        told.troubles.fade(("topic_authorization",), 20, but="Subscribed")
    assert len(told.troubles.active) == 2
    told.now += 21
    told.troubles.fade(("topic_authorization",), 20, but="Subscribed")
    assert [trouble.subject for trouble in told.troubles.active] == ["b"]
    assert told.phases()[-1] == ("topic_authorization", Phase.ENDED)


def test_what_begins_to_block_is_told_at_once(told: Told) -> None:
    told.troubles.notice("oauth_token", "no answer", blocking=False)
    told.troubles.notice("oauth_token", "no answer", blocking=False)
    told.troubles.notice("oauth_token", "no answer", blocking=True)
    assert [(line.phase, line.blocking) for line in told.lines] == [(Phase.BEGAN, False), (Phase.LASTS, True)]


def test_the_words_name_the_subject_or_all_of_them() -> None:
    lines: list[Trouble] = []
    mends = {"topic_authorization": "grant READ on topic {subject}"}
    troubles = Troubles(lines.append, lambda: 0.0, mends=mends, whole="a, b")
    troubles.notice("topic_authorization", "refused", "a")
    troubles.notice("topic_authorization", "refused")
    assert [line.mend for line in lines] == ["grant READ on topic a", "grant READ on topic a, b"]


def test_brokers_that_are_an_http_server_are_said_to_be_one(told: Told) -> None:
    size = "Receive failed: Invalid response size 1213486160 (0..1000): increase receive.message.max.bytes"
    told.troubles.notice_error(KafkaError(KafkaError._BAD_MSG, size))
    told.troubles.notice_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    (line,) = told.lines
    assert line.code == "unreachable"
    assert line.message.endswith("last: Receive failed: Invalid response size 1213486160 (0..1000)")
    assert line.mend == "what listens there speaks HTTP, not Kafka: correct kafka.bootstrap_servers"


def test_a_time_out_that_the_brokers_do_not_allow_is_named() -> None:
    words = KafkaError(KafkaError.INVALID_TRANSACTION_TIMEOUT).str()
    assert mend_in(f"Failed to acquire transactional PID: {words}").startswith("lower transaction.timeout.ms")


@pytest.mark.parametrize(
    "words",
    [
        "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: ...",
        "Failed to initialize SASL authentication: SASL Handshake not supported by broker (required by ...)",
    ],
)
def test_a_listener_without_sasl_is_not_taken_for_a_wrong_password(told: Told, words: str) -> None:
    told.troubles.notice_error(KafkaError(KafkaError._AUTHENTICATION, words))
    assert told.lines[0].code == "authentication"
    assert told.lines[0].mend.startswith("this listener takes no SASL login")
