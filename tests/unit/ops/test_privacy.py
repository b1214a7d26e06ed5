"""What is masked wherever it would be written, and what is not."""

from __future__ import annotations

import pytest

from connector.ops.privacy import Mask, anonymous, deep, without_devices
from connector.values import MASK


@pytest.mark.parametrize(
    "text",
    [
        "auth=s3cr3t-value&application=A",
        '{"application": "A", "auth": "s3cr3t-value"}',
        "{'auth': 's3cr3t-value'}",
        "Authorization: Token s3cr3t-value",
        "{'Authorization': 'Token s3cr3t-value'}",
        "sasl.password=s3cr3t-value",
        '{"sasl.password": "s3cr3t-value"}',
        "https://user:s3cr3t-value@example.com/x",
        "PASSWORD=s3cr3t-value",
    ],
)
def test_what_looks_like_a_credential_is_masked_even_if_unknown(text: str) -> None:
    masked = Mask()(text)
    assert "s3cr3t" not in masked
    assert MASK in masked


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    mask = Mask(["Zm9vYmFy", "Zm9vYmFyLonger"])
    assert mask("told Zm9vYmFyLonger and Zm9vYmFy!") == f"told {MASK} and {MASK}!"


def test_a_rotated_secret_is_masked_like_the_old_one() -> None:
    mask = Mask(["old-token"])
    mask.add("new-token")
    assert mask("old-token new-token") == f"{MASK} {MASK}"


def test_a_secret_of_a_letter_does_not_mask_the_alphabet() -> None:
    assert Mask(["a", ""])("a halted connector") == "a halted connector"


def test_a_short_secret_is_masked_where_it_is_a_word_of_its_own() -> None:
    mask = Mask(["tion", "tok-1"])
    assert mask("connection error: tion, tok-1; 'tion' utok-12") == (
        f"connection error: {MASK}, {MASK}; '{MASK}' utok-12"
    )


def test_ordinary_words_about_credentials_stay() -> None:
    text = "check pushwoosh.token (or the file that pushwoosh.token_file names): unauthorized"
    assert Mask()(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("bad item user.name+x@mail.example.com refused", "bad item <email> refused"),
        ("hwid whatsapp:+491701234567 unknown", "hwid whatsapp:<phone> unknown"),
        ("device 8f14e45f-ceea-467f-9575-3d4a5b6c7d8e failed", "device 8f14e45f… failed"),
        ("token 5d41402abc4b2a76b9719d911017c592 failed", "token 5d41402a… failed"),
        ('{"request_id": "job-17-41ca5b0456", "n": 1} x', '{"request_id": job-17-4…, "n": 1} x'),
        ("{'request_id':1234567890123}", "{'request_id':123456…}"),
        (
            '[{"hwid":"D1418","user_id" : "u, \'7}", "push_token": 5',
            '[{"hwid":<hidden>,"user_id" : <hidden>, "push_token": <hidden>',
        ),
        ('{"hwid": ["A1", "B\\"2"], "n": 1}', '{"hwid": <hidden>, "n": 1}'),
        ('"{\\"hwid\\": \\"A, 1\\", \\"n\\": 1}"', '"{\\"hwid\\": <hidden>, \\"n\\": 1}"'),
        ('{"user_id": "cut off in the mid', '{"user_id": <hidden>'),
    ],
)
def test_addresses_numbers_and_long_ids_in_free_text_are_hidden(text: str, hidden: str) -> None:
    assert anonymous(text) == hidden


@pytest.mark.parametrize(
    "text",
    ["topic-1/3/1284000", "503 Service Unavailable", "2026-11-24T00:17:00+00:00", "kafka-0.kafka:9092"],
)
def test_figures_times_and_hosts_stay(text: str) -> None:
    assert anonymous(text) == text


def test_fields_that_name_a_device_are_hidden_and_counts_stay() -> None:
    fields = {
        "hwid": "A1",
        "tags": {"plan": "pro"},
        "devices": 1000,
        "request_id": "0123456789ab",
        "topic": "t",
    }
    assert without_devices(fields) == {
        "hwid": "<hidden>",
        "tags": "<hidden>",
        "devices": 1000,
        "request_id": "012345…",
        "topic": "t",
    }


def test_strings_are_changed_at_every_depth() -> None:
    value = {"k": [{"x": ("a", 1, None, True, 1.5)}], "e": ValueError("a")}
    assert deep(value, str.upper) == {"K": [{"X": ["A", 1, None, True, 1.5]}], "E": "A"}
