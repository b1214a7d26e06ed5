"""What is said of the settings of topics before they cost something."""

from __future__ import annotations

import pytest

from connector.finding import Grade
from connector.kafka.topic_settings import warnings

USUAL = {"max.message.bytes": "1048588", "retention.ms": "604800000", "cleanup.policy": "delete"}
FOR_EVER = USUAL | {"retention.ms": "-1"}


def told(dead: dict[str, str], source: dict[str, str]) -> list[str]:
    found = list(warnings("dead", {"events": source, "dead": dead}))
    assert {finding.grade for finding in found} <= {Grade.WARNING}
    return [f"{finding.what}: {finding.result}; {finding.mend}" for finding in found]


@pytest.mark.parametrize("source", [USUAL, {}])
@pytest.mark.parametrize("dead", [USUAL, FOR_EVER, {}])
def test_topics_as_they_should_be_are_no_matter(dead: dict[str, str], source: dict[str, str]) -> None:
    assert told(dead, source) == []


def test_a_dead_letter_topic_for_smaller_records_is_named() -> None:
    (warning,) = told(USUAL | {"max.message.bytes": "1000"}, USUAL)
    assert warning.startswith("room for dead letters: max.message.bytes of dead is 1000, of events more")


def test_a_dead_letter_topic_that_unpacks_what_its_sources_keep_packed_is_named() -> None:
    plain, packed = {"compression.type": "uncompressed"}, {"compression.type": "producer"}
    (warning,) = told(USUAL | plain, USUAL | packed)
    assert warning.startswith("compression of dead letters: compression.type of dead is uncompressed")
    assert told(USUAL | plain, USUAL | plain) == told(USUAL | packed, USUAL | plain) == []


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_compaction_is_named_of_letters_and_of_records(policy: str) -> None:
    compacted = USUAL | {"cleanup.policy": policy}
    assert [each.partition(";")[0] for each in told(compacted, compacted)] == [
        f"compaction of dead: cleanup.policy is {policy}",
        f"compaction of events: cleanup.policy is {policy}",
    ]


@pytest.mark.parametrize("source", [USUAL, FOR_EVER])
def test_letters_that_go_before_their_records_are_named(source: dict[str, str]) -> None:
    (warning,) = told(USUAL | {"retention.ms": "86400000"}, source)
    assert warning.startswith("retention of dead letters: retention.ms of dead is 86400000, of events more")
    assert "-1" in warning
