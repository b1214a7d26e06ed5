"""Each right that is missing is named, in `run` and in `check`; once it is granted, all goes on by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.finding import Grade
from connector.kafka.cluster_check import ClusterCheck
from tests.acceptance.processes import wait_for
from tests.acceptance.workload import mixed
from tests.acceptance.world import QUICK, World
from tests.integration.security.conftest import rights_of
from tests.integration.security.test_refused import in_environment
from tests.kafka.guarded import Guarded, describe_topic
from tests.settings import with_environment

pytestmark = pytest.mark.broker

NEW = "group.protocol=consumer"
# Which right, its code, what is said in `run`; `{…}` as in the world of the test.
RIGHTS = {
    "source": ("topic_authorization", "READ on topic {topic}"),
    "group": ("group_authorization", "READ on group {group}"),
    "dead letters": ("topic_authorization", "WRITE on topic {dead}"),
    "transactions": ("transactional_id_authorization", "WRITE on transactional id {group}-"),
}
CASES = [
    pytest.param("source", QUICK, "exactly_once", id="source, classic"),
    pytest.param("source", NEW, "exactly_once", id="source, consumer"),
    pytest.param("group", NEW, "exactly_once", id="group, consumer"),
    pytest.param("dead letters", QUICK, "exactly_once", id="dead letters, classic"),
    pytest.param("transactions", QUICK, "exactly_once", id="transactions, classic"),
    pytest.param("dead letters", QUICK, "at_least_once", id="dead letters, classic, at_least_once"),
]


def told(here: World, code: str, words: str) -> bool:
    (connector,) = here.connectors
    said = words.format(topic=here.topic, group=here.group, dead=here.dead)
    return any(line["code"] == code and said in line["mend"] for line in connector.lines("kafka"))


@pytest.mark.parametrize(("missing", "more", "delivery"), CASES)
def test_a_missing_right_is_named_and_once_granted_all_goes_on(
    guarded: Guarded, behind: Callable[..., World], missing: str, more: str, delivery: str
) -> None:
    here = behind("PLAIN", more)
    here.settings["kafka.dead_letter_delivery"] = delivery
    rights = rights_of(here)
    if delivery == "at_least_once":
        del rights["transactions"]  # not needed then: that is a part of what is proven here
    guarded.grant(*(right for name, right in rights.items() if name != missing))
    work = mixed(300, 100, seed=72, unreadable=0.03)
    here.produce(work)
    connector = here.run()

    wait_for(lambda: told(here, *RIGHTS[missing]), 15, "a line that names it")
    assert not connector.ready()
    assert len(connector.lines("kafka")) == 1
    found = list(ClusterCheck(with_environment(**_checked(here))).findings())
    bad = [finding for finding in found if finding.grade is Grade.PROBLEM]
    assert len(bad) == 1
    words = RIGHTS[missing][1].replace("transactional id", "transactional ids with the prefix")
    assert words.format(topic=here.topic, group=here.group, dead=here.dead) in bad[0].mend

    guarded.grant(rights[missing])
    wait_for(connector.ready, 30, "readiness")
    here.finish(work)
    assert {line["code"] for line in connector.lines("kafka: works again")} == {RIGHTS[missing][0]}
    assert work.refused, "no letter was written"


def _checked(here: World) -> dict[str, str]:
    return {"CONNECTOR_KAFKA_TAGS_TOPICS": "", **in_environment(here.settings)}


def test_to_see_the_dead_letter_topic_is_not_enough_and_told_before_the_first_letter(
    guarded: Guarded, behind: Callable[..., World]
) -> None:
    here = behind("PLAIN")
    rights = rights_of(here)
    guarded.grant(*(right for name, right in rights.items() if name != "dead letters"))
    guarded.grant(describe_topic(here.dead))
    connector = here.run()

    wait_for(lambda: told(here, *RIGHTS["dead letters"]), 15, "a line that names it")
    assert not connector.ready()

    guarded.grant(rights["dead letters"])
    wait_for(connector.ready, 20, "readiness")


def test_rights_that_are_taken_away_at_work_are_named_and_given_back_all_goes_on(
    guarded: Guarded, behind: Callable[..., World]
) -> None:
    here = behind("PLAIN")
    rights = rights_of(here)
    guarded.grant(*rights.values())
    work = mixed(600, 200, seed=73, unreadable=0.03)
    connector = here.run()
    here.produce(work, 0, 300)
    here.wait_settled(30)

    guarded.revoke([rights["dead letters"], rights["source"]])
    wait_for(lambda: told(here, *RIGHTS["source"]), 30, "a line about the source")
    assert not connector.ready()
    guarded.grant(rights["source"])
    here.produce(work, 300)
    wait_for(lambda: told(here, *RIGHTS["dead letters"]), 30, "a line about dead letters")
    assert not connector.ready()
    assert connector.metric("dead_letters_total") < len(work.refused)
    guarded.grant(rights["dead letters"])

    here.wait_settled(40)
    wait_for(connector.ready, 40, "readiness")
    here.finish(work)
