"""Every setting: its name, type, default, limits and meaning. Nothing here reads a file or the environment.

`[section] key` in the file is `CONNECTOR_SECTION_KEY` in the environment. Durations are seconds, sizes
bytes. `deploy/SETTINGS.md` is made from this file.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping as Table
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WrapSerializer

from connector import values
from connector.fields import (
    Allowed,
    Count,
    Duration,
    Host,
    KafkaProperties,
    Name,
    Rate,
    Secret,
    Share,
    Size,
    Topic,
    Topics,
    address,
    filled_file,
    hard_to_guess,
    hard_to_guess_file,
    http2_possible,
    known_decoder,
)
from connector.mapping.section import Mapping
from connector.model import Content
from connector.schema_registry import SchemaRegistry
from connector.section import Section

__all__ = ["Section", "Settings"]


class Kafka(Section):
    """`[kafka]`: the brokers, the topics, and what goes on to librdkafka."""

    bootstrap_servers: Annotated[
        str,
        BeforeValidator(values.broker_list),
        Allowed("host:port, with commas between"),
        Field(description="The brokers to ask first."),
    ]
    group_id: Annotated[Name, Allowed("a name"), Field(description="The consumer group.")] = (
        "pushwoosh-connector"
    )
    tags_topics: Annotated[Topics, Field(description="Topics that carry tag changes.")] = ()
    registrations_topics: Annotated[Topics, Field(description="Topics that carry device registrations.")] = ()
    mixed_topics: Annotated[
        Topics, Field(description="Topics that carry both; the field `type` says which.")
    ] = ()
    dead_letter_topic: Annotated[
        Topic, Field(description="Where records go that can never be delivered. It must exist.")
    ]
    dead_letter_delivery: Annotated[
        Literal["exactly_once", "at_least_once"],
        BeforeValidator(values.parse_word),
        Field(
            description="`exactly_once` writes dead letters and offsets in one Kafka transaction; "
            "`at_least_once` is for clusters that forbid transactions."
        ),
    ] = "exactly_once"
    transactional_id: Annotated[
        Name | None,
        Allowed("a name that no other running instance has"),
        Field(
            description="Names this instance to the transaction coordinator; the same after a restart. "
            "If not set: group, host (in Kubernetes the pod) and admin port, joined by `-`."
        ),
    ] = None
    properties: Annotated[
        KafkaProperties,
        Allowed("librdkafka's properties, but for those that the guarantees rest on"),
        Field(
            description="Passed on to librdkafka: SASL, TLS, tuning. A table in the file, `key=value` lines "
            "in the environment; one by one, these win over the file's, both over `kafka.properties_file`."
        ),
    ] = values.Properties()
    properties_file: Annotated[
        Path | None,
        Allowed("a file that can be read"),
        Field(description="A `.properties` file with more of them: secrets that are mounted as files."),
    ] = None
    key_is_hwid: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        Field(description="A record whose value names no device is about the one that its key names."),
    ] = False
    on_data_loss: Annotated[
        Literal["halt", "continue"],
        BeforeValidator(values.parse_word),
        Field(
            description="What to do where Kafka deleted records before they were read: halt, "
            "or say how many are lost and go on."
        ),
    ] = "halt"
    decoder: Annotated[
        str,
        AfterValidator(known_decoder),
        Allowed("`json`, `avro`, `protobuf`, `json_schema` or `package.module:function`"),
        Field(
            description="What turns a record into an event. `avro`, `protobuf` and `json_schema` take "
            "schemas from `schema_registry.url` and need the extra `registry`. A function of yours is "
            "looked for in the directory where the process starts, in those of `PYTHONPATH` and among what "
            "is installed; for the container image mount its directory and name it in `PYTHONPATH`, or "
            "derive an image that has it."
        ),
    ] = "json"

    @property
    def contents(self) -> dict[str, Content]:
        """Every source topic and what it carries."""
        lists = (
            (self.tags_topics, Content.TAGS),
            (self.registrations_topics, Content.REGISTRATIONS),
            (self.mixed_topics, Content.MIXED),
        )
        return {topic: content for topics, content in lists for topic in topics}


class Pushwoosh(Section):
    """`[pushwoosh]`: the Audience API and the way in."""

    url: Annotated[
        str,
        AfterValidator(address),
        Allowed("an http or https address without user and password"),
        Field(description="Where the Audience API answers; `/api/v2/audience/...` is added."),
    ] = "https://api.pushwoosh.com"
    application: Annotated[Name, Allowed("an application code"), Field(description="The application's code.")]
    token: Annotated[
        Secret | None,
        Allowed("an API token"),
        Field(description="The API token; or use `pushwoosh.token_file`."),
    ] = None
    token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and filled_file(path)),
        Allowed("a file that can be read and isn't empty"),
        Field(description="A file with the API token in it; read again whenever it changes."),
    ] = None
    create_missing_tags: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        Field(description="Have the API create tags that it doesn't know."),
    ] = False
    authorization_header: Annotated[
        Secret | None,
        Allowed("the whole value of a header, such as `Token abc`"),
        Field(description="Sent as `Authorization` with every call; for a gateway that wants one."),
    ] = None
    connect_timeout: Annotated[
        Duration, Field(ge=0.01, le=600, description="Longest wait for a connection.")
    ] = 5.0
    read_timeout: Annotated[Duration, Field(ge=0.01, le=600, description="Longest wait for a reply.")] = 30.0
    http2: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        AfterValidator(http2_possible),
        Field(description="HTTP/2 where the API offers it; needs the package `h2`."),
    ] = False


class Application(Section):
    """`[applications.CODE]`: an application beside `pushwoosh.application`, with a token of its own."""

    token: Annotated[
        Secret | None,
        Allowed("an API token"),
        Field(description="Its API token; or use its `token_file`."),
    ] = None
    token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and filled_file(path)),
        Allowed("a file that can be read and isn't empty"),
        Field(description="A file with its API token in it; read again whenever it changes."),
    ] = None
    topics: Annotated[
        Topics,
        Field(description="Source topics whose events are for it, unless an event names another one itself."),
    ] = ()
    authorization_header: Annotated[
        Secret | None,
        Allowed("the whole value of a header, such as `Token abc`"),
        Field(description="Sent with its calls instead of `pushwoosh.authorization_header`."),
    ] = None


Applications = Annotated[
    Table[str, Application],
    AfterValidator(MappingProxyType),  # a dictionary could be changed, however frozen what has it is
    WrapSerializer(lambda applications, write: write(dict(applications))),
]


class Batch(Section):
    """`[batch]`: when a batch is full enough to be sent: at the first of the three."""

    max_devices: Annotated[Count, Field(ge=1, le=10_000, description="Most devices in a request.")] = 1000
    max_bytes: Annotated[
        Size,
        Field(
            ge=1024,
            le=16 << 20,
            description="Most bytes of a request's body; an event that alone is larger is refused.",
        ),
    ] = 1 << 20
    linger: Annotated[Duration, Field(ge=0, le=600, description="Longest wait for a batch to fill.")] = 0.5


class Jobs(Section):
    """`[jobs]`: what happens between a POST and its verdicts."""

    max_in_flight: Annotated[Count, Field(ge=1, le=200, description="Most unfinished jobs at once.")] = 16
    adaptive: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        Field(
            description="Fewer jobs at once while the API is overloaded; `false` fixes their number at "
            "`jobs.max_in_flight`."
        ),
    ] = True
    deadline: Annotated[
        Duration,
        Field(
            ge=0.1, le=604_800, description="A job unfinished for so long counts as lost: it is sent again."
        ),
    ] = 900.0
    max_attempts: Annotated[
        Count,
        Field(
            ge=1, le=1000, description="How often a device that the API failed is sent before it is refused."
        ),
    ] = 3
    max_resubmissions: Annotated[
        Count,
        Field(
            ge=0, le=1000, description="How often a lost job is sent again before its devices are refused."
        ),
    ] = 3
    poll_ceiling: Annotated[
        Duration, Field(ge=0.01, le=600, description="Longest wait between two questions about one job.")
    ] = 10.0
    probe_interval: Annotated[
        Duration,
        Field(ge=0.01, le=3600, description="How often a halted connector tries whether it can go on."),
    ] = 30.0
    stop_timeout: Annotated[
        Duration, Field(ge=0, le=3600, description="How long an orderly stop waits for unfinished jobs.")
    ] = 20.0


class Rates(Section):
    """`[limits]`: most that one instance sends to the API in a second."""

    requests_per_second: Annotated[
        Rate,
        Field(
            ge=0,
            le=1_000_000,
            description="Most requests a second of this instance, POSTs and GETs together; 0 is no limit.",
        ),
    ] = 0.0
    devices_per_second: Annotated[
        Rate,
        Field(
            ge=0,
            le=1_000_000_000,
            description="Most devices a second of this instance, those that are sent again included; "
            "0 is no limit. Batches become smaller where one would be more than a second's worth.",
        ),
    ] = 0.0


class Brake(Section):
    """`[brake]`: halt instead of emptying the topic into the dead-letter topic."""

    refused_share: Annotated[
        Share,
        Field(
            ge=0, le=1, description="Halt when more than this share of recent events is refused; 0 is off."
        ),
    ] = 0.5
    window: Annotated[Count, Field(ge=1, le=1_000_000, description="How many events are recent.")] = 1000


class Buffer(Section):
    """`[buffer]`: what may be in memory before partitions are paused."""

    max_events: Annotated[Count, Field(ge=1, le=10_000_000, description="Most events in memory.")] = 100_000
    max_bytes: Annotated[Size, Field(ge=1024, le=64 << 30, description="Most bytes of events in memory.")] = (
        128 << 20
    )


class Admin(Section):
    """`[admin]`: `/metrics`, `/livez`, `/readyz`, `/status`; `/pause` and `/resume` for who may."""

    host: Annotated[
        Host,
        Allowed("an address of this machine"),
        Field(description="Address the admin endpoints listen on."),
    ] = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from outside the container
    port: Annotated[Count, Field(ge=0, le=65535, description="Their port; 0 takes a free one.")] = 8080
    control_token: Annotated[
        Secret | None,
        AfterValidator(hard_to_guess),
        Allowed("16 characters or more"),
        Field(
            description="Who knows it may POST to `/pause` and `/resume`. Without it and its file there is "
            "no such thing."
        ),
    ] = None
    control_token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and hard_to_guess_file(path)),
        Allowed("a file that can be read, with 16 characters or more in it"),
        Field(description="A file with that token in it; read again whenever it changes."),
    ] = None


class Log(Section):
    """`[log]`."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(values.parse_word),
        Field(
            description="The least important line that is written. Only `debug` names devices, in a line for "
            "each dead letter."
        ),
    ] = "info"
    format: Annotated[
        Literal["json", "console"],
        BeforeValidator(values.parse_word),
        Field(description="One JSON object a line, or text for people."),
    ] = "json"
    summary_interval: Annotated[
        Duration, Field(ge=0, le=86_400, description="How often a line sums up what is going on; 0 is never.")
    ] = 30.0


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
        for application in (shown["pushwoosh"], *shown["applications"].values()):
            for key in ("token", "authorization_header"):
                if application[key] is not None:
                    application[key] = values.MASK
        for key in ("password", "key_password"):
            if shown["schema_registry"][key] is not None:
                shown["schema_registry"][key] = values.MASK
        if shown["admin"]["control_token"] is not None:
            shown["admin"]["control_token"] = values.MASK
        return shown
