"""How hard tests with drawn input try: a fifth by default, all of it with `--hypothesis-profile=full`."""

from __future__ import annotations

from hypothesis import settings

_FULL = 100
"""Examples of a test that names no number, in full: hypothesis's own default."""


def register() -> None:
    """Make the two profiles and take the quick one; pytest's option is read later and wins."""
    settings.register_profile("full", deadline=None, max_examples=_FULL)
    settings.register_profile("quick", deadline=None, max_examples=_FULL // 5)
    settings.load_profile("quick")


def examples(full: int) -> int:
    """Return how many examples to draw where `full` of them are all that is wanted."""
    return max(1, full * settings().max_examples // _FULL)


def in_full() -> bool:
    """Whether everything is wanted."""
    return settings().max_examples >= _FULL
