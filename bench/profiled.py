"""Where the time of a submission goes: the application in this process, without a server, profiled."""

import cProfile
import hashlib
import io
import pstats
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from clients import HIDDEN, BenchError
from service import Instance
from werkzeug.test import run_wsgi_app

from intake.site.app import create_app

COUNT = 300
_LINES = 40


class _Application:
    """The application, called as a server calls it."""

    def __init__(self, instance: Instance, path: str, answers: Mapping[str, str]) -> None:
        self._wsgi = create_app(instance.environment).wsgi_app
        self._path = path
        self._answers = urlencode(answers).encode()

    def submit(self) -> tuple[float, float]:
        """Fetch the form and send it. Return the processor seconds of each."""
        began = time.process_time()
        page = self._call("GET")
        fetched = time.process_time()
        hidden = HIDDEN.search(page)
        if not hidden:
            raise BenchError("no form")
        self._call("POST", b"form_token=%b&code=%b&%b" % (hidden[1], hidden[2], self._answers))
        return fetched - began, time.process_time() - fetched

    def _call(self, method: str, body: bytes = b"") -> bytes:
        environment: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": self._path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate",
            "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
        }
        if body:
            kind = "application/x-www-form-urlencoded"
            environment |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": kind, "HTTP_ORIGIN": "http://localhost"}
        body_parts, status, _headers = run_wsgi_app(self._wsgi, environment)
        if status != "200 OK":
            raise BenchError(f"{method} was answered with {status}")
        return b"".join(body_parts)


def profile(instance: Instance, path: str, answers: Mapping[str, str]) -> None:
    """Print the processor time of a submission without a server, and the functions that take most of it themselves."""
    application = _Application(instance, path, answers)
    for _ in range(COUNT // 10):
        application.submit()
    times = [application.submit() for _ in range(COUNT)]
    form, sent = (1000 * sum(column) / COUNT for column in zip(*times, strict=True))
    print(f"\nIn process: the form {form:.2f} ms, sending it {sent:.2f} ms; of that, stretching the code", end=" ")
    print(f"{_scrypt() * 1000:.2f} ms (scrypt, as the contract has it). Means of {COUNT}.")
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for _ in range(COUNT):
        application.submit()
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(_LINES)


def _scrypt() -> float:
    began = time.process_time()
    for _ in range(COUNT // 10):
        hashlib.scrypt(b"0" * 24, salt=b"1" * 16, n=2**10, r=8, p=1, dklen=32)
    return (time.process_time() - began) / (COUNT // 10)
