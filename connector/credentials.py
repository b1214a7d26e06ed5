"""The API token: given once, or read again from its file whenever that changes."""

from __future__ import annotations

import os
from pathlib import Path

from connector.settings import Pushwoosh
from connector.values import MASK


class Token:
    """The API token as it is now. `repr` and `str` never show it.

    A file is looked at on every call and read when its modification time, size or inode is new: an
    orchestrator that swaps a symbolic link changes the inode. While the file is missing, unreadable
    or empty, the last good value stays.
    """

    def __init__(self, value: str = "", file: Path | None = None) -> None:
        """Take a fixed value, or a file; of a file, `value` is what holds until it can be read."""
        self._value = value
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._version = 0
        self.refresh()

    @classmethod
    def of(cls, settings: Pushwoosh) -> Token:
        """Make the token that the settings name."""
        given = settings.token.get_secret_value() if settings.token else ""
        return cls(given, settings.token_file)

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
            if seen == self._seen:
                return False
            text = self._file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return False
        if not text:
            return False  # being written: not remembered, so it is read again next time
        self._seen = seen
        changed = text != self._value
        self._value = text
        self._version += changed
        return changed

    def __repr__(self) -> str:
        return f"Token({MASK})"
