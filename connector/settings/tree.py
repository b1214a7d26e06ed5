"""All settings together, validated."""

from __future__ import annotations

import os
import secrets
import socket
from functools import cached_property
from types import MappingProxyType
from typing import Any

from pydantic import Field

from connector.settings.flow import Batch, Brake, Buffer, Jobs, Rates
from connector.settings.kafka import Kafka
from connector.settings.mapping import Mapping
from connector.settings.process import Admin, Log
from connector.settings.pushwoosh import Application, Applications, Pushwoosh
from connector.settings.schema_registry import SchemaRegistry
from connector.settings.section import Section

__all__ = ["Section", "Settings"]


class Settings(Section):
    """Every setting, validated. Made by `connector.config.load`."""

    kafka: Kafka
    pushwoosh: Pushwoosh
    applications: Applications = Field(default_factory=lambda: MappingProxyType({}))
    """Further applications, by code."""
    mapping: Mapping = Mapping()
    batch: Batch = Batch()
    jobs: Jobs = Jobs()
    limits: Rates = Rates()
    brake: Brake = Brake()
    buffer: Buffer = Buffer()
    admin: Admin = Admin()
    log: Log = Log()
    schema_registry: SchemaRegistry = SchemaRegistry()

    @property
    def accounts(self) -> dict[str, Pushwoosh | Application]:
        """Every application's code and credentials, the default one first."""
        return {self.pushwoosh.application: self.pushwoosh, **self.applications}

    @cached_property
    def transactional_id(self) -> str:
        """`kafka.transactional_id`, or one that is this instance's alone and the same after its restart.

        Two processes of one host can't listen on the same admin port: it tells them apart, and unlike a
        process id it is the same after a restart, so the new process fences the old one's open
        transaction instead of waiting for its end. Where the port is left to chance, so is the id.
        """
        if self.kafka.transactional_id is not None:
            return self.kafka.transactional_id
        own = str(self.admin.port) if self.admin.port else f"{os.getpid()}-{secrets.token_hex(4)}"
        return f"{self.kafka.group_id}-{socket.gethostname()}-{own}"

    def masked(self) -> dict[str, Any]:
        """Every setting as JSON-ready values, secrets replaced; durations and sizes as they are written."""
        shown = self.model_dump(mode="json")
        shown["kafka"]["transactional_id"] = self.transactional_id
        return shown
