from __future__ import annotations

import errno
import io

import pytest
import structlog

from connector.ops.log import configure
from connector.ops.outlet import Outlet


class FullDisk(io.StringIO):
    """Takes lines while there is room."""

    room = False

    def write(self, text: str) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.ops.log._take_over_stdlib", lambda _: None)


@pytest.mark.parametrize("form", ["json", "console"])
def test_lines_are_lost_and_counted_while_there_is_no_room(form: str) -> None:
    before, disk = structlog.get_config(), FullDisk()
    outlet = Outlet(disk)
    configure("info", form, outlet=outlet)
    log = structlog.get_logger()
    log.info("one")
    log.info("two")
    disk.room = True
    log.info("three")
    structlog.configure(**before)
    assert (outlet.taken_lost(), outlet.taken_lost()) == (2, 0)
    assert "three" in disk.getvalue()
    assert "two" not in disk.getvalue()


def test_a_process_without_standard_error_loses_every_line() -> None:
    outlet = Outlet(None)
    outlet.write("a line\n")
    outlet.flush()
    assert outlet.taken_lost() == 1
    assert not outlet.isatty()


def test_a_line_that_the_buffer_would_keep_back_is_written_at_once() -> None:
    raw = io.BytesIO()
    outlet = Outlet(io.TextIOWrapper(raw, write_through=False))
    outlet.write("a line\n")
    assert raw.getvalue() == b"a line\n"
    assert outlet.taken_lost() == 0
