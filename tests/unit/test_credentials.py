"""Tokens, from settings and from files that change."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from connector.credentials import Credentials, Token
from connector.settings import Pushwoosh


def token_in(file: Path, text: str) -> Token:
    file.write_text(text)
    return Token.of(Pushwoosh(application="a", token_file=file))


def test_a_given_token_never_changes() -> None:
    token = Token.of(Pushwoosh(application="a", token=SecretStr("hush")))

    assert token.current() == "hush"
    assert not token.refresh()
    assert token.version == 0


def test_a_token_is_read_without_its_newline(tmp_path: Path) -> None:
    assert token_in(tmp_path / "token", "hush\n").current() == "hush"


def test_a_byte_order_mark_is_no_part_of_the_token(tmp_path: Path) -> None:
    assert token_in(tmp_path / "token", "\ufeffhush\n").current() == "hush"


def test_a_changed_file_is_read_again_and_said_so(tmp_path: Path) -> None:
    token = token_in(tmp_path / "token", "old\n")
    before = token.version
    (tmp_path / "token").write_text("newer\n")

    assert token.refresh()
    assert not token.refresh()
    assert token.current() == "newer"
    assert token.version == before + 1


def test_a_file_written_again_with_the_same_token_is_no_change(tmp_path: Path) -> None:
    token = token_in(tmp_path / "token", "same")
    (tmp_path / "token").write_text("same\n\n")

    assert not token.refresh()


def test_a_swapped_symbolic_link_is_noticed_even_with_equal_size_and_time(tmp_path: Path) -> None:
    """As Kubernetes updates a mounted secret: token -> ..data/token, ..data -> a new folder."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name)
        os.utime(tmp_path / name / "token", (1, 1))
    (tmp_path / "..data").symlink_to("old")
    (tmp_path / "token").symlink_to("..data/token")
    token = Token(file=tmp_path / "token")
    assert token.current() == "old"

    (tmp_path / "..tmp").symlink_to("new")
    (tmp_path / "..tmp").rename(tmp_path / "..data")

    assert token.current() == "new"


def test_the_last_good_token_stays_while_the_file_is_missing_or_empty(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = token_in(file, "good")
    file.write_text("")
    assert token.current() == "good"
    file.unlink()
    assert token.current() == "good"
    file.write_bytes(b"\xff\xfe")
    assert token.current() == "good"
    file.write_text("better")

    assert token.current() == "better"


def test_why_a_file_gives_no_token_is_known_until_it_does(tmp_path: Path) -> None:
    file, aside = tmp_path / "token", tmp_path / "aside"
    token = token_in(file, "good")
    assert token.trouble == ""
    file.rename(aside)
    token.refresh()
    assert token.trouble == "it cannot be read: No such file or directory"
    file.mkdir()
    token.refresh()
    assert token.trouble == "it cannot be read: Is a directory"
    file.rmdir()
    file.write_text("two\nlines")
    token.refresh()
    assert token.trouble == "there are 2 lines in it: a token is one"
    assert token.current() == "good"
    aside.rename(file)
    assert not token.refresh()
    assert token.trouble == "", "though it is the very file that was read before"


def test_a_token_never_shows_itself(tmp_path: Path) -> None:
    token = token_in(tmp_path / "token", "hush")

    assert "hush" not in f"{token} {token!r}"


# -- several applications ----------------------------------------------------------------------------


def test_each_application_has_its_own_token_and_the_default_one_is_empty() -> None:
    found = Credentials(Token("main-token"), {"OTHER": Token("other-token")})
    assert [*found] == ["", "OTHER"]
    assert (found.token(""), found.token("OTHER")) == ("main-token", "other-token")
    assert found.token("UNKNOWN") is None
    assert found.tokens() == ["main-token", "other-token"]
    assert "token" not in repr(found)


def test_only_the_application_whose_file_changed_is_told(tmp_path: Path) -> None:
    files = {code: tmp_path / code for code in ("A", "B")}
    for code, file in files.items():
        file.write_text(f"{code}-old")
    found = Credentials(Token("x"), {code: Token(file=file) for code, file in files.items()})
    assert found.changed() == []
    files["B"].write_text("B-newer")
    assert found.changed() == ["B"]
    assert found.token("B") == "B-newer"
    assert found.changed() == []


def test_a_file_that_gets_into_trouble_or_out_of_it_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("good")
    found = Credentials(Token("x"), {"A": Token(file=file)})
    assert found.changed_troubles() == {}
    for content, told in (("", {"A": "the file is empty"}), ("good", {"A": ""})):
        file.write_text(content)
        for expected in (told, {}):
            found.changed()
            assert found.changed_troubles() == expected
