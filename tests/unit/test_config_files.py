"""Files that can't be read as what they should be: each is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config import load
from tests.settings import ENOUGH, mistakes


def test_token_and_token_file_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush\n")
    both = {**ENOUGH, "CONNECTOR_PUSHWOOSH_TOKEN_FILE": str(tmp_path / "token")}

    assert list(mistakes(both)) == ["pushwoosh.token"]
    assert load(None, {**both, "CONNECTOR_PUSHWOOSH_TOKEN": ""}).pushwoosh.token_file == tmp_path / "token"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\n", "the file is empty"),
        (b"hush-one\nhush-two\n", "there are 2 lines in it: a token is one"),
        (b"\xff\xfeh\x00u\x00", "what is in it is no text: it is not UTF-8"),
        ("höchst".encode(), "there are characters in it that no token has"),
        (None, "it cannot be read: No such file or directory"),
    ],
)
def test_a_file_without_a_token_is_a_mistake_that_says_what_is_there(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    environ = {
        **ENOUGH,
        "CONNECTOR_PUSHWOOSH_TOKEN": "",
        "CONNECTOR_PUSHWOOSH_TOKEN_FILE": str(tmp_path / "token"),
    }

    told = mistakes(environ)["pushwoosh.token_file"]
    assert says in told
    assert "hush" not in told


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a = [", "is not TOML"), (b"a = '\xff'", "is not UTF-8"), (b"[kafka]\n[kafka]\n", "is not TOML")],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "connector.toml"
    file.write_bytes(content)

    assert f"{file} {says}" in mistakes(ENOUGH, file)[""]


def test_a_file_that_is_not_there_or_a_directory_is_named(tmp_path: Path) -> None:
    assert "No such file" in mistakes(ENOUGH, tmp_path / "none.toml")[""]
    assert "Is a directory" in mistakes(ENOUGH, tmp_path)[""]


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a patch, because root may read every file."""

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "Permission denied" in mistakes(ENOUGH, tmp_path / "connector.toml")[""]
