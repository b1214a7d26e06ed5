"""What a letter looks like on a terminal, whatever its record is made of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connector.replay import showing
from tests.unit.replay.letters import letter


def shown(value: bytes, capsys: pytest.CaptureFixture[str]) -> str:
    showing.show_letter(letter(value=value), None, copies=1, replayed=False)
    return capsys.readouterr().out.partition("value\n")[2].split("\nvalue\n")[-1].strip()


def test_a_lone_surrogate_is_shown_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(b'{"hwid": "\\ud800"}', capsys) == '{"hwid": "\\ud800"}'


def test_what_a_terminal_would_obey_is_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    value = '{"a": "\x85\x9b31m\u202egnp.exe\x7f"}'.encode()

    assert shown(value, capsys) == '{\n  "a": "\\x85\\x9b31m\\u202egnp.exe\\x7f"\n}'


def test_duplicate_keys_and_big_numbers_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    value = b'{"n":1,"n":1e400,"m":123456789012345678901234567890,"k":1.10}'

    lines = ["{", '  "n": 1,', '  "n": 1e400,', '  "m": 123456789012345678901234567890,', '  "k": 1.10', "}"]
    assert shown(value, capsys) == "\n".join(lines)


@pytest.mark.parametrize("value", [b"\xff", b'{"a": "\xff"}', b"[" * 100_000, b"not JSON"])
def test_what_is_no_json_is_shown_as_text(value: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(value, capsys) == showing.as_text(value)


def test_json_is_harmless_to_a_terminal_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    content = {"name\x9b": "\x85 \u202e \x7f \x1b \udc80 \U000e0001 é 日本"}

    showing.show_json(content)

    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    assert "é 日本" in said
    assert json.loads(said) == content


def test_in_a_pipe_a_row_is_a_line_however_long_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = replace(letter(), detail="why " * 100 + "END")

    showing.show_letter(found, None, copies=1, replayed=False)

    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("why")]
    assert line.rstrip().endswith("why END")
