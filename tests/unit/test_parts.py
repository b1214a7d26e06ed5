"""What a process is made of, as its settings say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from connector.core.limits import Limits
from connector.credentials import Credentials
from connector.ops.privacy import Mask
from connector.parts import limits, secrets
from connector.pushwoosh.wire import LONGEST_TOKEN, envelope_bytes
from tests.settings import with_environment


def test_the_defaults_of_the_engine_are_those_of_the_settings() -> None:
    settings = with_environment()
    given = limits(settings)
    ours = Limits()
    assert settings.batch.max_bytes == ours.max_bytes
    assert given.max_bytes <= ours.max_bytes  # less the request around the devices
    assert replace(given, max_bytes=ours.max_bytes) == ours


def test_the_engine_s_bounds_are_those_of_the_settings() -> None:
    given = with_environment(
        CONNECTOR_BATCH_MAX_DEVICES="7",
        CONNECTOR_BATCH_LINGER="1ms",
        CONNECTOR_JOBS_POLL_CEILING="3s",
        CONNECTOR_BUFFER_MAX_EVENTS="123",
        CONNECTOR_BRAKE_REFUSED_SHARE="0.25",
    )
    found = limits(given)
    assert isinstance(found, Limits)
    assert (found.max_devices, found.poll_ceiling, found.max_events) == (7, 3.0, 123)
    assert (found.linger, found.brake_share) == (0.001, 0.25)
    assert (found.adaptive, found.requests_per_second, found.devices_per_second) == (True, 0.0, 0.0)


def test_limits_of_the_flow_bound_the_engine_and_the_size_of_a_batch() -> None:
    given = with_environment(
        CONNECTOR_JOBS_ADAPTIVE="false",
        CONNECTOR_LIMITS_REQUESTS_PER_SECOND="2.5",
        CONNECTOR_LIMITS_DEVICES_PER_SECOND="100",
    )
    found = limits(given)
    assert (found.adaptive, found.requests_per_second, found.devices_per_second) == (False, 2.5, 100.0)
    assert found.max_devices == 160


def test_a_request_fits_into_its_bytes_whatever_the_token_is() -> None:
    given = with_environment(CONNECTOR_BATCH_MAX_BYTES="64KiB")
    whole = envelope_bytes("AAAAA-BBBBB", "t" * LONGEST_TOKEN) + limits(given).max_bytes
    assert whole <= 64 << 10


def test_the_token_the_header_and_kafkas_secrets_are_hidden_and_names_are_not() -> None:
    settings = with_environment(
        CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER="Token gateway-secret",
        CONNECTOR_KAFKA_PROPERTIES="security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\n"
        "sasl.username=connector\nsasl.password=kafka-secret",
    )
    mask = Mask(secrets(settings, Credentials.of(settings)))
    line = "hush-token, Token gateway-secret: connector with kafka-secret by sasl_ssl"
    assert mask(line) == "********, Token ********: connector with ******** by sasl_ssl"


def test_secrets_in_files_are_hidden(tmp_path: Path) -> None:
    file = tmp_path / "control"
    file.write_text("swordfish-swordfish\n")
    settings = with_environment(CONNECTOR_ADMIN_CONTROL_TOKEN_FILE=str(file))
    assert "swordfish-swordfish" in secrets(settings, Credentials.of(settings))
