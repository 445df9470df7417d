"""A headless Chromium, driven by its DevTools protocol over two pipes: no port is opened, and no driver is needed."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.emulators.servers import is_in_ci

__all__ = ["Page", "opened_page"]

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_WAIT_S = 40.0


class Page:
    """One page. `complaints` are what its console and its scripts said."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to = to_browser
        self._from = from_browser
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []

    def open(self, path: Path) -> None:
        """Open a file, and wait until it is loaded."""
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self.ask(f"{domain}.enable")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1200, "height": 1600, "deviceScaleFactor": 1, "mobile": False},
        )
        self.ask("Page.navigate", {"url": path.as_uri()})
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Give the value of an expression of JavaScript."""
        said = self.ask("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        limit = time.monotonic() + _WAIT_S
        while not self.evaluate(expression):
            assert time.monotonic() < limit, f"this does not become true: {expression}"
            time.sleep(0.02)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Move the mouse, or press it."""
        button = "none" if kind == "mouseMoved" else "left"
        self.ask("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": button, "clickCount": 1})

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come before are noted."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params or {}}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        limit = time.monotonic() + _WAIT_S
        while True:
            while b"\0" in self._left:
                frame, _, self._left = self._left.partition(b"\0")
                said = json.loads(frame)
                if said.get("id") == self._number:
                    assert "error" not in said, said
                    result: dict[str, Any] = said["result"]
                    return result
                if said.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                    self.complaints.append(json.dumps(said["params"])[:2000])
            readable, _, _ = select.select([self._from], [], [], max(0.0, limit - time.monotonic()))
            assert readable, f"the browser does not answer {method}"
            piece = os.read(self._from, 1 << 16)
            assert piece, "the browser has ended"
            self._left += piece


@contextmanager
def opened_page(path: Path, *, is_dark: bool = False) -> Iterator[Page]:
    """Open a file in a browser of its own; without one the test is skipped, and fails in CI."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        if is_in_ci():
            pytest.fail("there is no Chromium: apt-get install chromium")
        pytest.skip("there is no Chromium on this machine")
    command_read, to_browser = os.pipe()
    from_browser, answer_write = os.pipe()
    scheme = ["--blink-settings=preferredColorScheme=0"] if is_dark else []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "tmp").mkdir()  # it makes folders there that it does not take away when it is killed
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
        ]
        # of bash: another shell may know descriptors of one digit only. First out of the way: they may be 3 and 4 themselves
        shell = f'exec {{in}}<&{command_read} {{out}}>&{answer_write}; exec "$@" 3<&$in 4>&$out'
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", program, *options, *scheme, f"--user-data-dir={home / 'profile'}"],
            pass_fds=(command_read, answer_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": folder, "TMPDIR": str(home / "tmp")},
        )
        os.close(command_read)
        os.close(answer_write)
        try:
            page = Page(to_browser, from_browser)
            page.open(path)
            yield page
        finally:
            os.close(to_browser)  # it ends, with its children, when nobody can command it
            os.close(from_browser)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
