"""Coming back with the code, over HTTP: any digits, clear mistakes, no lost words, and nothing that was not offered."""

import itertools
import os
import re
import secrets
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from person import Person, Reviewer, kinds, stored
from service import Answer, Instance, Server

from intake import code
from intake.dispatch import SealedMessage
from intake.envelope import LONGEST_TEXT, Addition, Consent
from intake.instance import form_key, read_secret
from intake.site.tokens import RETURN, Tokens

pytestmark = pytest.mark.both_engines

WORDS = 'I remember <more> & "more".\n\n  The nurse\'s name was on the door. 🩺'
SCRIPTS = {
    "Arabic-Indic": "٠١٢٣٤٥٦٧٨٩",
    "Persian": "۰۱۲۳۴۵۶۷۸۹",
    "Devanagari": "०१२३४५६७८९",
    "full width": "０１２３４５６７８９",
    "Bengali": "০১২৩৪৫৬৭৮৯",
    "Khmer": "០១២៣៤៥៦៧៨៩",
}


@pytest.fixture(scope="module")
def reviewer(shared_server: Server) -> Reviewer:
    """A desk that the shared server trusts."""
    return Reviewer(shared_server.instance).introduced()


@pytest.fixture
def person(shared_server: Server) -> Person:
    """Someone who has just sent a testimony to the shared server."""
    return Person.who_sent(shared_server)


def shows(page: Answer) -> bool:
    """Whether this is the page of a testimony."""
    return "<h1>Your testimony</h1>" in page.text


def in_textarea(page: Answer) -> str:
    """What stands in the page's text field."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    return unescape(found[1]) if found else ""


def type_code(server: Server, typed: str) -> Answer:
    """Type something into the field for the code."""
    return server.client.come_back(typed)


# The code


def test_the_code_may_be_typed_in_many_ways(person: Person) -> None:
    """With spaces, dashes, dots, brackets, line ends, invisible marks, or none; in the digits of any script."""
    digits = person.return_code
    groups = code.groups(digits)
    typed = [digits, groups, f"  {groups}\n", groups.replace(" ", "-"), groups.replace(" ", " - "), ".".join(digits)]
    typed += [groups.replace(" ", "–"), f"\u200f({groups})\u200e", groups.replace(" ", "\u00a0"), "\ufeff" + digits]
    typed += [groups.translate(str.maketrans("0123456789", script)) for script in SCRIPTS.values()]
    typed.append(digits[:12] + digits[12:].translate(str.maketrans("0123456789", SCRIPTS["Persian"])))
    for spelling in typed:
        assert shows(type_code(person.server, spelling)), spelling


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda digits: digits[:-1] + str((int(digits[-1]) + 1) % 10), "One of the digits is not right."),
        (lambda digits: digits[1] + digits[0] + digits[2:], "One of the digits is not right."),
        (lambda digits: digits[:-1], "A code has 24 digits."),
        (lambda digits: digits + "0", "A code has 24 digits."),
        (lambda digits: "", "A code has 24 digits."),
        (lambda digits: digits[:-1] + "O", "A code has only digits."),
        (lambda digits: "x" * 10_000, "A code has only digits."),
        (lambda digits: digits[:-1] + "²", "A code has only digits."),
        (lambda digits: '"><script>', "A code has only digits."),
    ],
)
def test_a_wrong_code_says_what_is_wrong_and_stays(person: Person, wrong: object, words: str) -> None:
    """Nobody types 24 digits twice: what was typed stands in the field, with a sentence beside it."""
    typed = wrong(next(other for other in iter(code.make, "") if other[0] != other[1]))  # type: ignore[operator]
    page = type_code(person.server, typed)
    assert page.status == 422
    assert words in page.text
    field = re.search(r'<input id="code" name="code" value="([^"]*)"', page.text)
    assert field and unescape(field[1]) == typed
    assert not shows(page)


def test_an_unknown_code_says_so(person: Person) -> None:
    """A right check digit, and nobody's."""
    unknown = code.groups(code.make())
    page = type_code(person.server, unknown)
    assert page.status == 404
    assert "We do not know this code." in page.text
    assert f'value="{unknown}"' in page.text


@pytest.mark.parametrize("path", ["reply", "reply/delete", "consent", "withdraw", "return"])
@pytest.mark.parametrize("typed", ["unknown", "wrong", ""])
def test_no_door_opens_without_a_code(person: Person, path: str, typed: str) -> None:
    """Every address asks for the code, and what was written beside a wrong one is still there."""
    before = stored(person.server.instance)
    given = {"unknown": code.make(), "wrong": person.return_code[:-1]}.get(typed, "")
    fields = {**person.fields(), "code": given, "text": WORDS, "confirm": "yes", "CSTAT": "Y"}
    page = person.server.client.post(f"/en/{path}", fields)
    assert page.status == (404 if typed == "unknown" else 422)
    assert in_textarea(page) == WORDS
    assert stored(person.server.instance) == before


def test_the_pages_speak_the_language_of_the_address(shared_server: Server) -> None:
    """In Arabic from right to left; the code stays from left to right."""
    person = Person.who_sent(shared_server, "ar")
    assert '<html lang="ar" dir="rtl"' in person.come_back().text
    page = type_code(shared_server, "1")
    assert 'dir="ltr" inputmode="numeric"' in page.text
    for language in ("ar", "fr"):
        answer = shared_server.client.post(f"/{language}/return", {"code": "1"})
        assert (answer.status, f'lang="{language}"' in answer.text) == (422, True)
    assert shared_server.client.get("/xx/return").status == 404


# Words


def test_words_are_added_and_signed(person: Person) -> None:
    """They arrive as they were typed, under the digest that the page shows, signed with the code's own key."""
    page = person.act("reply", text=WORDS)
    assert page.status == 200
    assert in_textarea(page) == ""
    (added,) = (envelope for envelope in person.opened() if isinstance(envelope, Addition))
    assert (added.text, added.answers, added.consent) == (WORDS, {}, {})
    assert added.parent == person.testimony
    added.verify(person.authority())
    assert stored(person.server.instance)[added.id].sha256 in page.text


def test_the_same_words_sent_again_are_one_record(person: Person) -> None:
    """A retry of one page makes one record; other words from the same page are told apart, and kept in the field."""
    fields = {**person.fields(), "text": WORDS}
    first, second = (person.server.client.post("/en/reply", fields) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert len(person.opened()) == 2
    other = person.server.client.post("/en/reply", {**fields, "text": "Something else."})
    assert (other.status, in_textarea(other)) == (409, "Something else.")
    assert "You have already sent this page once." in other.text
    again = {name: other.hidden(name) for name in ("form_token", "code")}
    assert person.server.client.post("/en/reply", {**again, "text": in_textarea(other)}).status == 200
    assert len(person.opened()) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Please write something first."), (" \r\n\t ", "Please write something"), ("x" * 20_001, "too long")],
)
def test_words_that_cannot_be_taken_stay_in_the_field(person: Person, text: str, words: str) -> None:
    """Nothing, only spaces, or too much."""
    page = person.act("reply", text=text)
    assert page.status == 422
    assert words in page.text
    assert in_textarea(page).strip() == text.strip()
    assert len(person.opened()) == 1


def test_the_longest_words_in_any_script_fit(person: Person) -> None:
    """As many characters as the page says, in the widest script."""
    assert person.act("reply", text="🩺" * LONGEST_TEXT).status == 200
    assert person.act("reply", text="\r\n" * LONGEST_TEXT + "x").status == 422
    assert "🩺" * LONGEST_TEXT in {getattr(envelope, "text", "") for envelope in person.opened()}


def tokens_that_do_not_count(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Too old, of another instance, of a form, damaged, none."""
    key = form_key(read_secret(server.instance.folder / "instance"))
    with monkeypatch.context() as patch:
        patch.setattr("intake.site.tokens.today", lambda: "2020-01-01")
        yield Tokens(key).issue(RETURN, "", "x")
    yield Tokens(secrets.token_bytes(32)).issue(RETURN, "", "x")
    yield str(server.client.form()["form_token"])
    yield Tokens(key).issue(RETURN, "", "x")[:-3]
    yield ""


def test_a_token_that_does_not_count_costs_no_words(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page comes back with the words in it and a new token; nothing is done before it is sent again."""
    for token in tokens_that_do_not_count(person.server, monkeypatch):
        for path in ("reply", "withdraw", "consent"):
            fields = {"form_token": token, "code": person.return_code, "text": WORDS, "confirm": "yes", "CSTAT": "Y"}
            page = person.server.client.post(f"/en/{path}", fields)
            assert page.status == 422
            assert in_textarea(page) == WORDS
            assert "what you wrote is still here" in page.text
    assert len(person.opened()) == 1
    again = {name: page.hidden(name) for name in ("form_token", "code")}
    assert person.server.client.post("/en/reply", {**again, "text": in_textarea(page)}).status == 200


def test_a_fault_of_ours_costs_no_words(instance: Instance) -> None:
    """Without keys, or without its database, the site gives all back, to be sent again: then it is stored once."""
    with instance.serve() as server:
        person = Person.who_sent(server)
        key, hidden_key = instance.folder / "keys" / "duty.pub", instance.folder / "duty.pub"

        def hide_key() -> None:
            key.rename(hidden_key)
            server.settle()

        hide: list[tuple[Callable[[], object], Callable[[], object]]] = [
            (hide_key, lambda: hidden_key.rename(key)),
            (instance.take_database_away, instance.put_database_back),
        ]
        for take_away, put_back in hide:
            fields = person.fields()
            take_away()
            page = server.client.post("/en/reply", {**fields, "text": WORDS})
            assert (page.status, in_textarea(page)) == (503, WORDS)
            assert 'action="/en/reply"' in page.text
            consent = server.client.post("/en/consent", {**fields, "CSTAT": "Y", "CARCH": "Y"})
            assert (consent.status, consent.hidden("CSTAT"), consent.hidden("CARCH")) == (503, "Y", "Y")
            assert server.client.post("/en/withdraw", {**fields, "confirm": "yes"}).hidden("confirm") == "yes"
            put_back()
            server.settle()
            again = {name: page.hidden(name) for name in ("form_token", "code")}
            for _ in range(2):
                assert server.client.post("/en/reply", {**again, "text": in_textarea(page)}).status == 200
        assert kinds(instance) == ["addition", "addition", "testimony"]


# Consents


def consents(person: Person) -> list[Consent]:
    """The changes that are stored, in order."""
    found = (envelope for envelope in person.opened() if isinstance(envelope, Consent))
    return sorted(found, key=lambda envelope: envelope.version)


def chosen(page: Answer, question: str) -> str:
    """The choice that is shown."""
    found = re.search(rf'name="{question}" value="([^"]*)"[^>]* checked>', page.text)
    return found[1] if found else ""


def test_choices_are_shown_and_changed(shared_server: Server) -> None:
    """The page shows what was chosen. Each change is a signed record with the next version, and is shown then."""
    person = Person.who_sent(shared_server, CSTAT="Y", CCONT="Y", **{"con.via": "EMAIL", "con.value": "a@example.org"})
    page = person.come_back()
    assert (chosen(page, "CSTAT"), chosen(page, "CPUB_ANON"), chosen(page, "CCONT")) == ("Y", "N", "Y")
    page = person.act("consent", CSTAT="N", CPUB_ANON="Y", CCONT="Y", CMEDIA="ASK")
    assert page.status == 200
    page = person.act("consent", CSTAT="N", CPUB_ANON="N", CCONT="N", CMEDIA="ASK")
    assert "We have stored your choices." in page.text
    shown = {name: chosen(person.come_back(), name) for name in ("CSTAT", "CPUB_ANON", "CCONT")}
    assert shown == {"CSTAT": "N", "CPUB_ANON": "N", "CCONT": "N"}
    first, second = consents(person)
    assert (first.version, second.version) == (1, 2)
    assert [first.consent[name] for name in ("CINT", "CSTAT", "CPUB_ANON", "CCONT", "CMEDIA")] == [*"YNYY", "ASK"]
    assert [second.consent.get(name, "N") for name in ("CINT", "CSTAT", "CPUB_ANON", "CMEDIA")] == list("YNNN")
    for change in (first, second):
        change.verify(person.authority())
        assert re.fullmatch("[0-9a-f]{64}", change.consent["notice_sha256"])


def test_a_change_sent_again_is_one_change(person: Person) -> None:
    """The same page twice: one record, and the version does not move."""
    fields = {**person.fields(), "CSTAT": "Y"}
    assert [person.server.client.post("/en/consent", fields).status for _ in range(2)] == [200, 200]
    (change,) = consents(person)
    assert (change.version, change.consent["CSTAT"]) == (1, "Y")


def test_a_consent_that_was_not_offered_cannot_be_given(shared_server: Server) -> None:
    """Whoever said that they could get into trouble is not asked for their name, and cannot give it by hand either."""
    answers = {"safe.retaliate": "Y", "con.via": "EMAIL", "con.value": "a@example.org"}
    person = Person.who_sent(shared_server, CCONT="Y", **answers)
    assert 'name="CPUB_NAME"' not in person.come_back().text
    given = {"CCONT": "Y", "CPUB_NAME": "ASK", "CSTAT": "perhaps", "CINT": "N", "nonsense": "Y", "notice_sha256": "0"}
    assert person.act("consent", **given).status == 200
    (change,) = consents(person)
    assert change.consent.get("CPUB_NAME", "N") == "N"
    assert change.consent["CSTAT"] == "N"
    assert change.consent["CINT"] == "Y"
    assert change.consent["notice_sha256"] != "0"
    assert "nonsense" not in change.consent
    free = Person.who_sent(shared_server, CCONT="Y", **{**answers, "safe.retaliate": "N"})
    assert 'name="CPUB_NAME"' in free.come_back().text
    free.act("consent", CCONT="Y", CPUB_NAME="ASK")
    assert consents(free)[0].consent["CPUB_NAME"] == "ASK"


# Replies


def test_replies_and_news_are_shown(person: Person, reviewer: Reviewer) -> None:
    """What the desk signed, in the source's own page, with the digest beside the receipt's."""
    page = person.come_back()
    assert "There is no reply for you now." in page.text
    assert "Reviewers have not told us yet that they opened it." in page.text
    reply = "Thank you.\nCould you tell us <b>when</b> it was?"
    messages = [reviewer.reply(person, reply), reviewer.news(person, "received"), reviewer.news(person, "accepted")]
    messages += [reviewer.news(person, "set aside", text="We wait."), reviewer.news(person, "used")]
    reviewer.deliver(*messages)
    page = person.come_back()
    assert "Thank you.\nCould you tell us &lt;b&gt;when&lt;/b&gt; it was?" in page.text
    assert "The two lines are the same." in page.text
    assert page.text.count(person.digest) == 2
    for words in ("Reviewers accepted it", "Reviewers set it aside", "It was used in a publication", "We wait."):
        assert words in page.text
    assert "not shown" not in page.text


def test_another_digest_than_the_receipts_is_pointed_out(person: Person, reviewer: Reviewer) -> None:
    """A desk that was given something else than what was sent says so by its signature."""
    reviewer.deliver(reviewer.news(person, "received", sha256="0" * 64))
    page = person.come_back()
    assert "0" * 64 in page.text
    assert "The two lines are the same." not in page.text


def test_what_the_desk_did_not_sign_for_this_testimony_is_counted_and_not_shown(
    person: Person, reviewer: Reviewer
) -> None:
    """Signed by another key, about another testimony, sealed to somebody else, or no message at all."""
    stranger = Reviewer(reviewer.instance)
    other = Person.who_sent(person.server)
    elsewhere = reviewer.reply(other, "FOR-ANOTHER")
    messages = [
        stranger.reply(person, "FORGED"),
        reviewer.reply(person, "OF-ANOTHER", parent=other.testimony),
        SealedMessage(secrets.token_hex(16), person.testimony, elsewhere.ciphertext),
        SealedMessage(secrets.token_hex(16), person.testimony, os.urandom(9000)),
    ]
    reviewer.deliver(*messages)
    page = person.come_back()
    assert page.status == 200
    assert "4 messages are not shown" in page.text
    assert not re.search("FORGED|OF-ANOTHER|FOR-ANOTHER", page.text)
    assert "FOR-ANOTHER" not in other.come_back().text


def replies_of(person: Person) -> dict[str, bytes]:
    """What the database holds for them."""
    query = "SELECT id, sealed FROM reply WHERE mailbox = :id"
    return {row[0]: row[1] for row in person.server.instance.rows(query, id=person.keys.mailbox_id)}


def test_a_deleted_reply_is_gone_and_does_not_come_back(person: Person, reviewer: Reviewer) -> None:
    """Its row is emptied, its bytes are in no file, and the same dispatch again brings nothing back."""
    keep, drop = reviewer.reply(person, "KEEP-THIS"), reviewer.reply(person, "DROP-THIS")
    for _ in range(2):
        reviewer.deliver(keep, drop)
    assert person.come_back().text.count("DROP-THIS") == 1
    other = Person.who_sent(person.server)
    assert "This reply is no longer here." in other.act("reply/delete", reply=drop.id).text
    assert "DROP-THIS" in person.come_back().text
    page = person.act("reply/delete", reply=drop.id)
    assert "The reply is deleted." in page.text
    assert "KEEP-THIS" in page.text and "DROP-THIS" not in page.text
    done = reviewer.deliver(keep, drop)
    assert "0 message(s) delivered, 2 were there already." in done.stdout
    assert "DROP-THIS" not in person.come_back().text
    assert replies_of(person) == {keep.id: keep.ciphertext, drop.id: b""}
    assert "This reply is no longer here." in person.act("reply/delete", reply=drop.id).text
    assert person.act("reply/delete").status == 200


# Two traps for programs


def test_a_hidden_field_that_was_filled_in_stores_nothing(shared_server: Server) -> None:
    """Programs fill in every field. A person whose browser did so sends the page once more, and loses no word."""
    client, before = shared_server.client, stored(shared_server.instance)
    fields = {**client.form(), "you.adult": "Y", "CINT": "Y", "story.text": "Caught.", "website": "http://spam.example"}
    page = client.post("/en/testimonials", fields)
    assert (page.status, in_textarea(page)) == (422, "Caught.")
    assert "spam.example" not in page.text
    assert stored(shared_server.instance) == before
    again = {name: page.hidden(name) for name in ("form_token", "code")}
    receipt = client.post("/en/testimonials", {**fields, **again, "website": ""})
    assert (receipt.status, receipt.return_code) == (200, fields["code"])


ADDRESSES = [("GET", f"/en/{page}", 403) for page in ("", "testimonials", "return", "nothing", "keys/", "evidence")] + [
    ("POST", f"/en/{page}", 403) for page in ("testimonials", "return", "reply", "consent", "withdraw", "evidence")
]


@pytest.mark.parametrize(("method", "path", "status"), [*ADDRESSES, ("GET", "/", 403), ("GET", "/exit", 200)])
def test_nothing_is_shown_through_a_go_between(person: Person, method: str, path: str, status: int) -> None:
    """A tor2web site reads along: everything but the way out is refused there, with the reason."""
    before = stored(person.server.instance)
    body = b"form_token=x&code=" + person.return_code.encode()
    for value in ("1", ""):
        headers = {"X-Tor2web": value, "Content-Type": "application/x-www-form-urlencoded"}
        page = person.server.client.request(method, path, body if method == "POST" else None, headers)
        assert page.status == status
        if status == 403:
            assert "another website that stands between you and us" in page.text
            assert "Tor Browser" in page.text
            assert "<form" not in page.text
    assert stored(person.server.instance) == before


def test_the_stylesheets_of_the_refusal_come_through(shared_server: Server) -> None:
    """So that the page which explains it can be read, and the one that leaves clears the browser."""
    client = shared_server.client
    pages = [client.get("/en/", X_Tor2web="1"), client.get("/exit", X_Tor2web="1")]
    links = list(
        itertools.chain.from_iterable(re.findall(r'rel="stylesheet" href="([^"]+)"', page.text) for page in pages)
    )
    assert len(links) == 2
    assert [client.get(link, X_Tor2web="1").status for link in links] == [200, 200]
