"""What the parts kept for the metrics, the log and the status: taken once, and by nobody else."""

from __future__ import annotations

import pytest

from connector.answers import Denied
from connector.core.holding_back.proofs import Where
from connector.model import Cause
from tests.unit.core.builders import NOW
from tests.unit.running_process import Listening, Process


def value(process: Process, name: str, **labels: str) -> float:
    """The value of a metric's series; 0 where there is none."""
    found = process.runner._registry.get_sample_value(f"pushwoosh_connector_{name}", labels)
    return found or 0.0


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(monkeypatch, end=0)


@pytest.fixture
def told(process: Process, monkeypatch: pytest.MonkeyPatch) -> Listening:
    listening = Listening()
    monkeypatch.setattr(process.runner._reporting, "_log", listening)
    return listening


def test_records_that_were_gone_before_they_were_read_are_counted_once(process: Process) -> None:
    process.source.records_lost["tags"] = 7
    process.runner._report()
    process.runner._report()
    assert value(process, "records_lost_total", topic="tags") == 7
    assert not process.source.records_lost


def test_unknown_platforms_are_counted_and_told_once(process: Process, told: Listening) -> None:
    (interpreter, *_) = process.runner._reporting._interpreters.values()
    interpreter._unknown_platforms.update({99: 2, 100: 1})
    process.runner._report()
    process.runner._report()
    assert value(process, "unknown_platforms_total") == 3
    assert told.lines == [("unknown platform codes, sent as they are", {"codes": [99, 100]})]


def test_failures_are_counted_by_what_failed(process: Process) -> None:
    consuming, rebalancing = process.runner._consuming, process.runner._reporting._rebalancing
    consuming.committing.failures, consuming.writing.failures, rebalancing.rebalances = 1, 2, 3
    process.runner._report()
    consuming.writing.failures = 5
    process.runner._report()
    assert value(process, "commit_failures_total") == 1
    assert value(process, "dead_letter_write_failures_total") == 5
    assert value(process, "rebalances_total") == 3


def test_what_is_more_than_news_is_shown_in_the_status_too(process: Process, told: Listening) -> None:
    notices = process.engine.notices
    notices.tell("info", "going on", after="brake")
    notices.tell("error", "halted", application="", message="the token is wrong", cause="unauthorized")
    process.runner._report()
    assert not notices
    assert [event for event, _ in told.lines] == ["going on", "halted"]
    code = process.runner._settings.pushwoosh.application
    assert told.lines[1][1]["application"] == code
    (error,) = process.runner.status().errors
    assert error.what == f"halted: {code}: the token is wrong"


def test_a_halt_is_told_with_what_to_do_about_it_by_its_cause_or_in_words_of_its_own(
    process: Process, told: Listening
) -> None:
    denied = Denied(Cause.UNAUTHORIZED, "no such token", 401)
    for application in ("", "BBBBB"):
        process.engine.components.halts.denied(application, denied, Where.POST, NOW, NOW)
    process.engine.halt(Cause.DATA_LOSS, "gone", NOW, "raise the retention")
    process.runner._report()
    default, another, loss = (fields for _, fields in told.lines)
    assert str(default["mend"]).startswith("check pushwoosh.token ")
    assert str(another["mend"]).startswith("check the token of [applications.BBBBB]")
    assert loss["mend"] == "raise the retention"
    assert [[*fields][-1] for _, fields in told.lines] == ["mend"] * 3
