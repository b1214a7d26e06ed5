"""deploy/SECURITY.md, Strimzi's KafkaUser and the words of `run` tell the same."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import yaml

from connector.kafka.troubles import MENDS, WAYS_IN

_DEPLOY = Path(__file__).parents[2] / "deploy"
_DOCUMENT = (_DEPLOY / "SECURITY.md").read_text()


def _rule(command: str) -> tuple[str, str, str, str]:
    """Turn a `kafka-acls.sh` line into (kind, name, pattern, operation), as Strimzi writes them."""
    words = shlex.split(command)
    options = dict(pairwise(words))
    kinds = {"--topic": "topic", "--group": "group", "--transactional-id": "transactionalId"}
    ((kind, name),) = [(kinds[option], options[option]) for option in kinds if option in options]
    pattern = {"prefixed": "prefix", "literal": "literal"}[options.get("--resource-pattern-type", "literal")]
    return kind, name, pattern, options["--operation"]


def test_the_commands_grant_what_the_kafka_user_grants() -> None:
    user = yaml.safe_load((_DEPLOY / "kubernetes/components/strimzi/kafka-user.yaml").read_text())
    granted = {
        (acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"], operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    commands = [line for line in _DOCUMENT.splitlines() if line.startswith("kafka-acls.sh")]

    assert {_rule(command) for command in commands} == granted
    assert len(commands) == len(granted) == 4


def test_every_code_of_the_table_is_one_that_is_told() -> None:
    table = _DOCUMENT.partition("| `code` |")[2].partition("\n\n")[0]
    codes = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}

    assert codes <= set(MENDS)
    assert set(WAYS_IN) <= codes
    assert {code for code in MENDS if code.endswith("_authorization")} - codes == {"cluster_authorization"}
