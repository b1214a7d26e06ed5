"""The API tokens, one for each application: given once, or read again from a file whenever that changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from connector.settings import Application, Pushwoosh, Settings
from connector.settings.fields import text_in, token_in
from connector.values import MASK


class Token:
    """A secret as it is now: an API's token, mostly. `repr` and `str` never show it.

    A file is looked at on every call and read when its modification time, size or inode is new: an
    orchestrator that swaps a symbolic link changes the inode. While the file is missing, or `read` finds no
    token in it, the last good value stays.
    """

    def __init__(
        self, value: str = "", file: Path | None = None, read: Callable[[Path], str] = text_in
    ) -> None:
        """Take a fixed value, or a file; of a file, `value` is what holds until it can be read."""
        self.trouble = ""
        """Why the file gives no token now; empty while it does."""
        self._value = value
        self._file = file
        self._read = read
        self._seen: tuple[int, int, int] | None = None
        self._version = 0
        self.refresh()

    @classmethod
    def of(cls, settings: Pushwoosh | Application) -> Token:
        """Make the token that the settings name."""
        given = settings.token.get_secret_value() if settings.token else ""
        return cls(given, settings.token_file, token_in)

    def current(self) -> str:
        """Return the token to send now."""
        self.refresh()
        return self._value

    @property
    def version(self) -> int:
        """How often the token was seen to change: a caller that remembers it notices a rotation."""
        return self._version

    def refresh(self) -> bool:
        """Look at the file; True where it holds another token than before."""
        if self._file is None:
            return False
        try:
            about = os.stat(self._file)  # noqa: PTH116 - on every request; 1 us, half of what Path.stat takes
            seen = (about.st_mtime_ns, about.st_size, about.st_ino)
            text = self._value if seen == self._seen else self._read(self._file)
        except OSError as error:
            self.trouble = f"it cannot be read: {error.strerror}"
            return False
        except ValueError as error:  # it may be being written: not remembered, so it is read again next time
            self.trouble = str(error)
            return False
        self.trouble = ""
        self._seen = seen
        changed = text != self._value
        self._value = text
        self._version += changed
        return changed

    def __repr__(self) -> str:
        return f"Token({MASK})"


class Credentials:
    """Every application that is configured, with its token. The default one is empty, as in events.

    `others` are the tokens of the others by their codes.
    """

    def __init__(self, token: Token, others: Mapping[str, Token] | None = None) -> None:
        self._tokens = {"": token, **(others or {})}
        self._versions = {application: each.version for application, each in self._tokens.items()}
        self._in_trouble: set[str] = set()

    @classmethod
    def of(cls, settings: Settings) -> Credentials:
        """Take the applications that the settings name."""
        others = {code: Token.of(each) for code, each in settings.applications.items()}
        return cls(Token.of(settings.pushwoosh), others)

    def __iter__(self) -> Iterator[str]:
        """Go through the applications, the default one first."""
        return iter(self._tokens)

    def token(self, application: str) -> str | None:
        """Return the token to send now; None for an application that isn't configured (any more)."""
        token = self._tokens.get(application)
        return None if token is None else token.current()

    def tokens(self) -> list[str]:
        """Return every token as it is now: secrets, all of them."""
        return [token.current() for token in self._tokens.values()]

    def changed(self) -> list[str]:
        """Look at the files; return the applications whose token is another one since the last call."""
        news: list[str] = []
        for application, token in self._tokens.items():
            token.refresh()
            if token.version != self._versions[application]:
                self._versions[application] = token.version
                news.append(application)
        return news

    def changed_troubles(self) -> dict[str, str]:
        """Return the applications whose token's file got into trouble since the last call, or out of it.

        The text is `Token.trouble`, as the last look at the files has found it.
        """
        news: dict[str, str] = {}
        for application, token in self._tokens.items():
            if bool(token.trouble) != (application in self._in_trouble):
                self._in_trouble ^= {application}
                news[application] = token.trouble
        return news

    def __repr__(self) -> str:
        return f"Credentials({[*self]})"


def authorizations(settings: Settings) -> dict[str, str]:
    """Return the `Authorization` header of each application that has one of its own, by code."""
    headers = {code: each.authorization_header for code, each in settings.applications.items()}
    return {code: header.get_secret_value() for code, header in headers.items() if header is not None}
