"""Headless Chromium, driven through the DevTools protocol: what a user sees and does."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_PATIENCE_S = 60


def find_chromium() -> str | None:
    """Return the path of an installed browser; None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """A page in the browser; keeps every request and every message of the console."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Receive messages from the browser until it closes."""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
            elif said["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif said["method"] == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            elif said["method"] == "Log.entryAdded":
                self.complaints.append(said["params"]["entry"]["text"])
            elif said["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(said["params"]["exceptionDetails"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        command = {"id": number, "method": method, "params": params}
        if self.session is not None:
            command["sessionId"] = self.session
        await self._socket.send_json(command)
        said = await asyncio.wait_for(answer, _PATIENCE_S)
        assert "error" not in said, (method, said["error"])
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, page: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Show a file in a window of the given size, and wait until it is loaded."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded.clear()
        await self.call("Page.navigate", url=page.as_uri())
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE_S)

    async def ask(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value."""
        said = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def click(self, selector: str) -> None:
        """Scroll to an element and click its centre."""
        x, y = await self.ask(
            f"(() => {{ const e = document.querySelector({selector!r});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        await self.press(x, y)

    async def press(self, x: float, y: float) -> None:
        """Press and release the mouse at a position in the window."""
        async with self.dragging(x, y, x, y):
            pass

    @asynccontextmanager
    async def dragging(self, x: float, y: float, to_x: float, to_y: float) -> AsyncIterator[None]:
        """Press the mouse at a position and drag it to another; leaving the block releases it."""
        await self._mouse("mousePressed", x, y)
        await self._mouse("mouseMoved", to_x, to_y)
        yield
        await self._mouse("mouseReleased", to_x, to_y)

    async def _mouse(self, kind: str, x: float, y: float) -> None:
        await self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
        )

    async def screenshot(self) -> bytes:
        """Return the content of the window as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Tab]:
    """Start a browser with a fresh profile; leaving the block ends it."""
    executable = find_chromium()
    assert executable is not None
    process = await asyncio.create_subprocess_exec(
        executable,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        address = await asyncio.wait_for(_address(process), _PATIENCE_S)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, max_msg_size=1 << 28) as socket,
        ):
            tab = Tab(socket)
            listening = asyncio.create_task(tab.listen())
            await _attach(tab)
            yield tab
            listening.cancel()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on " in line:
            return line.decode().rpartition(" on ")[2].strip()
    raise AssertionError("the browser ended before it listened")


async def _attach(tab: Tab) -> None:
    target = await tab.call("Target.createTarget", url="about:blank")
    attached = await tab.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    tab.session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log"):
        await tab.call(f"{domain}.enable")
