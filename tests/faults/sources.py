"""People who send, come back and write while a server is being broken, and the account that each keeps.

Whoever gets no answer, or is told to try again, sends the very same once more, as people do. So when all of them have
finished, everything that anyone tried was acknowledged, once.
"""

import contextlib
import hashlib
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TypeVar

from person import instance_id
from sealing_browser import SealingBrowser, Sent
from service import CALL, ENOUGH, Answer, Server

from intake import code
from intake.age.errors import AgeError

TRY_AGAIN = (500, 503, 507)
_T = TypeVar("_T")
_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 120
_DIGEST = re.compile(r'<output id="digest"[^>]*>([0-9a-f]{64})<|digest"[^>]*>([0-9a-f]{64})<')
_CHOICES = ("Y", "N")


@dataclass
class Account:
    """What one person did, and what they were told of it. Everything in here was acknowledged."""

    marker: str
    """What their testimony says, and no other."""
    return_code: str
    digest: str
    words: dict[str, str] = field(default_factory=dict)
    """Each text that they added, and the digest that they were shown for it."""
    files: dict[str, str] = field(default_factory=dict)
    """The name of each file, and the SHA-256 of its bytes."""
    choice: str = ""
    """The last that they chose for CSTAT, if they chose."""
    withdrawn: bool = False


@dataclass
class Crowd:
    """So many people at once. `server` is whatever answers just now: put another one there when it was replaced."""

    server: Server
    people: int = 4
    seed: int = 0
    largest_file: int = 1_500_000
    rest_seconds: float = 0.0
    """How long each rests between two things that they do."""
    accounts: list[Account] = field(default_factory=list)
    acknowledged: int = 0
    unanswered: int = 0
    """How often somebody got no answer at all."""
    put_off: int = 0
    """How often somebody was told to try again."""
    strange: list[str] = field(default_factory=list)
    """Answers that nobody should get."""

    def __post_init__(self) -> None:
        self._finish = threading.Event()
        self._threads = [threading.Thread(target=self._live, args=(number,)) for number in range(self.people)]
        self._salt = instance_id(self.server.instance)

    @contextlib.contextmanager
    def at_work(self) -> Iterator["Crowd"]:
        """Let them begin; at the end, let each finish what they have begun."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._finish.set()
            for thread in self._threads:
                thread.join()
        assert not self.strange, self.strange[:5]

    def wait_for(self, more: int, seconds: float = 60) -> None:
        """Wait until so many more things were acknowledged."""
        wanted, end = self.acknowledged + more, time.monotonic() + seconds
        while self.acknowledged < wanted:
            assert time.monotonic() < end, f"nobody gets an answer: {self.server.log[-2000:]}"
            assert not self.strange, self.strange[:5]
            time.sleep(0.002)

    def _live(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        try:
            while not self._finish.is_set():
                account = self._send(f"Person {number}-{len(self.accounts)}-{chance.getrandbits(64):x}.", chance)
                for _ in range(chance.choice((0, 0, 1, 2, 3))):
                    if account is None or account.withdrawn or self._finish.is_set():
                        break
                    chance.choice((self._add_words, self._add_words, self._add_file, self._choose))(account, chance)
                if account is not None and account.words and chance.random() < 0.2:
                    self._withdraw(account)
        except Exception as error:  # noqa: BLE001 - whoever waits for them has to hear of it
            self.strange.append(f"{type(error).__name__}: {error}")

    def _send(self, marker: str, chance: random.Random) -> Account | None:
        story = f"{marker} {'It went dark. ' * chance.randrange(1, 300)}"
        if chance.random() < 0.25:
            return self._send_sealed(marker, story)
        form = self._begin(lambda server: server.client.form())
        if form is None:
            return None
        receipt = self._answered(lambda server: server.client.post(CALL, {**form, **ENOUGH, "story.text": story}))
        if receipt.return_code != form["code"]:
            self.strange.append("a receipt shows another code than its form")
        return self._told(Account(marker, receipt.return_code, receipt.digest))

    def _send_sealed(self, marker: str, story: str) -> Account | None:
        """Send as a browser does that runs scripts."""

        def fill_in(server: Server) -> tuple[SealingBrowser, Sent]:
            browser = SealingBrowser(server)
            browser.keys = code.derive(browser.return_code, self._salt)
            return browser, browser.testimony(**{"story.text": story})

        filled = self._begin(fill_in)
        if filled is None:
            return None
        browser, sent = filled
        body, kind = sent.body()
        receipt = self._answered(lambda server: _post(server, CALL, body, kind))
        if receipt.digest != sent.digest:
            self.strange.append("a receipt shows another digest than what was sealed")
        return self._told(Account(marker, browser.return_code, receipt.digest))

    def _add_words(self, account: Account, chance: random.Random) -> None:
        text = f"{account.marker} Words {len(account.words)}."
        fields = self._token(account)
        if fields is not None:
            page = self._answered(lambda server: server.client.post("/en/reply", {**fields, "text": text}))
            found = _DIGEST.search(page.text)
            if found is None:
                self.strange.append("words were taken without a digest")
            else:
                account.words[text] = found[1] or found[2]
                self.acknowledged += 1

    def _add_file(self, account: Account, chance: random.Random) -> None:
        name, content = f"{len(account.files)}.bin", chance.randbytes(chance.randrange(self.largest_file))
        fields = self._token(account)
        if fields is not None:
            self._answered(lambda server: server.client.send_files(fields, [(name, content)]))
            account.files[name] = hashlib.sha256(content).hexdigest()
            self.acknowledged += 1

    def _choose(self, account: Account, chance: random.Random) -> None:
        choice = chance.choice(_CHOICES)
        fields = self._token(account)
        if fields is not None:
            self._answered(lambda server: server.client.post("/en/consent", {**fields, "CSTAT": choice}))
            account.choice = choice
            self.acknowledged += 1

    def _withdraw(self, account: Account) -> None:
        fields = self._token(account)
        if fields is not None:
            self._answered(lambda server: server.client.post("/en/withdraw", {**fields, "confirm": "yes"}))
            account.withdrawn = True
            self.acknowledged += 1

    def _token(self, account: Account) -> dict[str, str] | None:
        token = self._begin(lambda server: server.client.get("/en/return").hidden("form_token"))
        return None if token is None else {"form_token": token, "code": account.return_code}

    def _told(self, account: Account) -> Account:
        self.accounts.append(account)
        self.acknowledged += 1
        return account

    def _begin(self, fetch: Callable[[Server], _T]) -> _T | None:
        """Fetch a page to begin with, again and again; None when it is time to go."""
        while not self._finish.is_set():
            try:
                return fetch(self.server)
            except (OSError, HTTPException):
                self.unanswered += 1
            except (AssertionError, AgeError):  # a page that says: later
                self.put_off += 1
            time.sleep(_PAUSE_SECONDS)
        return None

    def _answered(self, ask: Callable[[Server], Answer]) -> Answer:
        """Send the same until it is taken."""
        time.sleep(self.rest_seconds)
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = ask(self.server)
            except (OSError, HTTPException):
                self.unanswered += 1
            else:
                if answer.status == 200:
                    return answer
                if answer.status not in TRY_AGAIN:
                    titles = re.findall("<h1.*?</h1>", answer.text)
                    raise AssertionError(f"an answer with status {answer.status}: {titles}")
                self.put_off += 1
            assert time.monotonic() < end, "nobody answered for long"
            time.sleep(_PAUSE_SECONDS)


def _post(server: Server, path: str, body: bytes, kind: str) -> Answer:
    return server.client.request("POST", path, body, {"Content-Type": kind, "Origin": server.address})
