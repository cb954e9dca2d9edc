"""Coming back in the browser way, over HTTP: what waits stays sealed, and only what is sealed right is taken."""

import base64
import json
import re
import secrets
from hashlib import sha256
from html import unescape
from typing import Any

import pytest
from person import Person, Reviewer, kinds, stored
from sealing_browser import EDITION, SealingBrowser, Sent
from service import Answer, Server

from intake import code, envelope
from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity
from intake.instance import form_key, read_secret
from intake.site.tokens import RETURN, Tokens

pytestmark = pytest.mark.both_engines

WORDS = "One more thing.\nAnd <another>."
DOORS = ("return", "reply", "reply/delete", "consent", "withdraw")


@pytest.fixture(scope="module")
def reviewer(shared_server: Server) -> Reviewer:
    """A desk that the shared server trusts."""
    return Reviewer(shared_server.instance).introduced()


class Source(SealingBrowser):
    """Someone whose testimony is stored, and who comes back."""

    digest = ""
    parent = ""

    def with_testimony(self) -> "Source":
        """Send it."""
        sent = self.testimony()
        assert self.send(sent).status == 200
        self.digest, self.parent = sent.digest, sent.fields["id"]
        return self

    @property
    def plain(self) -> Person:
        """The same person, as the other helpers know them."""
        return Person(self.server, self.return_code, self.digest)

    def act(self, door: str, sent: Sent | None = None) -> Answer:
        """Send something to one of the addresses."""
        return self.post(f"/en/{door}", sent or Sent(self.fields("/en/return")))

    def words(self, text: str = WORDS) -> Sent:
        """Seal words."""
        addition = envelope.Addition(**self.common(), parent=self.parent, answers={}, consent={}, text=text)
        return self.signed(addition, self.fields("/en/return"))

    def copy(self) -> bytes:
        """The sealed copy of the consents, as the page shows it."""
        return base64.b64decode(data(self.act("return"))["choices"])

    def consents(self, before: bytes, **chosen: str) -> Sent:
        """Seal new consents, in place of those that were seen before."""
        old = envelope.parse_choices(decrypt(before, [HybridIdentity.from_seed(self.keys.mailbox)]))
        consent = {**old.consent, **chosen, "notice_sha256": EDITION.notice_sha256("en")}
        version = old.version + 1
        change = envelope.Consent(**self.common(), parent=self.parent, consent=consent, version=version)
        choices = envelope.Choices(consent=consent, answers=old.answers, edition=old.edition, version=version)
        sealed = self.seal(envelope.build_choices(choices), [self.mailbox])
        return self.signed(change, self.fields("/en/return")).but(choices=sealed, before=sha256(before).hexdigest())

    def withdrawal(self) -> Sent:
        """Seal the taking back of everything."""
        withdrawal = envelope.Withdrawal(**self.common(), parent=self.parent)
        return self.signed(withdrawal, self.fields("/en/return")).but(confirm="yes")


@pytest.fixture
def source(shared_server: Server) -> Source:
    """Someone who has just sent a testimony."""
    return Source(shared_server).with_testimony()


def data(page: Answer) -> Any:
    """Return the data block of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.text)
    assert found, f"no data in a page with status {page.status}"
    return json.loads(found[1])


def why(answer: Answer) -> tuple[int, str]:
    """The status of a refusal and its word for the script."""
    found = re.search(r'role="alert" data-refused="([a-z_]+)"', answer.text)
    assert found, f"no refusal in a page with status {answer.status}"
    return answer.status, found[1]


def test_what_waits_stays_sealed(source: Source, reviewer: Reviewer) -> None:
    """The page has the messages as they were delivered, what their reader needs to check them, and nothing opened."""
    message = reviewer.reply(source.plain, "Only for their eyes.")
    reviewer.deliver(message)
    page = source.act("return")
    shown = data(page)
    assert [base64.b64decode(each["sealed"]) for each in shown["messages"]] == [message.ciphertext]
    assert base64.b64decode(shown["desk"]) == reviewer.key.public_key().public_bytes_raw()
    assert shown["testimony"]["id"] == source.parent
    assert shown["testimony"]["sha256"] == source.digest
    assert "Only for their eyes." not in page.text
    assert source.return_code not in page.text.replace(" ", "")
    assert 'name="code"' not in page.text.partition('<div data-way="browser" hidden>')[2]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_words_are_taken_once(source: Source) -> None:
    """However often they come; other words need another page."""
    sent = source.words()
    for _ in range(3):
        answer = source.act("reply", sent)
        assert (answer.status, answer.text) == (200, "ok\n")
    assert why(source.act("reply", source.words("Other words.").but(form_token=sent.fields["form_token"]))) == (
        409,
        "sent",
    )
    (added,) = (each for each in source.plain.opened() if isinstance(each, envelope.Addition))
    assert added.text == WORDS
    added.verify(source.plain.authority())
    page = source.act("return", Sent({**source.fields("/en/return"), "stored": sent.digest}))
    assert "We have stored what you wrote." in page.text and sent.digest in page.text
    page = source.act("return", Sent({**source.fields("/en/return"), "stored": "ab" * 32}))
    assert "We have stored" not in page.text


@pytest.mark.parametrize("door", DOORS)
def test_no_door_opens_with_another_access(source: Source, door: str) -> None:
    """Unknown, not hexadecimal, or with a code beside it: nothing is told or changed."""
    before = stored(source.server.instance)
    sent = source.words().but(confirm="yes", reply=secrets.token_hex(16), choices=b"x", before="ab" * 32)
    assert source.act(door, sent.but(access=secrets.token_hex(32))).status == 404
    for wrong in ("", source.keys.access.hex().upper(), source.keys.access.hex()[:-1], "é" * 64):
        assert why(source.act(door, sent.but(access=wrong))) == (422, "sealed")
    assert why(source.act(door, sent.but(code=source.return_code))) == (422, "sealed")
    assert stored(source.server.instance) == before


@pytest.mark.parametrize("door", ["reply", "consent", "withdraw"])
def test_only_what_is_sealed_right_is_taken(source: Source, door: str) -> None:
    """In clear, to other keys, of another size, without an id, or from a page that is too old: refused."""
    right = {"reply": source.words, "consent": lambda: source.consents(source.copy()), "withdraw": source.withdrawal}[
        door
    ]()
    before = stored(source.server.instance)
    stranger = HybridIdentity.generate().recipient()
    wrong: list[Sent] = [
        right.but(sealed=WORDS.encode()),
        right.but(sealed=source.seal(bytes(32 * 1024), [*source.recipients, stranger])),
        right.but(sealed=source.seal(bytes(32 * 1024 + 1))),
        right.but(sealed=right.files["sealed"][:-1]),
        right.but(id="x"),
        right.but(id=None),
    ]
    if door == "consent":
        wrong += [right.but(choices=source.seal(bytes(2048), [stranger, stranger])), right.but(choices=b"")]
    for sent in wrong:
        assert why(source.act(door, sent)) == (422, "sealed")
    tokens = Tokens(form_key(read_secret(source.server.instance.folder / "instance")))
    for token in ("", "x", tokens.issue("testimonials", EDITION.sha256, ""), tokens.issue(RETURN, "", "0" * 16)):
        assert why(source.act(door, right.but(form_token=token))) == (422, "stale")
    assert stored(source.server.instance) == before


def test_consents_take_the_place_of_those_that_were_seen(source: Source) -> None:
    """A second tab that saw older ones changes nothing; the same change again is the same."""
    seen = source.copy()
    first, second = source.consents(seen, CSTAT="Y"), source.consents(seen, CSTAT="N", CCONT="Y")
    for _ in range(2):
        assert source.act("consent", first).text == "ok\n"
    assert why(source.act("consent", second)) == (409, "sent")
    assert why(source.act("consent", second.but(before=None))) == (409, "sent")
    assert source.copy() == first.files["choices"]
    third = source.consents(source.copy(), CSTAT="N")
    assert source.act("consent", third).text == "ok\n"
    assert why(source.act("consent", first.but(id=secrets.token_hex(16), form_token=third.fields["form_token"]))) == (
        409,
        "sent",
    )
    versions = [each.version for each in source.plain.opened() if isinstance(each, envelope.Consent)]
    assert sorted(versions) == [1, 2]
    assert source.copy() == third.files["choices"]


def test_after_withdrawing_nothing_is_taken(source: Source) -> None:
    """Nothing is left but the withdrawal, which the desk can check; words sent later are refused, and say why."""
    authority, words, withdrawal = source.plain.authority(), source.words(), source.withdrawal()
    assert "Withdraw everything?" in source.act("withdraw").text
    assert source.act("withdraw", withdrawal).text == "ok\n"
    assert why(source.act("withdraw", withdrawal)) == (409, "withdrawn")
    assert why(source.act("reply", words)) == (409, "withdrawn")
    (opened,) = source.plain.opened()
    assert isinstance(opened, envelope.Withdrawal) and opened.parent == source.parent
    opened.verify(authority)
    assert "Your testimony is withdrawn" in source.act("return").text
    assert "Your testimony is withdrawn" in source.server.client.come_back(source.return_code).text


def test_a_reply_is_deleted_by_its_own_reader(source: Source, reviewer: Reviewer) -> None:
    """By nobody else; and words that were not sent yet come back as they were sealed."""
    message = reviewer.reply(source.plain, "To be deleted.")
    reviewer.deliver(message)
    other = Source(source.server).with_testimony()
    gone = Sent({**other.fields("/en/return"), "reply": message.id, "unsent": "c2VhbGVk</script>"})
    assert "This reply is no longer here." in other.act("reply/delete", gone).text
    assert len(data(source.act("return"))["messages"]) == 1
    page = source.act("reply/delete", gone.but(access=source.keys.access.hex()))
    assert "The reply is deleted." in page.text
    assert (data(page)["messages"], data(page)["unsent"]) == ([], "c2VhbGVk</script>")


def test_a_page_that_is_too_old_can_still_be_looked_at(source: Source) -> None:
    """Looking needs no new page; what was not sent yet is still there."""
    page = source.act("return", Sent({"form_token": "old", "access": source.keys.access.hex(), "unsent": "c2VhbGVk"}))
    assert page.status == 422 and "This page was open for too long." in unescape(page.text)
    assert data(page)["unsent"] == "c2VhbGVk"


def test_the_edition_is_the_one_that_was_asked_for(source: Source) -> None:
    """Where it is known; else the current one, and the page says what was asked, so that nobody asks again."""
    for asked in (EDITION.sha256, "0" * 64, '"><b>'):
        page = source.act("return", Sent({**source.fields("/en/return"), "edition": asked}))
        assert data(page)["edition"] == EDITION.sha256
        assert page.hidden("edition") == asked


def test_one_way_into_the_other(source: Source) -> None:
    """A testimony that a browser sealed opens with its code in the plain way, too, and the other way round."""
    assert source.act("reply", source.words()).text == "ok\n"
    assert source.plain.act("consent", CSTAT="Y").status == 200
    assert source.act("consent", source.consents(source.copy(), CSTAT="N")).text == "ok\n"
    assert kinds(source.server.instance).count("consent") >= 2
    plain = Person.who_sent(source.server)
    came = Source(source.server, plain.return_code)
    came.digest, came.parent = plain.digest, plain.testimony
    assert came.act("reply", came.words()).text == "ok\n"
    assert [each.text for each in plain.opened() if isinstance(each, envelope.Addition)] == [WORDS]
    assert code.read(plain.return_code) == plain.return_code
