"""Topics that are not there: named whatever librdkafka says, and over once the brokers know them."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.group.missing import AGAIN_AFTER, ASK_TOPICS_EVERY
from connector.kafka.troubles import Phase
from tests.unit.kafka.consumer import messages
from tests.unit.kafka.member import P0, P1, Member, owning

NOT_THERE = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
NOT_ALLOWED = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
TAKEN_AWAY = KafkaError(KafkaError._UNKNOWN_PARTITION, "t [2]: desired partition is no longer available")


async def round_of_questions(member: Member) -> None:
    member.now += ASK_TOPICS_EVERY
    await member.look()


async def test_a_topic_that_is_not_there_is_named_at_once_and_over_when_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, topics=("t", "misspelt"), group_protocol="consumer")
    member.consumer.topic_errors = {"misspelt": NOT_THERE}
    await member.source.start()
    await member.fetch()
    assert [(each.code, each.subject) for each in member.troubles] == [("topic_missing", "misspelt")]
    assert member.source.troubles.blocking
    member.consumer.topic_errors = {}
    await round_of_questions(member)
    assert member.told("topic_missing") == [Phase.BEGAN, Phase.ENDED]


async def test_a_topic_that_is_deleted_while_it_is_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch, group_protocol="consumer")
    await member.fetch()
    assert member.consumer.topics_asked == []
    member.consumer.topic_errors = {"t": NOT_THERE}
    await member.robbed(P0, P1)
    await round_of_questions(member)
    assert member.told("topic_missing") == [Phase.BEGAN]


async def test_a_topic_of_which_others_have_everything_is_asked_about_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    await member.given()
    member.consumer.topic_errors = {"t": NOT_ALLOWED}  # told of by others
    for _ in range(50):
        await member.look()
    assert 2 <= len(member.consumer.topics_asked) <= 3
    assert member.troubles == []


async def test_nobody_who_answers_is_no_missing_topic_and_asked_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    await member.given()
    member.consumer.silent = True
    await member.look()
    assert member.troubles == []
    member.consumer.silent, member.consumer.topic_errors = False, {"t": NOT_THERE}
    member.now += AGAIN_AFTER
    await member.look()
    assert member.told("topic_missing") == [Phase.BEGAN]


async def test_a_partition_that_is_taken_away_is_no_trouble_while_its_topic_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    await member.error(TAKEN_AWAY)  # names its topic in its words alone
    member.consumer.messages = messages(P0, [0])
    await member.fetch()
    await round_of_questions(member)
    assert member.told("topic_missing") == [Phase.BEGAN, Phase.ENDED]


async def test_what_is_said_without_a_name_is_over_once_the_missing_topic_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    await member.error(TAKEN_AWAY)
    member.consumer.topic_errors = {"t": NOT_THERE}
    await round_of_questions(member)
    assert [(each.subject, each.phase) for each in member.troubles] == [
        ("", Phase.BEGAN),
        ("t", Phase.BEGAN),
        ("", Phase.ENDED),
    ]
