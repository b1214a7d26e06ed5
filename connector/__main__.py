"""`python -m connector` and the console script `pushwoosh-connector`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn, TextIO

_FAULT = 1  # `connector.options` has it too, but reads typer
_INTERRUPTED = 130


def main() -> None:
    """Run the command line. Neither Ctrl-C nor an output that can't be written makes a traceback."""
    _have_outputs()
    if sys.argv[1:2] == ["run"]:
        # Until the runner listens itself: while Python still imports, SIGTERM would be no clean stop, and as
        # process 1 of a container none at all. Nothing halts yet that SIGHUP could be for.
        signal.signal(signal.SIGTERM, _stopped_early)
        signal.signal(signal.SIGINT, _stopped_early)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        from connector.cli import app  # noqa: PLC0415 - an interrupt during the import must be caught too

        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError:
        _leave_if_unwritable(sys.stdout, probe="\n")
        _leave_if_unwritable(sys.stderr, probe="\n")
        raise
    except SystemExit:
        _leave_if_unwritable(sys.stdout)  # what a buffer has would fail after us, with a code of its own
        raise
    finally:
        if _failure_of(sys.stderr):
            _drop(sys.stderr)  # lines that are lost change no exit code


def _stopped_early(_number: int, _frame: FrameType | None) -> NoReturn:
    """Nothing is ours yet. An exception would be lost where Python imports: its callbacks swallow them."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, RuntimeError):  # the signal may have come while it was written to
            stream.flush()
    os._exit(0)


def _have_outputs() -> None:
    """Write to nowhere what was closed before the start, as Python's `print` does."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - till the end


def _leave_if_unwritable(stream: TextIO, probe: str = "") -> None:
    """End the process with a sentence where this stream takes nothing; `probe` finds out without a buffer."""
    failure = _failure_of(stream, probe)
    if failure is None:
        return
    _drop(stream)
    if not isinstance(failure, BrokenPipeError):  # `| head` has seen enough: nothing to complain about
        with contextlib.suppress(OSError):
            sys.stderr.write(f"the output can't be written: {failure.strerror}{_remembered()}\n")
    _leave()


def _leave() -> NoReturn:
    raise SystemExit(_FAULT) from None


def _failure_of(stream: TextIO, probe: str = "") -> OSError | None:
    try:
        if probe:  # even nothing at all is written, and refused
            stream.write(probe)
        stream.flush()
    except OSError as error:
        return error
    return None


def _drop(stream: TextIO) -> None:
    """Send to nowhere what the stream still has: Python flushes it once more, and would complain."""
    with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), stream.fileno())
        stream.flush()


def _remembered() -> str:
    if sys.argv[1:3] != ["dead-letters", "replay"]:
        return ""
    return "; what was sent is remembered: run the same command again to go on"


if __name__ == "__main__":
    main()
