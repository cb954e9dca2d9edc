"""Coming back where scripts run: the code and the words never leave the browser but sealed, and the desk gets them."""

import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl

import pytest
from person import Person, Reviewer, stored
from playwright.sync_api import Browser, Page, Request, Route, expect
from service import Server
from visitor import question_id, visit

from intake import code
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient
from intake.desk.keys import signing_key
from intake.dispatch import SealedMessage
from intake.envelope import Addition, Consent, Withdrawal

WORDS = "I remember one more thing.\nThe nurse's name was on the door. وشيء آخر"
INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
MARKUP = "<b>First</b>\n<img src=x onerror=alert(1)> شكراً"


@pytest.fixture(scope="module")
def reviewer(shared_server: Server) -> Reviewer:
    """A desk that this server trusts."""
    return Reviewer(shared_server.instance).introduced()


class Wire:
    """Everything that a page sends, to be searched."""

    def __init__(self, page: Page) -> None:
        self.sent: list[Request] = []
        page.on("request", lambda request: self.sent.append(request))

    def fields(self) -> set[tuple[str, str]]:
        """Return the path of each POST and the names of its fields."""
        return {(re.sub(r"^https?://[^/]*/[a-z]+/", "", each.url), name) for each in self.sent for name in names(each)}

    def holds(self, *secrets: str) -> list[str]:
        """Return the addresses of the requests that hold one of these, however it is written."""
        found = []
        for request in self.sent:
            body = request.post_data_buffer or b""
            told = [request.url.encode(), str(request.headers).encode(), body, re.sub(rb"%20|[+ \-]", b"", body)]
            told.append(" ".join(value for _, value in parse_qsl(body.decode("latin-1"))).encode())
            if any(each.encode() in part for each in secrets for part in told):
                found.append(request.url)
        return found


def names(request: Request) -> list[str]:
    """Return the names of the fields of a form that was posted."""
    body = request.post_data_buffer or b""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        parsed = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        return [str(part.get_param("name", header="content-disposition")) for part in parsed.iter_parts()]
    return [name for name, _ in parse_qsl(body.decode("latin-1"), keep_blank_values=True)]


def come_back(page: Page, server: Server, typed: str, language: str = "en") -> None:
    """Type a code on the page that asks for it."""
    page.goto(f"{server.address}/{language}/return")
    expect(page.locator(".note[data-way=browser]")).to_be_visible()
    page.locator("#code").fill(typed)
    page.keyboard.press("Enter")


def option(question: str, answer: str) -> str:
    """Return the selector of a choice."""
    return f'#{question_id(question)} input[value="{answer}"]'


@contextlib.contextmanager
def at_home(chromium: Browser, person: Person) -> Iterator[Page]:
    """Open their page in a browser that runs scripts."""
    with visit(chromium, person.server.address, java_script_enabled=True) as visitor:
        come_back(visitor.page, person.server, person.return_code)
        expect(visitor.page.locator("#words")).to_be_visible()
        yield visitor.page


def texts(person: Person) -> list[str]:
    """Return the words that they added, as the desk opens them."""
    return [envelope.text for envelope in person.opened() if isinstance(envelope, Addition)]


def test_the_whole_way_back(shared_server: Server, chromium: Browser, reviewer: Reviewer) -> None:
    """Read, write, choose, delete, withdraw: it all arrives, and no request holds the code or a word of it."""
    person = Person.who_sent(shared_server, CSTAT="Y", **{"safe.retaliate": "Y"})
    authority = person.authority()
    reviewer.deliver(
        reviewer.reply(person, MARKUP),
        reviewer.reply(person, "Second."),
        *(reviewer.news(person, state, text=f"About {state}.") for state in ("received", "accepted", "set aside")),
        reviewer.news(person, "received", sha256="ab" * 32),
    )
    with visit(chromium, shared_server.address, java_script_enabled=True) as visitor:
        page = visitor.page
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Security Policy" in message.text else None)
        wire = Wire(page)

        wrong = f"{person.return_code[:-1]}{(int(person.return_code[-1]) + 1) % 10}"
        for typed, words in {
            "12x4": "only digits",
            person.return_code[1:]: "You typed 23.",
            wrong: "is not right",
        }.items():
            come_back(page, shared_server, typed)
            expect(page.locator("#code-problem")).to_contain_text(words)
            expect(page.locator(".summary:focus")).to_contain_text(words)
        assert {request.method for request in wire.sent} == {"GET"}
        come_back(page, shared_server, code.make())
        expect(page.locator(".summary")).to_contain_text("We do not know this code.")
        expect(page.locator("#code")).not_to_have_value("")
        come_back(page, shared_server, code.groups(person.return_code).translate(INDIC))

        expect(page.locator(".reply")).to_have_count(2)
        assert {text.inner_text() for text in page.locator(".reply .said").all()} == {MARKUP, "Second."}
        assert page.locator("main img").count() == 0
        expect(page.locator("#news > li")).to_have_count(5)
        assert [line.inner_text() for line in page.locator(".digest").all()].count(person.digest) == 2
        expect(page.locator(".news .problem")).to_be_visible()
        expect(page.locator("#m5 + details [name=CPUB_NAME]")).to_have_count(0)
        expect(page.locator("[name=CINT]")).to_have_count(0)

        page.locator("#words .button").click()
        expect(page.locator(".summary:focus")).to_contain_text("Please write something first.")
        page.locator("#text").fill("No.")
        page.locator(".languages summary").click()
        page.locator(".languages [value=ar]").click()
        expect(page.locator("html")).to_have_attribute("lang", "ar")
        expect(page.locator("#text")).to_have_value("No.")
        page.locator("#text").fill(WORDS)
        page.locator(".languages summary").click()
        page.locator(".languages [value=en]").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        second = page.locator(".reply", has_text="Second.")
        second.locator("summary").click()
        second.locator("button").click()
        expect(page.locator(".summary")).to_contain_text("The reply is deleted.")
        expect(page.locator(".reply")).to_have_count(1)
        expect(page.locator("#text")).to_have_value(WORDS)
        page.locator("#words .button").click()
        expect(page.locator(".summary")).to_contain_text("We have stored what you wrote.")
        digests = {record.sha256 for record in stored(person.server.instance).values() if record.kind == "addition"}
        assert page.locator(".summary output").inner_text() in digests
        expect(page.locator("#text")).to_have_value("")

        for answer, other in (("Y", "N"), ("N", "Y")):
            if answer == "Y":
                page.locator("#m5 + details > summary").click()
            page.locator(option("CCONT", answer)).check()
            page.locator(option("CSTAT", other)).check()
            page.keyboard.press("Enter")
            with page.expect_navigation():
                page.locator("#choices .button").click()
            expect(page.locator(".summary")).to_contain_text("We have stored your choices.")
            expect(page.locator(option("CCONT", answer))).to_be_checked()
            expect(page.locator(option("CSTAT", other))).to_be_checked()
        opened = person.opened()
        (added,) = (envelope for envelope in opened if isinstance(envelope, Addition))
        consents = sorted((each for each in opened if isinstance(each, Consent)), key=lambda each: each.version)
        assert added.text == WORDS
        assert [(each.version, each.consent["CCONT"], each.consent["CSTAT"]) for each in consents] == [
            (1, "Y", "N"),
            (2, "N", "Y"),
        ]
        changes: list[Addition | Consent] = [added, *consents]
        for envelope in changes:
            envelope.verify(authority)
            assert (envelope.client, envelope.parent) == ("browser", person.testimony)
            assert envelope.recipients == opened[0].recipients
        page.reload()
        expect(page.locator(option("CCONT", "N"))).to_be_checked()

        testimony = person.testimony
        page.locator("form[action$='/withdraw'] .button").click()
        page.get_by_role("button", name="No, keep it").click()
        page.locator("form[action$='/withdraw'] .button").click()
        page.get_by_role("button", name="Yes, withdraw everything").click()
        expect(page.locator("h1")).to_have_text("Your testimony is withdrawn")
        kept = [each for each in stored(person.server.instance).values() if each.mailbox == person.keys.mailbox_id]
        (withdrawal,) = (shared_server.instance.opened(each.ciphertext) for each in kept if each.state == "kept")
        assert json.loads(withdrawal)["kind"] == Withdrawal.kind and json.loads(withdrawal)["parent"] == testimony

        assert len(wire.sent) > 15
        # The access token is meant to travel: what it opens is sealed.
        assert wire.holds(person.keys.access.hex())
        assert (
            wire.holds(person.return_code, code.groups(person.return_code), person.return_code.translate(INDIC)) == []
        )
        assert (
            wire.holds("one more thing", "CCONT", "CSTAT", person.keys.mailbox.hex(), person.keys.authority.hex()) == []
        )
        assert {name for _, name in wire.fields()} <= {
            *("form_token", "access", "edition", "stored", "unsent", "reply"),
            *("id", "sealed", "choices", "before", "confirm"),
        }
        unsent = [parse_qs((each.post_data_buffer or b"").decode("latin-1")).get("unsent", []) for each in wire.sent]
        assert [len(one) for one in unsent if one] == [1, 1, 1]
        assert len({len(*one) for one in unsent if one}) == 1  # however much is written
        assert page.context.cookies() == []
        assert problems == []


def test_with_the_real_desk(server: Server, chromium: Browser, tmp_path: Path) -> None:
    """It opens what the browser sealed, checks what the browser signed, and what it answers opens in the browser."""
    instance, stick = server.instance, tmp_path / "back.tar"
    person = Person.who_sent(server, CSTAT="Y")
    Reviewer(instance, signing_key(instance.identity)).introduced()
    letter = tmp_path / "sent" / "letter.pdf"
    letter.parent.mkdir()
    letter.write_bytes(b"Dear patient, your results are lost. " * 3000)
    with at_home(chromium, person) as page:
        page.locator("#m4 + .fold > summary").click()
        page.locator("#files").set_input_files(letter)
        page.locator("#evidence > p > .button").click()
        expect(page.locator("#sent-files > li")).to_contain_text("It is stored safely.", use_inner_text=True)
        page.locator("#text").fill(WORDS)
        with page.expect_navigation():
            page.locator("#words .button").click()
        page.locator("#m5 + details > summary").click()
        page.locator(option("CSTAT", "N")).check()
        with page.expect_navigation():
            page.locator("#choices .button").click()
        expect(page.locator(".summary")).to_contain_text("We have stored your choices.")

        (testimony,) = (each for each in instance.open_on_desk() if each["kind"] == "testimony")
        assert (testimony["attachments"], testimony["additions"]) == (1, 1)
        shown = instance.shown(testimony["id"])
        assert (shown["consent"]["CSTAT"], shown["consent_given"]["CSTAT"]) == ("N", "Y")
        (found,) = shown["attachments"]
        assert instance.desk("attachment", found["id"], "--out", tmp_path / found["name"]).returncode == 0
        assert (tmp_path / "letter.pdf").read_bytes() == letter.read_bytes()
        assert "The nurse's name was on the door." in instance.desk("show", testimony["id"]).stdout
        (tmp_path / "words.txt").write_text("Which ward was it?\n")
        for done in (
            instance.desk("reply", testimony["id"], "--text-file", tmp_path / "words.txt"),
            instance.desk("dispatch", stick),
            instance.intake("deliver", stick),
        ):
            assert done.returncode == 0, done.stderr

        come_back(page, server, person.return_code)
        expect(page.locator(".reply .said")).to_have_text("Which ward was it?\n")
        expect(page.locator("#news")).to_contain_text("The two lines are the same.")
        page.locator("form[action$='/withdraw'] .button").click()
        page.get_by_role("button", name="Yes, withdraw everything").click()
        expect(page.locator("h1")).to_have_text("Your testimony is withdrawn")
    (tombstone,) = (each for each in instance.open_on_desk() if each["id"] == testimony["id"])
    assert tombstone["state"] == "withdrawn"


def test_what_the_desk_did_not_write_is_not_shown(shared_server: Server, chromium: Browser, reviewer: Reviewer) -> None:
    """Another key's, another testimony's, sealed to someone else, or no message at all: counted, and not shown."""
    person, other = Person.who_sent(shared_server), Person.who_sent(shared_server)
    sealed = reviewer.reply(person, "To someone else.")
    elsewhere = replace(reviewer.reply(other, "To someone else."), record=person.testimony)
    own = HybridRecipient.from_seed(person.keys.mailbox)
    reviewer.deliver(
        Reviewer(reviewer.instance).reply(person, "Not from the desk."),
        reviewer.reply(person, "Of another testimony.", parent=other.testimony),
        elsewhere,
        SealedMessage(secrets.token_hex(16), person.testimony, encrypt(b"no message".ljust(8192), [own])),
        SealedMessage(secrets.token_hex(16), person.testimony, sealed.ciphertext[:-1]),
        reviewer.reply(person, "This one is."),
    )
    with at_home(chromium, person) as page:
        assert [text.inner_text() for text in page.locator(".reply .said").all()] == ["This one is."]
        expect(page.locator("#replies")).to_contain_text("5 messages are not shown")


def test_words_stay_while_they_cannot_be_sent(shared_server: Server, chromium: Browser) -> None:
    """The network breaks, the page is too old, the browser cannot seal: it says so, and only the person's own click
    sends in the plain way what could not be locked."""
    person = Person.who_sent(shared_server)
    with at_home(chromium, person) as page:
        told = page.locator(".summary:focus")
        wire = Wire(page)
        page.locator("#text").fill(WORDS)
        page.route("**/reply", lambda route: route.abort())
        page.locator("#words .button").click()
        expect(told).to_contain_text("The connection broke.")
        expect(page.locator("#text")).to_have_value(WORDS)
        page.unroute("**/reply")
        page.route("**/reply", lambda route: (route.fetch(), route.abort()))  # it arrives, and its answer does not
        page.locator("#words .button").click()
        expect(told).to_contain_text("The connection broke.")
        assert texts(person) == [WORDS]
        page.unroute("**/reply")
        page.locator("#words .button").click()
        expect(page.locator(".summary")).to_contain_text("We have stored what you wrote.")
        assert texts(person) == [WORDS]

        page.locator("#text").fill("Old page.")
        page.evaluate("document.querySelectorAll('[name=form_token]').forEach(field => { field.value = 'old' })")
        with page.expect_navigation():
            page.locator("#words .button").click()
        expect(page.locator(".summary")).to_contain_text("We have stored what you wrote.")
        assert sorted(texts(person)) == sorted([WORDS, "Old page."])

        page.evaluate("void (crypto.getRandomValues = () => { throw new Error() })")
        page.locator("#text").fill("Without a lock.")
        page.locator("#words .button").click()
        expect(told).to_contain_text("Your browser could not lock this. Nothing was sent.")
        assert wire.holds(person.return_code, "Without", "one more thing") == []
        with page.expect_navigation():
            page.get_by_role("button", name="Send it without this lock").click()
        expect(page.locator(".summary")).to_contain_text("We have stored what you wrote.")
        assert "Without a lock." in texts(person)
        assert [url.rpartition("/")[2] for url in wire.holds(person.return_code)] == ["reply"]


def test_withdrawn_in_another_tab(shared_server: Server, chromium: Browser) -> None:
    """What was written stays in the page, which says why it is not stored."""
    person = Person.who_sent(shared_server)
    with at_home(chromium, person) as page:
        page.locator("#text").fill(WORDS)
        assert person.act("withdraw", confirm="yes").status == 200
        page.locator("#words .button").click()
        expect(page.locator(".summary:focus")).to_contain_text("You have withdrawn this testimony.")
        expect(page.locator("#text")).to_have_value(WORDS)


def test_the_edition_that_was_asked(shared_server: Server, chromium: Browser) -> None:
    """Where the call has changed since, the page asks for the words of the edition that only the browser can see."""
    person = Person.who_sent(shared_server)
    with visit(chromium, shared_server.address, java_script_enabled=True) as visitor:
        page = visitor.page
        asked: list[Request] = []
        page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)

        def another(route: Route) -> None:
            if route.request.method == "POST" and len(asked) == 1:
                response = route.fetch()
                changed = re.sub(r'("edition": ?)"[0-9a-f]{64}"', r'\1"' + "0" * 64 + '"', response.text())
                route.fulfill(response=response, body=changed)
            else:
                route.continue_()

        page.route("**/return", another)
        come_back(page, shared_server, person.return_code)
        expect(page.locator("#words")).to_be_visible()
        edition = person.opened()[0].edition
        assert [dict(parse_qsl(each.post_data or "", keep_blank_values=True)).get("edition") for each in asked] == [
            None,
            edition,
        ]


@pytest.mark.parametrize("broken", ["gone", "changed"])
def test_a_script_that_never_runs(shared_server: Server, chromium: Browser, broken: str) -> None:
    """It does not arrive, or not as it was: the plain way, and the page says so."""
    person = Person.who_sent(shared_server)
    with visit(chromium, shared_server.address, java_script_enabled=True) as visitor:
        page = visitor.page
        page.route("**/static/form*.js", breaking(broken))
        page.goto(f"{shared_server.address}/en/return")
        expect(page.locator(".note[data-way=plain]")).to_contain_text("The server unlocks them for a moment")
        expect(page.locator(".note[data-way=browser]")).to_be_hidden()
        page.locator("#code").fill(person.return_code)
        page.keyboard.press("Enter")
        page.locator("#text").fill(WORDS)
        page.locator("#words .button").click()
        expect(page.locator(".summary")).to_contain_text("We have stored what you wrote.")
    assert texts(person) == [WORDS]


def test_a_script_that_is_lost_on_the_way(shared_server: Server, chromium: Browser) -> None:
    """The page that cannot unlock itself says so, and has nothing to send; with the code again, the plain way opens."""
    person = Person.who_sent(shared_server)
    with visit(chromium, shared_server.address, java_script_enabled=True) as visitor:
        page = visitor.page
        page.goto(f"{shared_server.address}/en/return")
        expect(page.locator(".note[data-way=browser]")).to_be_visible()
        page.route("**/static/form*.js", breaking("gone"))
        page.locator("#code").fill(person.return_code)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("If nothing happens here")
        assert page.locator("main form:visible").count() == 1
        page.locator("#code").fill(person.return_code)
        page.keyboard.press("Enter")
        expect(page.locator("#words")).to_be_visible()
        page.locator("form[action$='/withdraw'] .button").click()
        page.get_by_role("button", name="Yes, withdraw everything").click()
        expect(page.locator("h1")).to_have_text("Your testimony is withdrawn")


def breaking(how: str) -> Callable[[Route], None]:
    """Return what keeps a script from running."""

    def change(route: Route) -> None:
        if how == "gone":
            route.abort()
        else:
            response = route.fetch()
            route.fulfill(response=response, body=response.text() + "\n")

    return change
