"""What is said about a halt: what to do, in the words of whoever halted, or by its cause."""

from __future__ import annotations

import pytest

from connector.core.holding_back.halts import Halt
from connector.model import Cause
from connector.ops.mends import MENDS, mend_for, mend_of


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (Cause.BRAKE, "send SIGHUP"),
        (Cause.PAUSED, "POST /resume"),
        (Cause.DATA_LOSS, "see the message"),
    ],
)
def test_what_stops_all_says_what_to_do_or_that_only_its_message_does(cause: Cause, says: str) -> None:
    assert says in mend_of(cause)


@pytest.mark.parametrize(
    ("application", "cause", "setting"),
    [
        ("", Cause.UNAUTHORIZED, "pushwoosh.token"),
        ("", Cause.UNKNOWN_APPLICATION, "pushwoosh.application"),
        ("", Cause.WRONG_URL, "pushwoosh.url"),
        ("BBBBB", Cause.UNAUTHORIZED, "[applications.BBBBB]"),
        ("BBBBB", Cause.UNKNOWN_APPLICATION, "[applications.BBBBB]"),
        ("BBBBB", Cause.WRONG_URL, "pushwoosh.url"),
    ],
)
def test_a_halt_names_the_settings_of_its_own_application(
    application: str, cause: Cause, setting: str
) -> None:
    assert setting in mend_for(Halt(cause, "no", 0.0, application=application))


def test_what_whoever_halts_says_to_do_counts_more_than_what_the_cause_says() -> None:
    assert mend_for(Halt(Cause.DATA_LOSS, "gone", 0.0, mend="raise the retention")) == "raise the retention"


def test_every_cause_has_its_words_but_the_one_that_brings_them() -> None:
    assert {*Cause} - {*MENDS} == {Cause.DATA_LOSS}
