"""What a terminal would obey is written as an escape."""

from __future__ import annotations

import pytest

from connector.terminal import harmless


@pytest.mark.parametrize("text", ["", "plain", "é 日本", "two\nlines"])
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("character", "escape"),
    [("\x1b", "\\x1b"), ("\r", "\\r"), ("\x85", "\\x85"), ("\u202e", "\\u202e"), ("\ud800", "\\ud800")],
)
def test_all_else_is_an_escape(character: str, escape: str) -> None:
    assert harmless(f"a\n{character}b") == f"a\n{escape}b"
