"""A real headless Chromium, driven over its debugging pipe: no driver, no WebSocket, no port."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_LIMIT = 30
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and answers on 4, each message ending in a NUL.
_INTO_3_AND_4 = """
import os, sys
commands, answers = (os.dup(os.dup(int(each))) for each in sys.argv[1:3])
for there, here in ((3, commands), (4, answers)):
    os.dup2(here, there)
    os.set_inheritable(there, True)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One tab. `complaints` has every console error, exception and refused resource so far."""

    def __init__(self, reader: asyncio.StreamReader, out: int) -> None:
        self._reader = reader
        self._out = out
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._sent = 0
        self._session: dict[str, str] = {}
        self.complaints: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                return
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            else:
                self._notice(message["method"], message.get("params", {}))

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        number = self._sent = self._sent + 1
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params, **self._session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        result = await asyncio.wait_for(answer, _LIMIT)
        assert "error" not in result, f"{method}: {result['error']}"
        found: dict[str, Any] = result["result"]
        return found

    async def attach(self) -> None:
        target = await self.command("Target.createTarget", url="about:blank")
        session = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": session["sessionId"]}
        for domain in ("Runtime", "Log", "Page"):
            await self.command(f"{domain}.enable")

    async def look_like(
        self, width: int, height: int, scheme: str = "light", *, mobile: bool = False
    ) -> None:
        """Take this size (CSS pixels) and colour scheme."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        await self.command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    async def open(self, url: str) -> None:
        await self.command("Page.navigate", url=url)

    async def js(self, expression: str) -> Any:
        """Evaluate in the page."""
        result = await self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until the expression is true in the page."""
        async with asyncio.timeout(_LIMIT):
            while not await self.js(condition):  # noqa: ASYNC110  # the condition lives in the browser
                await asyncio.sleep(0.05)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            await self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    async def screenshot(self, file: Path) -> None:
        """Save what a person would see."""
        shot = await self.command("Page.captureScreenshot", format="png")
        file.write_bytes(  # noqa: ASYNC240  # a test may wait for a disk
            base64.b64decode(shot["data"])
        )


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Page]:
    """Start a browser with an empty profile; yields its only tab."""
    assert BINARY is not None
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _INTO_3_AND_4,
        str(commands),
        str(answers),
        BINARY,
        *_SWITCHES,
        f"--user-data-dir={profile}",
        pass_fds=(commands, answers),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(answers)
    reader = asyncio.StreamReader(limit=1 << 26)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_browser, "rb", buffering=0)
    )
    page = Page(reader, to_browser)
    try:
        await page.attach()
        yield page
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        page._reading.cancel()
        await asyncio.gather(page._reading, return_exceptions=True)
        transport.close()
        os.close(to_browser)
