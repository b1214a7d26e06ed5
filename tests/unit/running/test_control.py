"""Who may pause, by the settings, and what it does to the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from connector.core.engine import Engine
from connector.ops.privacy import Mask
from connector.pulse import Clock, Pulse
from connector.running.control import Control
from connector.values import MASK
from tests.settings import ENOUGH, mistakes, with_environment
from tests.unit.core.builders import limits

TOKEN = "swordfish-swordfish"


def pulse() -> Pulse:
    return Pulse(Engine(limits(), lambda: 0.5), Clock())


def control(mask: Mask | None = None, of: Pulse | None = None, **settings: str) -> Control | None:
    admin = with_environment(**settings).admin
    return Control.of(admin, of or pulse(), mask or Mask(), structlog.get_logger())


def test_without_a_token_there_is_no_control() -> None:
    assert control() is None


@pytest.mark.parametrize("given", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "sw\xf6rdfish"])
def test_only_the_whole_token_will_do(given: str) -> None:
    made = control(CONNECTOR_ADMIN_CONTROL_TOKEN=TOKEN)
    assert made is not None
    assert not made.allows(given)
    assert made.allows(TOKEN)


def test_a_file_is_read_again_when_it_changes_and_both_tokens_are_masked(tmp_path: Path) -> None:
    file = tmp_path / "control"
    file.write_text(TOKEN + "\n")
    mask = Mask()
    made = control(mask, CONNECTOR_ADMIN_CONTROL_TOKEN_FILE=str(file))
    assert made is not None
    assert made.allows(TOKEN)
    file.write_text("another-swordfish-altogether\n")
    assert made.allows("another-swordfish-altogether")
    assert not made.allows(TOKEN)
    assert mask(f"{TOKEN} another-swordfish-altogether") == f"{MASK} {MASK}"


async def test_a_command_holds_at_once_wakes_the_planner_and_is_told_once() -> None:
    of = pulse()
    made = control(of=of, CONNECTOR_ADMIN_CONTROL_TOKEN=TOKEN)
    assert made is not None
    assert made.pause("10.0.0.3")
    async with asyncio.timeout(5):
        await of.wait(60.0)
    assert not made.pause("10.0.0.4")
    may_submit = [of.engine.components.orders.may_submit]
    assert made.resume("10.0.0.5")
    assert not made.resume("10.0.0.5")
    may_submit.append(of.engine.components.orders.may_submit)
    assert may_submit == [False, True]
    assert [(notice.text, notice.fields["by"]) for notice in of.engine.notices] == [
        ("paused", "10.0.0.3"),
        ("going on", "10.0.0.5"),
    ]


def test_a_refused_command_is_told_with_its_address() -> None:
    made = control(CONNECTOR_ADMIN_CONTROL_TOKEN=TOKEN)
    assert made is not None
    with capture_logs() as lines:
        made.refused("pause", "10.0.0.9")
    assert [(line["log_level"], line["command"], line["by"]) for line in lines] == [
        ("warning", "pause", "10.0.0.9")
    ]


def test_the_token_is_not_shown_among_the_settings() -> None:
    shown = with_environment(CONNECTOR_ADMIN_CONTROL_TOKEN=TOKEN).masked()
    assert shown["admin"]["control_token"] == MASK
    assert TOKEN not in str(shown)


def test_a_token_that_is_easy_to_guess_is_refused_wherever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "control"
    file.write_text("short\n")
    found = mistakes(
        {
            **ENOUGH,
            "CONNECTOR_ADMIN_CONTROL_TOKEN": "fifteen-letters",
            "CONNECTOR_ADMIN_CONTROL_TOKEN_FILE": str(file),
        }
    )
    for name in ("admin.control_token", "admin.control_token_file"):
        assert "openssl rand -hex 32" in found[name]
        assert "16 characters or more" in found[name]
    assert "fifteen-letters" not in "".join(found.values())


def test_a_token_and_a_file_of_it_contradict_each_other(tmp_path: Path) -> None:
    file = tmp_path / "control"
    file.write_text(TOKEN)
    given = {"CONNECTOR_ADMIN_CONTROL_TOKEN": TOKEN, "CONNECTOR_ADMIN_CONTROL_TOKEN_FILE": str(file)}
    assert "only one of the two" in "".join(mistakes({**ENOUGH, **given}).values())
