"""Log lines: their form, and what is never in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from connector.core.notices import HALTED
from connector.model import Letter, Reason, Rejection
from connector.ops.log import _ENDS, _Repeats, configure, in_a_program, name_devices, summary
from connector.ops.outlet import Outlet
from connector.ops.throttle import Throttle
from connector.values import MASK
from tests.unit.core.builders import record
from tests.unit.ops.provider import busy

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(out: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_level_and_utc_time(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(out))
    structlog.get_logger().info("started", topics=["a", "b"], partitions=3)
    (line,) = lines()
    when = datetime.fromisoformat(line.pop("timestamp"))
    assert when.tzinfo == UTC
    assert line == {"event": "started", "level": "info", "topics": ["a", "b"], "partitions": 3}


def test_console_lines_are_text_without_colours_where_there_is_no_terminal(out: io.StringIO) -> None:
    configure("info", "console", outlet=Outlet(out))
    structlog.get_logger().info("started", partitions=3)
    assert "started" in out.getvalue()
    assert "partitions=3" in out.getvalue()
    assert "\x1b[" not in out.getvalue()


def test_less_important_lines_are_not_written(out: io.StringIO, lines: Lines) -> None:
    configure("warning", "json", outlet=Outlet(out))
    structlog.get_logger().info("chatter")
    logging.getLogger("some.library").info("chatter")
    structlog.get_logger().warning("trouble")
    assert [line["event"] for line in lines()] == ["trouble"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_written_in_any_way(out: io.StringIO, form: str) -> None:
    mask = configure("debug", form, ["tok-tok-tok"], outlet=Outlet(out))
    mask.add("rotated-token")
    log = structlog.get_logger()
    log.info("sent tok-tok-tok", body={"auth": ["tok-tok-tok"]}, url="https://x/?auth=unknown-one")
    log.debug("headers", headers={"Authorization": "tok-tok-tok"}, now="rotated-token")
    logging.getLogger("library").error("failed with %s", "tok-tok-tok")
    try:
        int("tok-tok-tok")
    except ValueError:
        log.exception("broken")
    text = out.getvalue()
    assert "tok-tok-tok" not in text
    assert "rotated-token" not in text
    assert "unknown-one" not in text
    assert f"failed with {MASK}" in text
    assert f"invalid literal for int() with base 10: '{MASK}'" in text


@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_dead_letter_has_a_line_with_its_device_at_debug_only(
    out: io.StringIO, lines: Lines, level: str
) -> None:
    configure(level, "json", outlet=Outlet(out))
    why = Rejection(Reason.DEVICE_FAILED, "failed: no reason was given")
    unread = Rejection(Reason.UNDECODABLE, "Not JSON")
    letters = [Letter(record(7), why, 1, hwid="jo@example.com", push_token="t-1"), Letter(record(8), unread)]
    name_devices(structlog.get_logger(), letters)
    told = [{name: line[name] for name in line if name not in ("timestamp", "level")} for line in lines()]
    assert told == (
        []
        if level == "info"
        else [
            {
                "event": "dead letter",
                "id": "events/0/7",
                "reason": "device_failed",
                "detail": "failed: no reason was given",
                "hwid": "jo@example.com",
                "push_token": "t-1",
            },
            {"event": "dead letter", "id": "events/0/8", "reason": "undecodable", "detail": "Not JSON"},
        ]
    )


def test_devices_are_named_in_debug_lines_only(out: io.StringIO, lines: Lines) -> None:
    configure("debug", "json", outlet=Outlet(out))
    log = structlog.get_logger()
    log.warning("refused", hwid="A1", detail="no device jo@example.com", request_id="0123456789abcdef")
    log.debug("refused", hwid="A1")
    one, other = lines()
    assert one["hwid"] == "<hidden>"
    assert one["detail"] == "no device <email>"
    assert one["request_id"] == "01234567…"
    assert other["hwid"] == "A1"


def test_repeated_troubles_make_one_line_then_one_with_a_count(out: io.StringIO, lines: Lines) -> None:
    now = 0.0
    configure("info", "json", outlet=Outlet(out), clock=lambda: now)
    log = structlog.get_logger()
    for _ in range(5):
        log.warning("API unavailable", cause="server_error", attempt=_)
        log.info("not a trouble")
    log.warning("API unavailable", cause="no_reply")
    now = 10.0
    log.warning("API unavailable", cause="server_error")
    troubles = [(line["cause"], line.get("repeated")) for line in lines() if line["level"] == "warning"]
    assert troubles == [("server_error", None), ("no_reply", None), ("server_error", 4)]
    assert len([line for line in lines() if line["level"] == "info"]) == 5


def test_each_loss_of_records_is_told_though_one_of_that_partition_was_just_before(
    out: io.StringIO, lines: Lines
) -> None:
    configure("info", "json", outlet=Outlet(out))
    log = structlog.get_logger()
    for gone in (3, 3, 8):
        log.error("kafka", code="data_loss", subject="t/0", message=f"{gone} records are gone")
    assert [line["message"] for line in lines()] == ["3 records are gone", "8 records are gone"]


@pytest.mark.parametrize(("end", "trouble"), _ENDS.items())
def test_a_trouble_that_comes_back_after_its_end_is_told_again(
    end: str, trouble: str, out: io.StringIO, lines: Lines
) -> None:
    configure("info", "json", outlet=Outlet(out))
    log = structlog.get_logger()
    for _ in range(2):
        log.error(trouble, cause="the same")
        log.error(trouble, cause="the same")
        log.info(end)
    assert [line["event"] for line in lines()] == [trouble, end] * 2


def test_a_second_application_that_halts_for_the_same_cause_is_told_too(
    out: io.StringIO, lines: Lines
) -> None:
    configure("info", "json", outlet=Outlet(out))
    log = structlog.get_logger()
    for application in ("AAAAA-AAAAA", "BBBBB-BBBBB", "AAAAA-AAAAA"):
        log.error(HALTED, cause="unauthorized", application=application)
    assert [line["application"] for line in lines()] == ["AAAAA-AAAAA", "BBBBB-BBBBB"]


def test_numbers_in_a_librarys_text_do_not_make_it_another_trouble(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(out))
    for port in range(50):
        logging.getLogger("kafka").error("connect to 127.0.0.1:%d failed after %dms", 30000 + port, port)
    (line,) = lines()
    assert line["logger"] == "kafka"


def test_a_level_that_a_library_invented_counts_as_the_one_below(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(out))
    logging.getLogger("library").log(25, "a notice")
    assert [(line["event"], line["level"]) for line in lines()] == [("a notice", "info")]


def test_inside_a_program_a_library_s_lines_that_repeat_are_held_back_and_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("connector.ops.log._repeats", _Repeats(Throttle(lambda: now)))
    for _ in range(2):
        in_a_program("info", libraries=["some.library"])
    library = logging.getLogger("some.library")
    with caplog.at_level(logging.INFO):
        for port in range(50):
            library.error("connect to port %d failed", port)
        library.error("something else")
        now = 11.0
        library.error("connect to port %d failed", 7)
    assert caplog.messages == [
        "connect to port 0 failed",
        "something else",
        "connect to port 7 failed repeated=49",
    ]
    library.filters.clear()


def test_the_http_clients_own_line_for_each_request_is_never_written(out: io.StringIO) -> None:
    """It has the request_id in its URL: the credential of the job."""
    configure("debug", "json", outlet=Outlet(out))
    for name in ("httpx", "httpcore.http11", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).info("HTTP Request: GET https://x/bulkSetTags/request-id")
    assert out.getvalue() == ""


def test_to_configure_twice_does_not_write_twice(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(io.StringIO()))
    configure("info", "json", outlet=Outlet(out))
    logging.getLogger("library").error("once")
    assert len(lines()) == 1


def test_the_summary_says_how_it_goes_in_one_line(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(out))
    status = busy()
    summary(structlog.get_logger(), status)
    (line,) = lines()
    assert line["event"] == "summary"
    assert line["state"] == "running"
    assert line["events_per_second"] == 8098.1
    assert line["backlog"] == sum(each.backlog or 0 for each in status.partitions)
    assert line["jobs_in_flight"] == 8
    assert line["oldest_unsettled_seconds"] == 4.8


def test_a_summary_without_partitions_is_no_fault(out: io.StringIO, lines: Lines) -> None:
    configure("info", "json", outlet=Outlet(out))
    status = busy()
    status.partitions = []
    summary(structlog.get_logger(), status)
    (line,) = lines()
    assert (line["backlog"], line["oldest_unsettled_seconds"]) == (0, 0.0)
