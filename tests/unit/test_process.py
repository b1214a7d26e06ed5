"""What signals do to a process that is the connector's own."""

from __future__ import annotations

import asyncio
import os
import signal

import uvloop

from connector.process import OwnProcess
from tests.unit.fakes import until
from tests.unit.running_process import process_as_it_was


def test_signals_reach_the_loop_while_it_runs_and_do_nothing_once_it_is_closed() -> None:
    told: list[str] = []

    async def run() -> None:
        process = OwnProcess()
        process.take_over(lambda: told.append("stop"), lambda: told.append("release"))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: told == ["release"])
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: told == ["release", "stop"])
        process.finish()

    with process_as_it_was():
        for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
            told.clear()
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(run())
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            assert told == ["release", "stop"]
