"""`[schema_registry]`: where schemas of records come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from connector import values
from connector.settings.fields import Allowed, Duration, Name, Secret, filled_file, registry_addresses
from connector.settings.section import Section

_PemFile = Annotated[Path | None, AfterValidator(lambda path: path and values.readable_file(path))]


class SchemaRegistry(Section):
    """`[schema_registry]`: for the decoders `avro`, `protobuf` and `json_schema`."""

    url: Annotated[
        str | None,
        AfterValidator(lambda text: text and registry_addresses(text)),
        Allowed("http or https addresses without user and password, with commas between"),
        Field(
            description="Where the registry answers; of several the first that does. "
            "`kafka.decoder` says which format its schemas are of."
        ),
    ] = None
    username: Annotated[
        Name | None,
        Allowed("a name"),
        Field(description="For basic authentication; in Confluent Cloud the API key."),
    ] = None
    password: Annotated[
        Secret | None,
        Allowed("a password"),
        Field(description="Its password; or use `schema_registry.password_file`."),
    ] = None
    password_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and filled_file(path)),
        Allowed("a file that can be read and isn't empty"),
        Field(description="A file with the password in it; read again whenever the registry is asked."),
    ] = None
    ca_file: Annotated[
        _PemFile,
        Allowed("a PEM file that can be read"),
        Field(description="Authorities that the registry's certificate may be from, instead of the usual."),
    ] = None
    certificate_file: Annotated[
        _PemFile,
        Allowed("a PEM file that can be read"),
        Field(description="A client certificate, where the registry wants one; it may hold the key, too."),
    ] = None
    key_file: Annotated[
        _PemFile,
        Allowed("a PEM file that can be read"),
        Field(description="The key of that certificate."),
    ] = None
    key_password: Annotated[
        Secret | None,
        Allowed("a password"),
        Field(description="The password of that key, where it has one."),
    ] = None
    timeout: Annotated[
        Duration,
        Field(ge=0.1, le=600, description="Longest wait for a connection to the registry, and for a reply."),
    ] = 5.0
