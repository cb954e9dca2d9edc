"""The review desk as a process, and those who use it: a client that sends what a browser sends, and a browser."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize
from service import Answer, Client

from desk.stick import Desk

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW: ViewportSize = {"width": 320, "height": 640}

_IMPATIENT = """
import sys
from pathlib import Path
from intake.desk.review import serving
workspace, key, idle = sys.argv[1:]
serving._leave_no_core = lambda: None  # others of the same user could not look into the process; the tests are to look
say = lambda line: print(line, flush=True)
serving.serve(Path(workspace), Path(key), sys.stdin.readline().rstrip, say, 0, float(idle))
"""


@dataclass
class Running:
    """A desk that is served. `address` lets one browser in, once; `lines` is what it wrote to its terminal."""

    process: subprocess.Popen[str]
    lines: list[str]
    address: str
    reading: threading.Thread

    def files(self) -> list[Path]:
        """The files that it has open; needs `idle`."""
        found = []
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                found.append(link.readlink())
        return found

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.address).port or 0

    @property
    def home(self) -> str:
        """The address of the list."""
        return f"http://127.0.0.1:{self.port}/"

    def enter(self) -> "Reader":
        """Come in with the token."""
        reader = Reader(self.port)
        reader.enter(urlsplit(self.address).query)
        return reader

    def written(self) -> str:
        """What it wrote to its terminal until it ended."""
        self.reading.join(60)
        self.process.wait(60)
        return "".join(self.lines)


class Reader(Client):
    """A browser without scripts: it keeps the cookie, and sends forms as a page of the desk does."""

    cookie = ""

    def enter(self, query: str) -> Answer:
        """Take the cookie that comes for the token."""
        answer = super().request("GET", f"/?{query}")
        self.cookie = (answer.headers.get("Set-Cookie") or "").partition(";")[0]
        return answer

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request, with the cookie."""
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        return super().request(method, path, body, {**cookie, **(headers or {})})

    def csrf(self) -> str:
        """The token that every form of this session holds."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/").text)
        assert found
        return unescape(found[1])

    def press(self, path: str, fields: Mapping[str, str | Sequence[str]] | None = None, **headers: str) -> Answer:
        """Send a form of the desk."""
        return self.post(path, {"csrf": self.csrf(), **(fields or {})}, **headers)

    def follow(self, answer: Answer) -> Answer:
        """Go where an answer leads."""
        assert answer.status == 303, answer.status
        return self.get(answer.headers["Location"].partition("#")[0])


@contextlib.contextmanager
def serving(
    desk: Desk, *arguments: str, idle: float | None = None, passphrase: str = "", **environment: str
) -> Iterator[Running]:
    """Start the desk, and end it as Ctrl-C does. With `idle` seconds it locks itself after them, and can be watched."""
    place = (str(desk.workspace), str(desk.key))
    if idle is None:
        options = ("--workspace", place[0], "--key", place[1], "--port", "0", "--passphrase-file", "-", *arguments)
        command = [sys.executable, "-m", "intake.desk.commands", "serve", *options]
    else:
        command = [sys.executable, "-c", _IMPATIENT, *place, str(idle)]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "HOME": str(desk.folder), "TMPDIR": str(desk.folder), **environment},
    )
    assert process.stdin and process.stdout
    process.stdin.write(f"{passphrase}\n")
    process.stdin.close()
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("http://"):
            break
    else:
        raise AssertionError(f"the desk did not start: {lines}")
    address = lines[-1].strip()
    reading = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reading.start()
    try:
        yield Running(process, lines, address, reading)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(60)
        reading.join(60)
        process.stdout.close()


@contextlib.contextmanager
def browse(
    chromium: Browser, running: Running, viewport: ViewportSize = DESKTOP, *, dark: bool = False, scripts: bool = True
) -> Iterator[Page]:
    """Open the desk in a browser without a past, and come in with the token."""
    context = chromium.new_context(
        viewport=viewport, color_scheme="dark" if dark else "light", java_script_enabled=scripts
    )
    try:
        page = context.new_page()
        page.goto(running.address)
        yield page
    finally:
        context.close()


def resize(page: Page, viewport: ViewportSize) -> None:
    """Make the window of a page another size, and wait until the page has it."""
    page.set_viewport_size(viewport)
    page.wait_for_function("width => innerWidth === width", arg=viewport["width"])
