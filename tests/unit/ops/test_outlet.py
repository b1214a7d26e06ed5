from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Thread
from typing import TextIO

import pytest
import structlog

from connector.ops.log import configure
from connector.ops.outlet import WAITING, Outlet


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


class Pipe:
    """A pipe whose reader is there, and reads when it is told to."""

    def __init__(self) -> None:
        reads, writes = os.pipe()
        self.reads, self.writes = os.fdopen(reads), os.fdopen(writes, "w")
        self._read: list[str] = []
        self._reader = Thread(target=lambda: self._read.extend(self.reads), daemon=True)

    def read(self) -> None:
        self._reader.start()

    def content(self) -> list[str]:
        """Return all lines that were read, once no more can come."""
        self.writes.close()
        self._reader.join(20)
        return self._read

    def close(self) -> None:
        self.writes.close()
        self.reads.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def begun(out: TextIO) -> Outlet:
    outlet = Outlet(out)
    outlet.begin()
    return outlet


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_costs_the_lines_that_there_is_no_room_for(
    pipe: Pipe,
) -> None:
    outlet, written = begun(pipe.writes), [f"{number:0100}\n" for number in range(2 * WAITING)]
    for line in written:
        outlet.write(line)
    lost = outlet.taken_lost()
    pipe.read()
    outlet.end(limit=20)
    kept = pipe.content()
    assert lost >= WAITING // 2
    assert len(kept) == len(written) - lost
    assert kept == sorted(kept)
    assert kept[:WAITING] == written[:WAITING]


def test_the_end_waits_for_the_last_line_where_it_is_read(pipe: Pipe) -> None:
    outlet = begun(pipe.writes)
    pipe.read()
    for number in range(1000):
        outlet.write(f"{number}\n")
    outlet.end(limit=20)
    outlet.write("after the end\n")
    assert pipe.content() == [*(f"{number}\n" for number in range(1000)), "after the end\n"]
    assert outlet.taken_lost() == 0


def test_a_line_by_itself_is_written_without_an_end(pipe: Pipe) -> None:
    outlet = begun(pipe.writes)
    for text in ("one\n", "two\n"):
        outlet.write(text)
        assert pipe.reads.readline() == text
    outlet.end()


def test_a_pipe_that_nobody_reads_does_not_hold_up_the_end_nor_what_is_written_after_it(pipe: Pipe) -> None:
    outlet = begun(pipe.writes)
    for _ in range(WAITING):
        outlet.write("x" * 100 + "\n")
    began = time.monotonic()
    outlet.end(limit=0.1)
    for _ in range(2000):
        outlet.write("x" * 100 + "\n")
        pipe.writes.write("a line of a traceback" * 5 + "\n")
        pipe.writes.flush()
    outlet.end()
    assert time.monotonic() - began < 10
    assert outlet.taken_lost() == 2000


def test_lines_that_a_thread_cannot_write_are_lost_and_counted_too(pipe: Pipe) -> None:
    pipe.reads.close()
    outlet = begun(pipe.writes)
    for _ in range(300):
        outlet.write("a line\n")
    outlet.end(limit=20)
    assert outlet.taken_lost() == 300


def test_a_stream_without_a_descriptor_needs_no_thread() -> None:
    out = io.StringIO()
    outlet = begun(out)
    outlet.write("a line\n")
    assert out.getvalue() == "a line\n"
    outlet.end()


def test_a_forked_child_writes_its_own_lines_and_no_other() -> None:
    code = (
        "import os, sys; from connector.ops.outlet import Outlet\n"
        "outlet = Outlet(sys.stdout); outlet.begin(); outlet.write('parent\\n')\n"
        "child = os.fork()\n"
        "if not child: outlet.write('child\\n'); outlet.end(); os._exit(0)\n"
        "os.waitpid(child, 0); outlet.end()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert sorted(done.stdout.splitlines()) == ["child", "parent"]
