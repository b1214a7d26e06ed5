"""`dead-letters` where what it prints can't be written, over a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.replay.world import World
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full"),
]

SENTENCE = "the output can't be written: No space left on device"


def onto_a_full_disk(world: World, *arguments: str) -> tuple[int, str]:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "connector", "dead-letters", *arguments],
            env={**os.environ, **world.environ},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    return done.returncode, done.stderr


def test_a_full_disk_is_a_sentence_and_what_was_sent_is_remembered(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")
    for command in (["list"], ["list", "--json"], ["show", name]):
        assert onto_a_full_disk(world, *command) == (1, f"{SENTENCE}\n")
    remembered = f"{SENTENCE}; what was sent is remembered: run the same command again to go on\n"
    assert onto_a_full_disk(world, "replay", "--yes", "--json") == (1, remembered)
    assert len(world.replayed()) == 1
    assert world.run("replay", "--yes").code == 0
    assert len(world.replayed()) == 1
