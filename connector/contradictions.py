"""What settings say together and can't all mean. Pure: settings in, contradictions out."""

from __future__ import annotations

from collections.abc import Iterator

from connector.fields import REGISTRY_FORMATS
from connector.settings import Settings

_TOPIC_LISTS = ("kafka.tags_topics", "kafka.registrations_topics", "kafka.mixed_topics")

Contradiction = tuple[tuple[str, ...], str]
"""The settings that disagree, the one to mend first, and in what."""


def contradictions(settings: Settings, given: frozenset[str]) -> Iterator[Contradiction]:
    """Yield every contradiction. `given` names what was written: a default contradicts nobody."""
    yield from _topics(settings)
    yield from _token(settings)
    yield from _limits(settings, given)
    if settings.admin.control_token is not None and settings.admin.control_token_file is not None:
        yield ("admin.control_token", "admin.control_token_file"), "only one of the two can be given"
    yield from _registry(settings)


def _topics(settings: Settings) -> Iterator[Contradiction]:
    kafka = settings.kafka
    lists: dict[str, list[str]] = {}
    for name, topics in zip(
        _TOPIC_LISTS, (kafka.tags_topics, kafka.registrations_topics, kafka.mixed_topics), strict=True
    ):
        for topic in topics:
            lists.setdefault(topic, []).append(name)
    if not lists:
        yield _TOPIC_LISTS, "no topic to read: at least one of the three lists needs one"
    for topic, names in lists.items():
        if len(names) > 1:
            yield tuple(dict.fromkeys(names)), f"{topic!r} is listed {len(names)} times: once will do"
    if kafka.dead_letter_topic in lists:
        names = ["kafka.dead_letter_topic", *lists[kafka.dead_letter_topic]]
        yield (
            tuple(dict.fromkeys(names)),
            f"{kafka.dead_letter_topic!r} is also a topic to read: dead letters would come back for ever",
        )


def _token(settings: Settings) -> Iterator[Contradiction]:
    names = ("pushwoosh.token", "pushwoosh.token_file")
    token, file = settings.pushwoosh.token, settings.pushwoosh.token_file
    if token is None and file is None:
        yield names, "one of the two is required: the API token, or a file with it"
    elif token is not None and file is not None:
        yield names, "only one of the two can be given"


def _limits(settings: Settings, given: frozenset[str]) -> Iterator[Contradiction]:
    """Limits that can never be reached, where both were written: with a default, the other one just rules."""
    pairs = (
        ("batch.max_bytes", settings.batch.max_bytes, "buffer.max_bytes", settings.buffer.max_bytes),
        ("batch.max_devices", settings.batch.max_devices, "buffer.max_events", settings.buffer.max_events),
        ("jobs.poll_ceiling", settings.jobs.poll_ceiling, "jobs.deadline", settings.jobs.deadline),
    )
    for name, value, bound_name, bound in pairs:
        if value > bound and {name, bound_name} <= given:
            yield (name, bound_name), f"it is more than {bound_name}"


def _registry(settings: Settings) -> Iterator[Contradiction]:
    own, decoder = settings.schema_registry, settings.kafka.decoder
    url, word = "schema_registry.url", "kafka.decoder"
    if decoder in REGISTRY_FORMATS and own.url is None:
        yield (url, word), f"the decoder {decoder} needs the address of the schema registry"
    if decoder == "json" and own.url is not None:
        yield (word, url), f"json takes no schema from a registry: {', '.join(REGISTRY_FORMATS)} do"
    if own.password is not None and own.password_file is not None:
        yield (
            ("schema_registry.password", "schema_registry.password_file"),
            "only one of the two can be given",
        )
    if (own.username is None) != (own.password is None and own.password_file is None):
        names = ("schema_registry.username", "schema_registry.password", "schema_registry.password_file")
        yield names, "a user name and a password go together"
    if own.certificate_file is None and (own.key_file is not None or own.key_password is not None):
        given = "key_file" if own.key_file is not None else "key_password"
        yield (
            ("schema_registry.certificate_file", f"schema_registry.{given}"),
            "a key is of no use without its certificate",
        )
