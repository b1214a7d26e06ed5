"""Settings -> the parts that a process joins: consumer, dead letters, API client, engine's bounds."""

from __future__ import annotations

from collections.abc import Callable

from connector.core.holding_back.pace import most_at_once
from connector.core.limits import Limits
from connector.credentials import Credentials, Token, authorizations
from connector.kafka.clients.given import to_consumer, to_producer
from connector.kafka.group.listener import Listener
from connector.kafka.group.source import Source
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.troubles import Trouble
from connector.pulse import Clock
from connector.pushwoosh import client
from connector.pushwoosh.wire import room_for_devices
from connector.settings import Settings
from connector.settings.secret_fields import given_secrets
from connector.values import is_secret

CONNECTIONS_TO_SPARE = 4
"""Beside one for each job that may be in flight."""


def source(settings: Settings, listener: Listener, clock: Clock) -> Source:
    """Make the member of the consumer group."""
    kafka = settings.kafka
    return Source(to_consumer(kafka), [*kafka.contents], listener, kafka.on_data_loss, clock)


def dead_letters(
    settings: Settings, tell: Callable[[Trouble], None], may_reopen: Callable[[], bool], clock: Clock
) -> DeadLetters:
    """Make the writer of dead letters. `tell` hears of its troubles; `may_reopen`: see `KeptProducer`."""
    kafka = settings.kafka
    return DeadLetters(
        to_producer(kafka),
        kafka.dead_letter_topic,
        kafka.group_id,
        kafka.dead_letter_delivery,
        settings.transactional_id,
        "pushwoosh-connector",
        tell,
        clock,
        may_reopen=may_reopen,
    )


def audience_client(
    settings: Settings, credentials: Credentials, observe: client.Observe | None = None
) -> client.AudienceClient:
    """Make the API's client. `observe` is told of each call."""
    own = settings.pushwoosh
    return client.AudienceClient(
        own.url,
        limits=client.CallLimits(
            connect=own.connect_timeout,
            silence=own.read_timeout,
            total=2 * own.read_timeout,
            connections=settings.jobs.max_in_flight + CONNECTIONS_TO_SPARE,
        ),
        authorization=own.authorization_header.get_secret_value() if own.authorization_header else None,
        authorizations=authorizations(settings),
        http2=own.http2,
        secrets=credentials.tokens,
        observe=observe,
    )


def limits(settings: Settings) -> Limits:
    """Return the engine's bounds."""
    jobs, rates = settings.jobs, settings.limits
    return Limits(
        max_devices=most_at_once(
            settings.batch.max_devices, rates.requests_per_second, rates.devices_per_second
        ),
        max_bytes=room_for_devices(settings.batch.max_bytes, settings.accounts),
        linger=settings.batch.linger,
        max_in_flight=jobs.max_in_flight,
        adaptive=jobs.adaptive,
        requests_per_second=rates.requests_per_second,
        devices_per_second=rates.devices_per_second,
        deadline=jobs.deadline,
        max_attempts=jobs.max_attempts,
        max_resubmissions=jobs.max_resubmissions,
        poll_ceiling=jobs.poll_ceiling,
        probe_interval=jobs.probe_interval,
        brake_share=settings.brake.refused_share,
        brake_window=settings.brake.window,
        max_events=settings.buffer.max_events,
        max_event_bytes=settings.buffer.max_bytes,
    )


def secrets(settings: Settings, credentials: Credentials) -> list[str]:
    """Return every secret: no line and no page shows one, whatever a library puts into its words."""
    given = [
        text.split()[-1] if key == "authorization_header" else text for key, text in given_secrets(settings)
    ]
    files = (settings.schema_registry.password_file, settings.admin.control_token_file)
    in_files = [Token(file=file).current() for file in files if file is not None]
    hidden = [value for name, value in settings.kafka.properties.items() if is_secret(name)]
    return [*credentials.tokens(), *given, *in_files, *hidden]
