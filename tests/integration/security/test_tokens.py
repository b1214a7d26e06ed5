"""Tokens that live for seconds: consumer and dead-letter producer get new ones, also while all is quiet."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.acceptance.processes import wait_for
from tests.acceptance.workload import mixed
from tests.acceptance.world import QUICK, World
from tests.integration.security.conftest import rights_of
from tests.kafka.guarded import USER, Guarded

pytestmark = pytest.mark.broker

LIFETIME = 8
"""Seconds. librdkafka asks for a new token at 80 % of it, and a broker ends each session with its token. It
refuses a second login within one second: with a life below 6 s its last fifth is too short for the next."""
NEW = "group.protocol=consumer"
UNSECURED = {"sasl.oauthbearer.config": f"principal={USER} lifeSeconds={LIFETIME}"}


@pytest.mark.parametrize(
    ("door", "protocol", "properties", "tokens"),
    [("OAUTHBEARER OIDC", QUICK, {}, 4), ("OAUTHBEARER unsecured", NEW, UNSECURED, 0)],
    ids=["OIDC, classic", "unsecured, consumer"],
)
def test_the_job_goes_on_over_the_end_of_several_tokens(
    guarded: Guarded,
    behind: Callable[..., World],
    monkeypatch: pytest.MonkeyPatch,
    door: str,
    protocol: str,
    properties: dict[str, str],
    tokens: int,
) -> None:
    monkeypatch.setattr(guarded.tokens, "lifetime", LIFETIME)
    here = behind(door, protocol, **properties)
    guarded.grant(*rights_of(here).values())
    work = mixed(400, 150, seed=74, unreadable=0.03)
    half = len(work.records) // 2
    here.produce(work, 0, half)
    connector = here.run()
    here.wait_settled(20)

    settled_at = time.monotonic()
    issued = guarded.tokens.issued
    wait_for(lambda: time.monotonic() - settled_at > 2.3 * LIFETIME, 4 * LIFETIME, "the end of two tokens")
    assert guarded.tokens.issued >= issued + tokens, "two for the consumer, two for the producer"
    answer = connector.get("/readyz")
    assert answer is not None
    assert answer.status_code == 200, answer.text + connector.tail()
    here.produce(work, half)
    here.wait_settled(40)

    here.finish(work)
    # A login that comes within a second of the one before is refused, and tried again: no more than that.
    troubles = connector.lines("kafka")
    assert {line["code"] for line in troubles} <= {"authentication"}, connector.tail()
    assert len(connector.lines("kafka: works again")) == len(troubles), connector.tail()
    assert max(work.refused) >= half, "no letter was written late"
