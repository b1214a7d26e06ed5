"""Properties for librdkafka's clients: our defaults, the user's above them."""

from __future__ import annotations

import pytest

from connector.kafka.clients.properties import producer_properties


def test_letters_are_compressed_as_well_as_can_be() -> None:
    assert producer_properties({}, "id")["compression.type"] == "zstd"


@pytest.mark.parametrize("name", ["compression.type", "compression.codec"])
def test_how_letters_are_compressed_is_the_users_to_say_by_either_name(name: str) -> None:
    chosen = producer_properties({name: "lz4"}, "id")
    assert {key: value for key, value in chosen.items() if key.startswith("compression")} == {name: "lz4"}
