"""`deploy/SETTINGS.md` is written by the code it documents: `python -m tests.unit.test_config_reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connector import values
from connector.config import APPLICATIONS, allowed, variable
from connector.kafka.clients.forbidden import reasons
from connector.kafka.clients.properties import consumer_properties, producer_properties
from connector.settings import Application, Settings

_FILE = Path(__file__).parents[2] / "deploy" / "SETTINGS.md"

_INTRODUCTION = """\
# Settings

<!-- Written by `python -m tests.unit.test_config_reference`; a test compares it with the code. -->

A TOML file and the environment; the environment wins. `[section] key` in the file is `CONNECTOR_SECTION_KEY`
in the environment. The file is named by `--config` or by `CONNECTOR_CONFIG_FILE`; without either, the
environment says it all.

- Durations: `500ms`, `2s`, `15m`, `1h`. Sizes: `512KiB`, `4MiB`, `1GiB` or plain bytes. Lists: arrays in the
  file, commas in the environment. Paths are relative to the directory where the process starts.
- An empty variable counts as not set. A setting that nobody knows is a mistake, in the file and under
  `CONNECTOR_`; what Kubernetes says about Services (`CONNECTOR_..._SERVICE_HOST`, ...) is passed over.
- Every mistake is told at once, and the process ends with exit code 2. `pushwoosh-connector check` looks
  further: at the brokers, the topics, what this user is allowed to do, the transactions and the API.
- Secrets (token, header, and every Kafka property with `password`, `secret`, `token`, `jaas`, `passphrase` or
  `key.pem` in its name) are never shown: not in messages, logs or `/status`.
"""

_APPLICATIONS = """\
## applications

Further applications, each with a token of its own: `[applications.CODE]` in the file, where `CODE` is the
application's code. In the environment `_` stands for whatever in the code is no letter and no digit:
`CONNECTOR_APPLICATIONS_FGHIJ_67890_TOKEN_FILE` is about `FGHIJ-67890`. (A code of the file that is spelled so
is meant first; without one, each `_` is a `-`.)

    [pushwoosh]
    application = "ABCDE-12345"                      # the default application
    token_file = "/run/secrets/pushwoosh/abcde"

    [applications.FGHIJ-67890]
    token_file = "/run/secrets/pushwoosh/fghij"
    topics = ["game-tags", "game-registrations"]

Which application an event is for: the one that its own field `application` names; without that field, the
one that lists its topic; else `pushwoosh.application`. An event that names an application that isn't
configured is refused (`invalid_event`): nothing is ever sent with another application's token.
"""

_NOTES = {
    "mapping": """\
Makes events of records that are shaped otherwise: [MAPPING.md](MAPPING.md) says how. Text is an expression;
numbers, `true` and `false` are constants.

"""
}
"""What is said of a section before its table."""

_PROPERTIES = """\
## Kafka properties

Anything that librdkafka has
([its list](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md)) goes through
`[kafka.properties]`, with or without quotes around the name, and is checked by librdkafka itself.
A consumer's property goes to the consumer, a producer's to the producer of dead letters.

    [kafka.properties]
    security.protocol = "sasl_ssl"
    sasl.mechanism = "SCRAM-SHA-512"
    sasl.username = "connector"
    ssl.ca.location = "/etc/kafka/ca.pem"

The password is better in a mounted file (`kafka.properties_file`) or in the environment
(`CONNECTOR_KAFKA_PROPERTIES="sasl.password=..."`).

What the connector sets by itself: after a crash nobody reads a partition before `session.timeout.ms` is over
(45 s by librdkafka's default) and an open transaction has ended (`transaction.timeout.ms`, 60 s): both are
short here. With `group.protocol=consumer` the brokers decide about session (45 s by default), heartbeat and
assignment: those three are left out. To change the protocol of a group, stop all its members first.

Dead letters are compressed, because a topic's `max.message.bytes` counts compressed bytes: a record that fits
its source only so would else never fit the dead-letter topic. Where the source's producers compress, leave
that at `zstd`, which is as good as any that they have.

With `auto.offset.reset=latest` what is written to a partition before the group has begun with it is not read:
that is so of those that partitions which are added later get before they are noticed. Where it has begun is
committed at once, so that nothing is left out from then on. `earliest` leaves out none.
"""

_REFUSED = """\
Refused, because the guarantees rest on them or because they mean nothing to librdkafka:
"""


def rendered() -> str:
    """Write the whole file."""
    parts = [_INTRODUCTION]
    for section, field in Settings.model_fields.items():
        if section == APPLICATIONS:
            parts.append(_APPLICATIONS + "\n" + _table(_rows(f"{section}.CODE", Application.model_fields)))
            continue
        model = field.annotation
        assert model is not None
        parts.append(
            f"## {section}\n\n{_NOTES.get(section, '')}" + _table(_rows(section, model.model_fields))
        )
    parts += [_PROPERTIES, _table(_defaults()), _REFUSED, _table(_refusals())]
    return "\n".join(parts)


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _rows(section: str, fields: dict[str, FieldInfo]) -> Iterator[tuple[str, ...]]:
    yield "in the file", "in the environment", "default", "allowed", "meaning"
    for key, field in fields.items():
        name = f"{section}.{key}"
        if name == "mapping.by_topic":
            yield '`mapping."TOPIC"`', "(in the file only)", "none", allowed(field), field.description or ""
            continue
        yield f"`{name}`", f"`{variable(name)}`", _default(field), allowed(field), field.description or ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or (field.default != 0 and not field.default):
        return "none"
    if isinstance(field.default, bool):
        return f"`{_text(field.default)}`"
    readers = [one.func for one in field.metadata if isinstance(one, BeforeValidator)]
    if values.parse_duration in readers:
        return f"`{values.format_duration(field.default)}`"
    if values.parse_size in readers:
        return f"`{values.format_size(field.default)}`"
    return f"`{field.default}`"


def _defaults() -> Iterator[tuple[str, ...]]:
    yield "property", "of", "here"
    consumer, reset = consumer_properties({})
    kinds = {
        "consumer": consumer | {"auto.offset.reset": reset},
        "producer": producer_properties({}, "an id"),
    }
    for name in sorted({*kinds["consumer"], *kinds["producer"]} - {"logger", "transactional.id"}):
        held = [kind for kind in kinds if name in kinds[kind]]
        texts = dict.fromkeys(f"`{kinds[kind][name]!s}`" for kind in held)
        yield f"`{name}`", " and ".join(held), ", ".join(texts)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusals() -> Iterator[tuple[str, ...]]:
    yield "property", "why"
    for name, why in sorted(reasons().items()):
        yield f"`{name}`", why


def test_the_table_of_settings_says_what_the_code_says() -> None:
    assert _FILE.read_text() == rendered(), "write it again: python -m tests.unit.test_config_reference"


def test_every_setting_has_a_meaning_and_limits_in_words() -> None:
    rows = [
        line.split(" | ")
        for line in rendered().splitlines()
        if "| `CONNECTOR_" in line or "(in the file only)" in line
    ]
    fields = {name: field.annotation for name, field in Settings.model_fields.items()}
    sections = [*(each for name, each in fields.items() if name != APPLICATIONS), Application]

    assert len(rows) == sum(len(section.model_fields) for section in sections if section is not None)
    assert all(cell.strip(" |") for row in rows for cell in row)


if __name__ == "__main__":
    _FILE.write_text(rendered())
