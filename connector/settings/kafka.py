"""`[kafka]`: the brokers, the topics, and what goes on to librdkafka."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from connector import values
from connector.model import Content
from connector.settings.fields import (
    REGISTRY_FORMATS,
    Allowed,
    KafkaProperties,
    Name,
    Topic,
    Topics,
    known_decoder,
)
from connector.settings.section import Section

_OF_A_REGISTRY = ", ".join(f"`{word}`" for word in REGISTRY_FORMATS)


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
            "or say how many are lost and go on. The same where the committed offset lies beyond the end of "
            "the log (the topic was cut or created again): to go on is then to begin anew as "
            "`auto.offset.reset` says: all that is there is sent, again where it was sent before, or with "
            "`latest` none of it. "
            "Nothing counts as lost then, because nobody knows."
        ),
    ] = "halt"
    decoder: Annotated[
        str,
        AfterValidator(known_decoder),
        Allowed(f"`json`, {_OF_A_REGISTRY} or `package.module:function`"),
        Field(
            description=f"What turns a record into an event. {_OF_A_REGISTRY} take "
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
