"""Every setting: its name, type, default, limits and meaning.

`[section] key` in the file is `CONNECTOR_SECTION_KEY` in the environment; `connector.config` reads both. A
check here may look at a file or a module that a setting names. Durations are seconds, sizes bytes.
`deploy/SETTINGS.md` is made from what is here.
"""

from connector.settings.flow import Batch, Brake, Buffer, Jobs, Rates
from connector.settings.kafka import Kafka
from connector.settings.mapping import Mapping
from connector.settings.process import Admin, Log
from connector.settings.pushwoosh import Application, Pushwoosh
from connector.settings.schema_registry import SchemaRegistry
from connector.settings.section import Section
from connector.settings.tree import Settings

__all__ = [
    "Admin",
    "Application",
    "Batch",
    "Brake",
    "Buffer",
    "Jobs",
    "Kafka",
    "Log",
    "Mapping",
    "Pushwoosh",
    "Rates",
    "SchemaRegistry",
    "Section",
    "Settings",
]
