"""The decoder that `kafka.decoder` names, for each content that a topic may have."""

from __future__ import annotations

from collections.abc import Mapping

from connector import values
from connector.core.decode import Decoder
from connector.model import Content
from connector.settings import Settings
from connector.settings.fields import REGISTRY_FORMATS


def decoders(settings: Settings) -> Mapping[Content, Decoder | None]:
    """Return them; None is the built-in one for JSON."""
    word = settings.kafka.decoder
    if word == "json":
        return dict.fromkeys(Content)
    if word not in REGISTRY_FORMATS:
        return dict.fromkeys(Content, values.load_function(word))
    # Half a second and 20 MB that nobody else should pay for; and the packages may not be there.
    from connector.formats.decoder import RegistryDecoder, schemas_of  # noqa: PLC0415 - an extra

    schemas = schemas_of(word, settings.schema_registry)
    return {content: RegistryDecoder(content, schemas) for content in Content}
