"""Dead letters that are too large for their topic, and some that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.kafka.letters.unwritable import LettersUnwritable
from connector.kafka.troubles import Phase
from connector.model import Position
from tests.integration.kafka.letters_desk import Delivery, desk, letter, noise, owner, source
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_a_record_that_is_small_enough_only_compressed_is_small_enough_as_a_letter(
    kafka: Kafka, delivery: Delivery
) -> None:
    text = noise(750_000).hex()  # no producer makes less than half of it
    value = json.dumps({"hwid": "A1", "tags": {"text": text}}).encode()
    events = kafka.create_topic(config={"max.message.bytes": "1048588"})
    topic = kafka.create_topic(config={"max.message.bytes": "1050636"})
    kafka.produce(events, [(b"A1", value)], compression_type="zstd", message_max_bytes=2_000_000)
    async with desk(kafka, topic, delivery=delivery) as (letters, troubles):
        await letters.write([letter(source(value))], {}, None)
        assert not troubles
    assert [found.value for found in kafka.read_all(topic)] == [value]


async def test_a_topic_that_unpacks_its_letters_refuses_what_is_small_enough_only_compressed(
    kafka: Kafka,
) -> None:
    topic = kafka.create_topic(config={"max.message.bytes": "20000", "compression.type": "uncompressed"})
    async with desk(kafka, topic) as (letters, troubles):
        with pytest.raises(LettersUnwritable):
            await letters.write([letter(source(b"a" * 50_000))], {}, None)
        assert [each.code for each in troubles] == ["letter_too_large"]
        assert "compression.type" in troubles[0].mend


async def test_a_letter_that_is_too_large_is_named_and_the_others_go_without_it(
    kafka: Kafka, stack: Any
) -> None:
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    member, group, partition = await owner(kafka, stack)
    batch = [letter(source(value=noise(9000))) for _ in range(4)]  # fit alone, not in one batch
    batch.insert(2, letter(source(value=noise(50_000))))
    async with desk(kafka, topic) as (letters, troubles):
        metadata = await member.source.group_metadata()
        with pytest.raises(LettersUnwritable) as failed:
            await letters.write(batch, {partition: Position(5, "")}, metadata)
        assert failed.value.kind == "letters"
        assert list(failed.value.refused) == [2]
        assert [t.code for t in troubles] == ["letter_too_large"]
        assert kafka.read_all(topic) == []
        assert kafka.committed(group) == {}
        del batch[2]
        await letters.write(batch, {partition: Position(2, "")}, metadata)
        assert [t.phase for t in troubles] == [Phase.BEGAN, Phase.ENDED]
    assert len(kafka.read_all(topic)) == 4
    assert kafka.committed(group) == {partition: Position(2, "")}


async def test_a_letter_that_is_too_large_is_named_though_others_are_still_handed_over(kafka: Kafka) -> None:
    topic = kafka.create_topic(config={"max.message.bytes": "2000"})
    batch = [letter(source(value=noise(5000 if at == 3 else 100))) for at in range(3000)]
    async with desk(kafka, topic) as (letters, troubles):
        for _ in range(2):  # once all of a batch are suspected, then one after the other is asked
            with pytest.raises(LettersUnwritable) as failed:
                await letters.write(batch, {}, None)
            assert failed.value.kind == "letters"
        assert [*failed.value.refused] == [3]
        assert {trouble.code for trouble in troubles} == {"letter_too_large"}
