"""What `check` makes of a broker's refusal, where no real broker would refuse on demand."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import repeat
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.finding import Finding, Grade
from connector.kafka.cluster_check import ClusterCheck
from tests.settings import with_environment


class Members:
    """A group that is there."""

    authorized_operations: tuple[()] = ()
    members: tuple[()] = ()


class Cluster:
    """An admin client whose group coordinator refuses with these errors, one a question, then answers."""

    def __init__(self, *errors: KafkaError) -> None:
        self.errors: Iterator[KafkaError] = iter(errors)
        self.asked = 0

    def poll(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def describe_consumer_groups(self, groups: list[str], **_: Any) -> dict[str, Future[Members]]:
        self.asked += 1
        answer: Future[Members] = Future()
        error = next(self.errors, None)
        if error is None:
            answer.set_result(Members())
        else:
            answer.set_exception(KafkaException(error))
        return dict.fromkeys(groups, answer)


def of_the_group(cluster: Cluster, patience: float = 5.0) -> Finding:
    asking = ClusterCheck(with_environment(), patience)
    asking._admin = cluster
    return asking._group()


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ],
)
def test_a_coordinator_that_is_still_loading_is_asked_again(code: int) -> None:
    cluster = Cluster(KafkaError(code), KafkaError(code))
    assert of_the_group(cluster).grade is Grade.OK
    assert cluster.asked == 3


def test_one_that_does_not_get_ready_is_a_problem_with_its_name_and_nothing_about_addresses() -> None:
    wordless = KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, "")
    cluster = Cluster()
    cluster.errors = repeat(wordless)
    found = of_the_group(cluster, patience=0.01)
    assert (found.grade, found.result) == (Grade.PROBLEM, "COORDINATOR_LOAD_IN_PROGRESS")
    assert "coordinator" in found.mend
    assert "advertise" not in found.mend


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._TRANSPORT])
def test_silence_is_said_to_be_about_the_addresses_that_brokers_advertise(code: int) -> None:
    cluster = Cluster(KafkaError(code))
    assert "advertised.listeners" in of_the_group(cluster).mend
    assert cluster.asked == 1


def test_another_refusal_is_not_said_to_be_about_addresses() -> None:
    found = of_the_group(Cluster(KafkaError(KafkaError.INVALID_GROUP_ID)))
    assert found.grade is Grade.PROBLEM
    assert "advertise" not in found.mend
