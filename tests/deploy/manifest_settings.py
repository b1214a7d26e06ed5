"""The settings that the connector loads in a container of the manifests."""

from __future__ import annotations

from pathlib import Path

import certifi

from connector.config import Settings, load
from connector.consuming import HAND_OVER_LIMIT
from connector.kafka.given import to_consumer
from connector.kafka.producer_steps import STEP_LIMIT
from connector.kafka.properties import consumer_properties
from connector.kafka.source import REVOKE_LIMIT
from connector.ops import admin
from tests.deploy.manifests import Resource, container, mounted

SECRETS = {
    "pushwoosh-connector": {"token": "a-token", "kafka.properties": "sasl.username=u\nsasl.password=p\n"},
    "pushwoosh-connector-dead-letters": {"kafka.properties": "sasl.username=letters\nsasl.password=p\n"},
    "pushwoosh-connector-backfill": {"kafka.properties": "sasl.username=backfill\nsasl.password=p\n"},
    "kafka-cluster-ca-cert": {"ca.crt": Path(certifi.where()).read_text()},
}
"""What production expects to be there."""


def settings_of(resources: list[Resource], folder: Path) -> Settings:
    """Load the configuration as the container would."""
    places = mounted(resources, folder, SECRETS)

    def here(text: str) -> str:
        for mount, place in places.items():
            text = text.replace(f"{mount}/", f"{place}/")
        return text

    file = places["/etc/connector"] / "connector.toml"
    file.write_text(here(file.read_text()))
    given = {each["name"]: here(each["value"]) for each in container(resources).get("env", [])}
    return load(file, given)


def stop_deadline(settings: Settings) -> float:
    """Seconds that an orderly stop may take at the worst, one after the other.

    Jobs under way, a commit without a coordinator (up to the session time-out), the hand-over, its
    commit, the end of a transaction in the producer's thread, open requests at the admin endpoints.
    """
    consumer = consumer_properties(to_consumer(settings.kafka))[0]
    session = float(consumer["session.timeout.ms"]) / 1000
    return (
        settings.jobs.stop_timeout + session + HAND_OVER_LIMIT + REVOKE_LIMIT + STEP_LIMIT + admin._STOP_LIMIT
    )
