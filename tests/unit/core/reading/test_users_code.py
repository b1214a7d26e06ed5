"""What may be said of an error that a user's code has raised."""

from __future__ import annotations

import asyncio

import pytest

from connector.core.reading.users_code import FAULTS_OF_USERS, words_of


class Speechless(Exception):  # noqa: N818 -- what it is
    """One that can't be asked."""

    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("error", "words"), [(ValueError("no plan"), "no plan"), (SystemExit(3), "3"), (Speechless(), "")]
)
def test_an_error_is_quoted_unless_it_is_an_error_to_ask(error: BaseException, words: str) -> None:
    assert isinstance(error, FAULTS_OF_USERS)
    assert words_of(error) == words


@pytest.mark.parametrize("about_us", [KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_interrupt_and_a_cancellation_are_no_faults_of_theirs(about_us: BaseException) -> None:
    assert not isinstance(about_us, FAULTS_OF_USERS)
