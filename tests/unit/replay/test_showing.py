"""What a letter looks like on a terminal, whatever its record is made of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connector.replay import showing
from connector.replay.counts import Counts
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


def test_no_row_is_as_wide_as_the_largest_key_or_header_of_a_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    huge = letter(key=b"k" * 100_000, headers=[("h", b"v" * 100_000), ("n" * 100_000, b"")])

    showing.show_letter(huge, None, copies=1, replayed=False)

    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) < 2500
    assert "k" * 900 in said
    assert "… (100,000 characters; --json has all)" in said
    plain = showing.letter_plain(huge, None, copies=1, replayed=False)
    assert plain["key"] == "k" * 100_000


def test_no_row_of_a_list_is_as_wide_as_the_largest_device(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts(2)
    counts.add(replace(letter(), reason="r" * 100_000), "d" * 100_000, "", replayed=False)
    counts.add(letter(1, 11), "device-1", "", replayed=False)

    showing.show_counts(counts, "dead")

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 2500
    assert f"   {'d' * 119}…   " in next(line for line in lines if "d" * 100 in line)
    assert counts.plain()["newest"][1]["device"] == "d" * 100_000
