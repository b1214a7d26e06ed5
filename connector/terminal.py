"""Text from elsewhere, made harmless to a terminal. A leaf: whoever shows what a record holds needs it."""

from __future__ import annotations

from collections.abc import Callable


def harmless(text: str) -> str:
    """Write what isn't printable as an escape."""
    return escaped(text, lambda c: c.encode("unicode_escape").decode())


def escaped(text: str, escape: Callable[[str], str]) -> str:
    """Replace what isn't printable, but for line ends: controls, bidi overrides, lone surrogates."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else escape(c) for c in text)
