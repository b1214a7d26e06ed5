"""What is said, and to whom, when the file of a token changes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, cast

import pytest

from connector.core.engine import Engine
from connector.credentials import Credentials, Token
from connector.ops.privacy import Mask
from connector.ops.watch import RecentErrors
from connector.pulse import Pulse
from connector.running.token_files import TokenFiles
from tests.unit.core.builders import limits
from tests.unit.running_process import Listening


class Watched:
    """The file of an application's token, and who looks at it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.file.write_text("first-token")
        self.log = Listening()
        self.errors = RecentErrors()
        self.mask = Mask()
        self.told: list[tuple[str, float]] = []
        engine = Engine(limits(), random.random)
        self.looking = TokenFiles(
            Pulse(engine, cast(Any, lambda: 7.0)),
            Credentials(Token(file=file)),
            lambda application: application or "MAIN",
            self.mask,
            cast(Any, self.log),
            self.errors,
        )

    def look(self, times: int = 3) -> list[tuple[str, dict[str, object]]]:
        """Look some times; return the lines since the last call."""
        self.log.lines.clear()
        for _ in range(times):
            self.looking.look()
        return [*self.log.lines]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "token")


def test_a_file_that_loses_its_token_is_one_line_and_so_is_its_return(watched: Watched) -> None:
    assert watched.look() == []
    watched.file.unlink()
    ((text, fields),) = watched.look()
    assert text == "token file without a token: the one it had before is used"
    assert fields == {
        "application": "MAIN",
        "why": "it cannot be read: No such file or directory",
        "mend": "write the API token into the file; until then the next start would fail",
    }
    watched.file.write_text("first-token")
    assert watched.look() == [("token file is good again", {"application": "MAIN"})]


def test_a_file_without_a_token_is_among_the_recent_errors(watched: Watched) -> None:
    watched.file.write_text("")
    watched.look()
    assert "MAIN: the file is empty" in watched.errors.newest_first()[0].what


def test_a_new_token_is_said_masked_and_tried(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Engine, "credentials_changed", lambda _, application, now: watched.told.append((application, now))
    )
    watched.file.write_text("second-token")
    assert watched.look() == [("token changed", {"application": "MAIN"})]
    assert watched.told == [("", 7.0)]
    assert "second-token" not in watched.mask("second-token")
