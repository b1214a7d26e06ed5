"""What settings say together and can't all mean."""

from __future__ import annotations

from collections.abc import Iterator

from connector.settings import Application, Pushwoosh, Settings
from connector.settings.fields import REGISTRY_FORMATS

_TOPIC_LISTS = ("kafka.tags_topics", "kafka.registrations_topics", "kafka.mixed_topics")

Contradiction = tuple[tuple[str, ...], str]
"""The settings that disagree, the one to fix first, and in what."""


def contradictions(settings: Settings, given: frozenset[str]) -> Iterator[Contradiction]:
    """Yield every contradiction. `given` names what was written: a default contradicts nobody."""
    yield from _topics(settings)
    yield from _token("pushwoosh", settings.pushwoosh)
    for code, application in settings.applications.items():
        yield from _token(f"applications.{code}", application)
    yield from _applications(settings)
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


def _token(section: str, given: Pushwoosh | Application) -> Iterator[Contradiction]:
    names = (f"{section}.token", f"{section}.token_file")
    if given.token is None and given.token_file is None:
        yield names, "one of the two is required: the API token, or a file with it"
    elif given.token is not None and given.token_file is not None:
        yield names, "only one of the two can be given"


def _applications(settings: Settings) -> Iterator[Contradiction]:
    default = settings.pushwoosh.application
    if default in settings.applications:
        yield (
            (f"applications.{default}.token", "pushwoosh.application"),
            f"{default!r} is the default application: its token is pushwoosh.token, and it needs no section",
        )
    owners: dict[str, str] = {}
    for code, application in settings.applications.items():
        name = f"applications.{code}.topics"
        for topic in application.topics:
            if topic not in settings.kafka.contents:
                yield (name, *_TOPIC_LISTS), f"{topic!r} is no topic that is read: it is in none of the lists"
            elif topic in owners:
                yield (name, owners[topic]), f"{topic!r} is listed twice: a topic has one application"
            owners[topic] = name


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
