"""Who is asking: the one browser that came with the token from the terminal, and what it was doing last."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

_BYTES = 32


@dataclass(frozen=True)
class Done:
    """What can be undone: decisions by the digests of their entries, and testimonies that were marked as spam."""

    decided: tuple[str, ...] = ()
    spam: tuple[str, ...] = ()


@dataclass
class Session:
    """The only session there is. It lives in memory and ends with the program.

    `token` lets a browser in, once. `notices` are said on the next page, some with a way to undo. `typed` is what stood
    in the form that could not be taken, for the form to show it again. `done` is what can be undone, the last last.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES))
    notices: list[tuple[str, bool]] = field(default_factory=list)
    typed: Mapping[str, str] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    keys: bool = True
    """Whether single keys do something."""
    _cookie: str = ""

    def begin(self, token: str) -> str | None:
        """Return the cookie for the browser that brings the token, or None when it is not the one, or was used."""
        if self._cookie or not _same(token, self.token):
            return None
        self._cookie = secrets.token_urlsafe(_BYTES)
        return self._cookie

    def knows(self, cookie: str) -> bool:
        """Tell whether a cookie is the one that was given."""
        return bool(self._cookie) and _same(cookie, self._cookie)

    def allows(self, csrf: str) -> bool:
        """Tell whether a form was one of ours."""
        return _same(csrf, self.csrf)

    def clear(self) -> None:
        """Forget everything that may hold words."""
        self.notices.clear()
        self.typed = {}


def _same(given: str, expected: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), expected.encode())
