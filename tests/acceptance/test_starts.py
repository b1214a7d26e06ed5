"""Where a group begins is committed at once, though nothing may be there to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.model import Position, TopicPartition
from tests.acceptance.processes import wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import PROTOCOLS, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@PROTOCOLS
def test_what_comes_while_a_group_that_began_at_the_end_is_stopped_is_sent(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    """With `auto.offset.reset=latest` one that has committed nothing would begin at the end again."""
    work = mixed(500, 200, seed=44)
    latest = f"{properties}\nauto.offset.reset=latest"
    with world(tmp_path, kafka, faults=FAULTS) as here:
        kafka.produce(here.topic, [(b"before", b"not for this group", each) for each in range(4)])
        first = here.run(kafka_properties=latest)
        wait_for(lambda: here.lag() == 0, 30, "what is there to count as passed over")
        assert first.terminate() == 0
        here.produce(work)
        here.run(kafka_properties=latest, port=first.port)
        here.finish(work)


def test_a_loss_that_nothing_comes_after_is_counted_once(kafka: Kafka, tmp_path: Path) -> None:
    with world(tmp_path, kafka, partitions=1) as here:
        kafka.produce(here.topic, [(None, b"never read")] * 20)
        kafka.commit(here.group, {TopicPartition(here.topic, 0): Position(5, "")})
        kafka.delete_records(here.topic, 0, 20)
        first = here.run(kafka_on_data_loss="continue")
        wait_for(lambda: here.lag() == 0, 30, "the loss to be passed over")
        assert first.metric("records_lost_total", topic=here.topic) == 15
        assert first.terminate() == 0
        second = here.run(kafka_on_data_loss="continue", port=first.port)
        wait_for(second.ready, 30, "readiness")
        assert second.metric("records_lost_total", topic=here.topic) == 0
