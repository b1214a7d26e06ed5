"""Who isn't let in says so at once, in one line, in `run` and in `check`; and goes on once it is let in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.finding import Grade
from connector.kafka.cluster_check import ClusterCheck
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import mixed
from tests.acceptance.world import QUICK, World
from tests.broker import free_ports
from tests.integration.security.conftest import rights_of, text
from tests.kafka.guarded import Guarded
from tests.settings import with_environment

pytestmark = pytest.mark.broker


class Mistake(NamedTuple):
    """A door, what is changed in its properties (None: left out), and what must be said."""

    door: str
    changes: dict[str, str | None]
    code: str
    mend: str


_NOWHERE = "http://127.0.0.1:9/token"
MISTAKES = {
    "wrong password": Mistake("PLAIN", {"sasl.password": "wrong"}, "authentication", "sasl.mechanism"),
    "wrong SCRAM password": Mistake(
        "SCRAM-SHA-512", {"sasl.password": "wrong"}, "authentication", "password"
    ),
    "a listener without SASL": Mistake(
        "mTLS",
        {
            "security.protocol": "sasl_ssl",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "user",
            "sasl.password": "hush",
        },
        "authentication",
        "takes no SASL login",
    ),
    "wrong CA": Mistake(
        "SCRAM-SHA-512 over TLS", {"ssl.ca.location": "other-ca.pem"}, "tls", "ssl.ca.location"
    ),
    "no client certificate": Mistake(
        "mTLS",
        {"ssl.certificate.location": None, "ssl.key.location": None},
        "client_certificate",
        "ssl.certificate.location",
    ),
    "expired client certificate": Mistake(
        "mTLS",
        {"ssl.certificate.location": "expired.pem", "ssl.key.location": "expired.key"},
        "client_certificate",
        "not expired",
    ),
    "wrong client secret": Mistake(
        "OAUTHBEARER OIDC", {"sasl.oauthbearer.client.secret": "wrong"}, "oauth_token", ".client.secret"
    ),
    "token endpoint down": Mistake(
        "OAUTHBEARER OIDC",
        {"sasl.oauthbearer.token.endpoint.url": _NOWHERE},
        "oauth_token",
        "token.endpoint.url",
    ),
    "plaintext to TLS": Mistake(
        "SCRAM-SHA-512 over TLS",
        {"security.protocol": "sasl_plaintext"},
        "unreachable",
        "security.protocol",
    ),
}


def settings_of(guarded: Guarded, mistake: Mistake) -> dict[str, str]:
    address, properties = guarded.door(mistake.door)
    changed = {**properties, **mistake.changes}
    files = ("location",)
    given = {
        name: guarded.certificates.path(Path(value).name) if name.endswith(files) else value
        for name, value in changed.items()
        if value is not None
    }
    return {
        "kafka.bootstrap_servers": address,
        "kafka.mixed_topics": "events",
        "kafka.dead_letter_topic": "dead",
        "kafka.properties": f"{QUICK}\n{text(given)}",
        "pushwoosh.url": "http://127.0.0.1:9",
        "pushwoosh.application": "AAAAA-BBBBB",
        "pushwoosh.token": "hush-api",
    }


def in_environment(settings: dict[str, str]) -> dict[str, str]:
    return {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in settings.items()}


@pytest.mark.parametrize("name", MISTAKES)
def test_who_is_not_let_in_says_why_in_one_line_and_is_not_ready(
    guarded: Guarded, tmp_path: Path, name: str
) -> None:
    mistake = MISTAKES[name]
    connector = Connector(tmp_path, "refused", settings_of(guarded, mistake))
    try:
        wait_for(lambda: connector.lines("kafka"), 15, "a line")
        (line,) = connector.lines("kafka")
        assert (line["code"], line["level"]) == (mistake.code, "error")
        assert mistake.mend in line["mend"]
        assert not connector.ready()
        answer = connector.get("/readyz")
        assert answer is not None
        assert mistake.code in answer.text
        began = time.monotonic()
        connector.terminate(15)
        assert time.monotonic() - began < 6
        assert len(connector.lines("kafka")) == 1
        assert "hush" not in connector.log.read_text()
    finally:
        connector.kill()


@pytest.mark.parametrize("name", MISTAKES)
def test_check_says_the_same_within_seconds(guarded: Guarded, name: str) -> None:
    mistake = MISTAKES[name]
    settings = with_environment(
        **{"CONNECTOR_KAFKA_TAGS_TOPICS": "", **in_environment(settings_of(guarded, mistake))}
    )
    began = time.monotonic()

    found = list(ClusterCheck(settings).findings())

    assert time.monotonic() - began < 6
    assert [finding.grade for finding in found] == [Grade.PROBLEM]
    assert mistake.mend in found[0].mend
    assert "hush" not in str(found)


def test_it_goes_on_by_itself_once_the_password_is_there(
    guarded: Guarded, behind: Callable[..., World]
) -> None:
    here = behind("SCRAM-SHA-256")
    address, properties = guarded.door("SCRAM-SHA-512")
    newcomer = {"sasl.username": f"newcomer-{here.group}", "sasl.password": "hush-new"}
    here.settings["kafka.properties"] = f"{QUICK}\n{text(properties | newcomer)}"
    here.settings["kafka.bootstrap_servers"] = address
    connector = here.run()
    wait_for(lambda: connector.lines("kafka"), 15, "a line")
    assert connector.lines("kafka")[0]["code"] == "authentication"

    guarded.set_scram(newcomer["sasl.username"], newcomer["sasl.password"])

    # Let in, it has no rights: the next thing it says is about those.
    def goes_on() -> bool:
        return any(line["code"] == "group_authorization" for line in connector.lines("kafka"))

    wait_for(goes_on, 15, "the next line")
    wait_for(lambda: connector.lines("kafka: works again"), 15, "the end of the trouble")
    assert connector.lines("kafka: works again")[0]["code"] == "authentication"


def test_it_goes_on_by_itself_once_the_token_endpoint_is_there(
    guarded: Guarded, behind: Callable[..., World]
) -> None:
    here = behind("OAUTHBEARER OIDC")
    guarded.grant(*rights_of(here).values())
    work = mixed(300, 100, seed=71)
    here.produce(work)
    guarded.tokens.stop()
    try:
        connector = here.run()
        wait_for(lambda: connector.lines("kafka"), 15, "a line")
        assert not connector.ready()
    finally:
        guarded.tokens.start()

    wait_for(connector.ready, 40, "readiness")
    here.finish(work)
    assert {line["code"] for line in connector.lines("kafka: works again")} == {"oauth_token"}


def test_check_of_brokers_that_are_not_there_takes_seconds() -> None:
    (port,) = free_ports(1)
    began = time.monotonic()

    settings = with_environment(CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}")
    found = list(ClusterCheck(settings).findings())

    assert time.monotonic() - began < 5
    assert "nothing listens there" in found[0].mend
