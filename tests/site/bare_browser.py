"""Chromium with nobody looking at its requests: Playwright has each one copied, which takes memory and time."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class BareBrowser:
    """One page, driven through Chromium's debugging pipe. Use it in a `with` statement."""

    def __init__(self, chromium: str, folder: Path, address: str) -> None:
        self._folder = folder
        commands, self._out = os.pipe()
        self._in, answers = os.pipe()
        line = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        shell = f'exec "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *line, f"--user-data-dir={folder}"],
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._number = 0
        self._buffer = b""
        self._session = ""
        target = self.call("Target.createTarget", url=address)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **params: object) -> Any:
        """Send a command of the Chrome DevTools Protocol and return its result: nothing while a page is on its way."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": self._number, "method": method, "params": params, **session}
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                self._buffer += os.read(self._in, 65536)
            answer, _, self._buffer = self._buffer.partition(b"\0")
            found = json.loads(answer)
            if found.get("id") == self._number:
                return found.get("result", {})

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; None while a page is on its way."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return found.get("result", {}).get("value")

    def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.1)

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def memory(self) -> int:
        """Return how many bytes all its processes hold for themselves, once what they threw away is swept up."""
        self.call("HeapProfiler.collectGarbage")
        held = 0
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and str(self._folder).encode() in (process / "cmdline").read_bytes():
                    lines = (process / "smaps_rollup").read_text().splitlines()
                    held += 1024 * int(next(line for line in lines if line.startswith("Private_Dirty")).split()[1])
            except (OSError, StopIteration):  # it ended meanwhile
                continue
        return held

    def __enter__(self) -> "BareBrowser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        os.close(self._out)
        os.close(self._in)
