"""What the command line of `dead-letters` says before any broker is asked, and when it is interrupted."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.replay import commands, running
from tests.settings import ENOUGH


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dead-letters", *arguments], env=dict(ENOUGH))


@pytest.mark.parametrize("command", [["list"], ["show", "users/0/0"], ["replay"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_command_that_is_interrupted_says_so_and_exits_1(
    command: list[str], number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: Any, **_options: Any) -> int:
        os.kill(os.getpid(), number)
        return 0

    monkeypatch.setattr(commands, "list_letters", interrupted)
    monkeypatch.setattr(commands, "show_letter", interrupted)
    monkeypatch.setattr(running, "replay_letters", interrupted)

    result = run(*command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "interrupted: run the same command again\n"
