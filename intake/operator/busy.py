"""What the server says when more people come than it can serve: whole answers, sent without a thread and without the
application. Nobody is counted by address, and nobody has to solve anything.
"""

import re
from functools import lru_cache

from flask import Flask, Response

from intake.site.errors import busy
from intake.site.languages import best_language
from intake.site.refusals import too_many
from intake.site.service import Service

PEEK = 4096
"""So many bytes of a request are enough to choose an answer."""
_RETRY_SECONDS = 30
_BEGINNING = re.compile(rb"GET /(?:([A-Za-z-]+)/([a-z]*))?(?:\?[^ ]*)? HTTP/")
_PATH = re.compile(rb"[A-Z]+ /([A-Za-z-]+)/")
_ACCEPT_LANGUAGE = re.compile(rb"\r\nAccept-Language:([^\r\n]*)", re.IGNORECASE)


class BusyAnswers:
    """The answers of one application, by what a request begins with."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._service: Service = app.extensions["intake"]

    def to_beginner(self, head: bytes) -> bytes | None:
        """Return the answer for someone who has typed nothing yet: who asks for the start page or an empty form.

        None for every other request, above all one that brings what somebody wrote.
        """
        asked = _BEGINNING.match(head)
        if asked is None or (asked[2] and asked[2].decode() not in self._service.editions):
            return None
        return self._answer(self._language(head), False, self._service.demonstration)

    def to_anyone(self, head: bytes) -> bytes:
        """Return the answer for a request that there is no place for. Its body has not been read."""
        sent = head.startswith(b"POST ")
        return self._answer(self._language(head), sent, self._service.demonstration)

    def _language(self, head: bytes) -> str:
        named = _PATH.match(head)
        if named and named[1].decode() in self._service.languages:
            return named[1].decode()
        accepted = _ACCEPT_LANGUAGE.search(head)
        return best_language(accepted[1].decode("latin-1") if accepted else "", self._service.languages)

    @lru_cache(maxsize=64)  # noqa: B019 - there is one for each process
    def _answer(self, language: str, sent: bool, _demonstration: bool) -> bytes:
        with self._app.test_request_context(f"/{language}/"):
            response: Response = self._app.process_response(too_many() if sent else busy())
            response.headers["Retry-After"] = str(_RETRY_SECONDS)
            response.headers["Connection"] = "close"
            head = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
            return f"HTTP/1.1 503 Service Unavailable\r\n{head}\r\n".encode() + response.get_data()
