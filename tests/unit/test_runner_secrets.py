"""What the runner tells the mask to hide."""

from __future__ import annotations

from connector.credentials import Credentials
from connector.ops.privacy import Mask
from connector.runner import secrets
from tests.settings import with_environment


def test_the_token_the_header_and_kafkas_secrets_are_hidden_and_names_are_not() -> None:
    settings = with_environment(
        CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER="Token gateway-secret",
        CONNECTOR_KAFKA_PROPERTIES="security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\n"
        "sasl.username=connector\nsasl.password=kafka-secret",
    )
    mask = Mask(secrets(settings, Credentials.of(settings)))
    line = "hush-token, Token gateway-secret: connector with kafka-secret by sasl_ssl"
    assert mask(line) == "********, Token ********: connector with ******** by sasl_ssl"
