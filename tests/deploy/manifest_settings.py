"""The settings that the connector loads in a container of the manifests."""

from __future__ import annotations

from pathlib import Path

import certifi

from connector.config import Settings, load
from connector.ops import admin
from connector.ops.outlet import FLUSH_LIMIT
from connector.runner import LEAVE_LIMIT, LONGEST_WAIT
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
    """Seconds that an orderly stop takes at the very most, one after the other.

    Jobs under way, until the loop looks again; the goodbye to Kafka and the API, which is cut off at its
    limit whatever it waits for; open requests at the admin endpoints; the last lines of the log.
    """
    return settings.jobs.stop_timeout + LONGEST_WAIT + LEAVE_LIMIT + admin._STOP_LIMIT + FLUSH_LIMIT
