"""The Schema Registry: asks by Confluent's own client, and tells an outage from a schema that isn't there.

Everything blocks: it is called on a thread of `connector.formats.schemas`, never on the event loop.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Any, Self

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connector.credentials import Token
from connector.formats.framing import MAGIC_ID, FormatError, shown
from connector.formats.reading import SchemaText
from connector.settings.schema_registry import SchemaRegistry

_NOT_FOUND = 404
_DENIED = (401, 403)
_OWN_WORDS = range(40401, 40500)
"""The registry's codes for what isn't there. A 404 with another code comes from whatever else answers."""
_MOST_SHOWN = 300
_CHECKED = b"\0" + (2**31 - 1).to_bytes(4)
"""A schema that nobody has: whoever says so has understood the question and let us in."""


class Outage(Exception):  # noqa: N818 - not an error of the data: a state of the world
    """The registry can't be asked now. The text says what happened, `mend` what a person may do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


class UnknownSchema(FormatError):  # noqa: N818 - as `Outage`, an answer
    """The registry has no such schema."""


class Registry:
    """A connection to the registry; the password's file is read when it is made."""

    def __init__(self, settings: SchemaRegistry, kind: str) -> None:
        """`kind` is what schemas are read as: `AVRO`, `PROTOBUF` or `JSON`. Raises Outage."""
        self._url = settings.url or ""
        self._form = "serialized" if kind == "PROTOBUF" else None
        self._secrets = [password_of(settings).current()]
        try:
            self._client = SchemaRegistryClient(_configuration(settings, self._secrets[0]))
        except Exception as error:
            raise Outage(
                f"no connection can be made: {self._words(error)}",
                "look at the files that schema_registry.ca_file, certificate_file and key_file name",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def schema(self, key: bytes) -> SchemaText:
        """Get a schema with all that it references. Raises UnknownSchema, FormatError or Outage."""
        if key[0] == MAGIC_ID:
            schema = self._ask(shown(key), "get_schema", int.from_bytes(key[1:]), fmt=self._form)
        else:
            guid = str(uuid.UUID(bytes=key[1:]))
            schema = self._ask(shown(key), "get_schema_by_guid", guid, fmt=self._form)
        _refuse_rules(schema)
        references: dict[str, str] = {}
        self._references(schema, references)
        return SchemaText(schema.schema_type or "AVRO", self._text(schema), references)

    def reach(self) -> None:
        """See whether schemas can be had. Raises Outage."""
        try:
            self.schema(_CHECKED)
        except FormatError:
            return

    def _references(self, schema: Schema, found: dict[str, str]) -> None:
        for each in schema.references or ():
            if each.name is None or each.name in found:
                continue
            what = f"{each.subject} version {each.version}, which it references as {each.name},"
            needed = self._ask(what, "get_version", each.subject, each.version, deleted=True, fmt=self._form)
            self._references(needed.schema, found)
            found[each.name] = self._text(needed.schema)

    def _text(self, schema: Schema) -> str:
        text = schema.schema_str
        if not isinstance(text, str):
            raise Outage(
                f"the answer of {self._url} has no schema in it",
                "correct schema_registry.url: what answers there is no schema registry",
            )
        if self._form and schema.schema_type == "PROTOBUF" and not _is_base64(text):
            raise Outage(
                "it has the Protobuf schema as source text and can't give it as a serialized descriptor",
                "use a registry that knows ?format=serialized, or register the schema by a serializer that "
                "registers descriptors",
            )
        return text

    def _ask(self, what: str, method: str, *arguments: Any, **more: Any) -> Any:
        try:
            return getattr(self._client, method)(*arguments, **more)
        except SchemaRegistryError as error:
            raise self._judged(what, error) from error
        except Exception as error:  # the client raises whatever its HTTP client or an odd reply make it
            raise Outage(
                f"{self._url} can't be asked: {self._words(error)}",
                "look at the registry, at schema_registry.url, and at the network and TLS between",
            ) from error

    def _judged(self, what: str, error: SchemaRegistryError) -> Exception:
        status, code = error.http_status_code, error.error_code
        words = f"{self._url} answers {status}: {self._words(error.error_message)}"
        if status == _NOT_FOUND and code in _OWN_WORDS:
            return UnknownSchema(f"the registry doesn't know {what.removesuffix(',')}")
        if status in _DENIED:
            return Outage(words, "correct schema_registry.username and its password, and what they may read")
        if status == _NOT_FOUND:
            return Outage(words, "correct schema_registry.url: it leads to no schema registry")
        return Outage(words, "look at the registry")

    def _words(self, error: object) -> str:
        text = str(error) or type(error).__name__
        if isinstance(error, Exception) and str(error):
            text = f"{type(error).__name__}: {text}"
        for secret in self._secrets:
            text = text.replace(secret, "********") if secret else text
        return text[:_MOST_SHOWN]


def password_of(settings: SchemaRegistry) -> Token:
    """Return the password, read again from its file whenever that changes."""
    given = settings.password.get_secret_value() if settings.password else ""
    return Token(given, settings.password_file)


def _configuration(settings: SchemaRegistry, password: str) -> dict[str, Any]:
    given = {
        "url": settings.url,
        "timeout": settings.timeout,
        "max.retries": 0,  # who asks tries again, and says so meanwhile
        "basic.auth.user.info": f"{settings.username}:{password}" if settings.username else None,
        "ssl.ca.location": settings.ca_file and str(settings.ca_file),
        "ssl.certificate.location": settings.certificate_file and str(settings.certificate_file),
        "ssl.key.location": settings.key_file and str(settings.key_file),
        # Never None where there is a key: OpenSSL would ask the terminal for it.
        "ssl.key.password": (settings.key_password.get_secret_value() if settings.key_password else "")
        if settings.certificate_file
        else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _refuse_rules(schema: Schema) -> None:
    """Refuse a schema whose records are for rules to work on: encrypted fields would go out as they are."""
    rules = schema.rule_set
    if rules is None:
        return
    for rule in [*(rules.domain_rules or ()), *(getattr(rules, "encoding_rules", None) or ())]:
        mode = getattr(rule.mode, "value", rule.mode)
        if not rule.disabled and mode in ("READ", "WRITEREAD"):
            raise FormatError(f"its schema has the rule {rule.name} ({rule.type}) for readers: not supported")


def _is_base64(text: str) -> bool:
    return " " not in text and "\n" not in text and "=" not in text.rstrip("=")
