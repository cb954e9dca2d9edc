"""The form where scripts run: what was typed leaves the browser sealed or not at all, and stays in it until stored."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import pytest
from person import Person, instance_id, kinds
from playwright.sync_api import Browser, Page, Request, Route, expect
from service import Instance, Server
from tap import tap
from visitor import ENOUGH, STORY, Visitor, section_with, visit

from intake import code
from intake.age.identities import HybridIdentity
from intake.envelope import Addition, Testimony, parse

WORD = STORY.split(".")[0]
MORE = "And then the lights came back."
OUR_CODE = re.compile(r"\d{4}( \d{4}){5}")
FORM = re.compile(r"/en/testimonials$")
HURRIED = "const later = setTimeout; window.setTimeout = (act, time) => later(act, Math.min(time ?? 0, 2000))"
BROKEN = "crypto.getRandomValues = () => { throw new Error('broken') }"


@pytest.fixture
def visitor(shared_server: Server, chromium: Browser) -> Iterator[Visitor]:
    """Someone with scripts."""
    with visit(chromium, shared_server.address, java_script_enabled=True) as found:
        yield found


def write(visitor: Visitor, text: str = STORY) -> Visitor:
    """Fill in as much as is needed, and look it over."""
    visitor.open()
    expect(visitor.page.locator(".send [data-way=browser]")).not_to_have_attribute("hidden", "")
    visitor.at("story").field("story.text").fill(text)
    visitor.set(ENOUGH)
    return visitor.look_over()


def press(visitor: Visitor, label: str = "Send my testimony") -> None:
    """Press a button that can be seen."""
    visitor.page.locator("button:visible", has_text=label).first.click()


def receipt(page: Page) -> str:
    """Wait for the receipt, and return its code."""
    expect(page.locator("#return-code")).to_have_text(OUR_CODE)
    return page.locator("#return-code").inner_text().replace(" ", "")


def told(page: Page, *sentences: str) -> None:
    """Wait until the block above the form says this, with the focus on it."""
    expect(page.locator("main > .summary")).to_be_focused()
    for sentence in sentences:
        expect(page.locator("main > .summary")).to_contain_text(sentence)


def every_spelling(texts: Iterable[str]) -> dict[str, bytes]:
    """Return what a text may look like on the line."""
    return {
        f"{text} {number}": spelling
        for text in texts
        for number, spelling in enumerate(
            (text.encode(), quote(text).encode(), quote_plus(text).encode(), json.dumps(text)[1:-1].encode())
        )
    }


def test_only_ciphertext_leaves(server: Server, chromium: Browser) -> None:
    """On the line are the access token, public keys and what is sealed; the desk reads it as if the server had sealed.

    That the tap sees what is sent is shown by the access token, and by a second person who chose the plain way.
    """
    with tap(server.client.port) as line, visit(chromium, line.address, java_script_enabled=True) as visitor:
        write(visitor).at(section_with("inc.name").id).field("inc.name").fill("St. Anna")
        visitor.look_over()
        expect(visitor.page.locator(".send p[data-way=browser]")).to_be_visible()
        expect(visitor.page.locator("[data-way=plain]:visible")).to_have_count(0)
        press(visitor)
        return_code = receipt(visitor.page)
        digest = visitor.page.locator("#digest").inner_text()
        keys = code.derive(return_code, instance_id(server.instance))
        secrets = every_spelling([STORY, WORD, "St. Anna", "RANSOM", "CINT", "story.text", return_code])
        secrets |= every_spelling([code.groups(return_code), return_code[-8:], "intake:"])
        for name in ("mailbox", "authority", "draft", "retry"):
            key: bytes = getattr(keys, name)
            secrets |= {f"{name} {each[:4]!r}": each for each in (key, key.hex().encode(), base64.b64encode(key))}
        assert line.holding(secrets) == []
        assert line.holding({"access": keys.access.hex().encode()}) == ["access"]
        assert visitor.page.context.cookies() == []
        assert "code" not in visitor.page.url
    (ciphertext,) = server.instance.ciphertexts()
    testimony = server.instance.testimony(ciphertext)
    assert testimony.client == "browser"
    assert (testimony.answers["story.text"], testimony.answers["inc.kind"]) == (STORY, ["RANSOM"])
    (listed,) = server.instance.open_on_desk()
    assert (listed["id"], listed["state"]) == (testimony.id, "new")
    assert server.instance.shown(listed["id"])["client"] == "browser"
    person = Person(server, return_code, digest)
    assert "We have your testimony" not in person.come_back().text
    assert person.come_back().text.count(digest) == 1


def test_what_was_typed_stays_until_it_is_stored(visitor: Visitor, shared_server: Server) -> None:
    """Whatever answers in place of the server, the words stay, none leaves, and in the end it is stored once."""
    before = len(shared_server.instance.ciphertexts())
    answers: list[dict[str, object] | str] = [
        "abort",
        {"status": 503, "body": "down", "content_type": "text/html"},
        {"status": 200, "body": "<h1>Please log in to the hospital's network</h1>", "content_type": "text/html"},
        "lose",
    ]
    posted: list[bytes] = []

    def go_between(route: Route) -> None:
        if route.request.method != "POST" or not answers:
            return route.fallback()
        posted.append(route.request.post_data_buffer or b"")
        answer = answers.pop(0)
        if answer == "abort":
            return route.abort("connectionreset")
        if answer == "lose":
            route.fetch()
            return route.abort("connectionreset")
        assert isinstance(answer, dict)
        return route.fulfill(**answer)  # type: ignore[arg-type]

    visitor.page.route(FORM, go_between)
    write(visitor)
    press(visitor)
    told(visitor.page, "We do not know if it arrived", "Your answers are still here")
    perhaps = code.read(visitor.page.locator(".told output").inner_text())
    press(visitor, "Try again")
    told(visitor.page, "No answer came back")
    expect(visitor.page.locator(".told h2")).to_have_count(1)
    press(visitor, "Try again")
    told(visitor.page, "Another page answered in place of ours")
    press(visitor, "Try again")
    expect(visitor.page.locator(".told")).to_contain_text("No answer came back")
    assert visitor.values()["story.text"] == [STORY]
    assert len(shared_server.instance.ciphertexts()) == before + 1  # though its sender does not know it
    assert all(WORD.encode() not in body for body in posted)
    press(visitor, "Try again")
    assert receipt(visitor.page) == perhaps
    assert len(shared_server.instance.ciphertexts()) == before + 1
    assert len({ids.group() for body in posted if (ids := re.search(rb'name="id"\r\n\r\n[0-9a-f]{32}', body))}) == 1


def test_a_receipt_that_does_not_arrive(visitor: Visitor, shared_server: Server) -> None:
    """Who stops the browser before the receipt is there sees the code, and can go on: it is stored once."""
    page = visitor.page
    before = len(shared_server.instance.ciphertexts())
    lost: list[bool] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method == "POST" and route.request.is_navigation_request() and not lost:
            lost.append(True)
            route.fulfill(status=204)  # a browser that gets nothing stays where it is, as one that was told to stop
        else:
            route.fallback()

    page.route(FORM, lose_the_first)
    page.add_init_script(HURRIED)
    write(visitor)
    with page.expect_request(lambda request: request.is_navigation_request()):
        press(visitor)
    expect(page.locator("#form")).not_to_have_attribute("inert", "")
    assert lost
    told(page, "We have your testimony", "Your return code")
    shown = page.locator(".told output").inner_text()
    assert visitor.values()["story.text"] == [STORY]
    press(visitor)
    assert receipt(page) == code.read(shown)
    assert len(shared_server.instance.ciphertexts()) == before + 1

    """Who loads an earlier receipt again, after a second testimony in the same tab, sees no code that opens another."""


def test_a_receipt_shows_no_other_code(visitor: Visitor) -> None:
    """Who loads an earlier receipt again, after a second testimony in the same tab, sees no code of the other."""
    page = visitor.page
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_request(lambda request: "stored=" in (request.post_data or "")) as asked:
        press(write(visitor))
    first = receipt(page)
    press(write(visitor))
    second = receipt(page)
    assert first != second
    page.evaluate(
        """fields => {
            const form = Object.assign(document.createElement("form"), { method: "post" });
            for (const [name, value] of new URLSearchParams(fields)) {
                form.append(Object.assign(document.createElement("input"), { name, value }));
            }
            document.body.append(form);
            form.submit();
        }""",
        asked.value.post_data,
    )
    expect(page.get_by_text("Your code is not here any more.")).to_be_visible()
    expect(page.locator("#return-code")).to_have_text("")


def test_a_page_that_is_too_old_is_renewed_under_the_words(visitor: Visitor, shared_server: Server) -> None:
    """A token that is no longer good is fetched anew with a GET that tells nothing; sending again is one press."""
    write(visitor)
    visitor.page.evaluate("document.querySelector('[name=form_token]').value = 'of last year'")
    requests: list[Request] = []
    visitor.page.on("request", lambda request: requests.append(request))
    press(visitor)
    told(visitor.page, "This page was open for too long. Your answers are still here.")
    assert [each.method for each in requests] == ["POST", "GET"]
    assert not requests[1].post_data
    assert "review" in visitor.shown()
    assert visitor.values()["story.text"] == [STORY]
    press(visitor, "Try again")
    receipt(visitor.page)


@pytest.mark.parametrize("choice", ["Add to the earlier testimony", "Send as a new testimony"])
def test_a_form_that_was_sent_before(visitor: Visitor, shared_server: Server, choice: str) -> None:
    """What was stored without its sender's knowing, and then changed, becomes a new testimony or an addition."""
    lost: list[bool] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(True)
            route.fetch()
            route.abort("connectionreset")
        else:
            route.fallback()

    visitor.page.route(FORM, lose_the_first)
    write(visitor)
    press(visitor)
    told(visitor.page, "No answer came back")
    before = kinds(shared_server.instance)
    visitor.field("story.text").fill(MORE)
    press(visitor)
    told(visitor.page, "You have already sent this form once.", "This page holds other answers now.")
    assert visitor.values()["story.text"] == [MORE]
    press(visitor, choice)
    if choice.startswith("Add"):
        expect(visitor.page.get_by_role("heading", name="We added it to your testimony")).to_be_visible()
    else:
        receipt(visitor.page)
    kind = Addition if choice.startswith("Add") else Testimony
    assert kinds(shared_server.instance) == sorted([*before, "addition" if kind is Addition else "testimony"])
    opened = [parse(shared_server.instance.opened(each)) for each in shared_server.instance.ciphertexts()]
    (found,) = [each for each in opened if isinstance(each, kind) and each.answers["story.text"] == MORE][-1:]
    assert found.client == "browser"
    if isinstance(found, Addition):
        parent = next(each for each in opened if isinstance(each, Testimony) and each.id == found.parent)
        found.verify(parent.authority)


def test_a_wrong_key_is_noticed_on_the_desk(instance: Instance, chromium: Browser) -> None:
    """A server gives an honest script a key of its own in place of one of ours: the desk says so, and files nothing."""
    escrow, stranger = HybridIdentity.generate(), HybridIdentity.generate()
    instance.add_recipient("escrow", escrow)

    def exchange_keys(route: Route) -> None:
        if route.request.method != "GET":
            return route.fallback()
        answer = route.fetch()
        ours, theirs = str(escrow.recipient()), str(stranger.recipient())
        assert ours in answer.text()
        return route.fulfill(response=answer, body=answer.text().replace(ours, theirs))

    with instance.serve() as server, visit(chromium, server.address, java_script_enabled=True) as visitor:
        visitor.page.route(FORM, exchange_keys)
        press(write(visitor))
        receipt(visitor.page)
    (ciphertext,) = instance.ciphertexts()
    assert instance.opened(ciphertext, stranger), "the key was indeed another"
    (listed,) = instance.open_on_desk()
    assert listed["state"] == "quarantined"
    shown = instance.desk("show", listed["id"])
    assert "it lists a key that the server never sealed to" in shown.stderr


def test_what_cannot_be_locked_is_not_sent(visitor: Visitor, shared_server: Server) -> None:
    """When sealing fails nothing goes by itself. Only who chooses to sends it without the lock, as without scripts."""
    before = set(shared_server.instance.ciphertexts())
    visitor.page.context.add_init_script(BROKEN)
    write(visitor)
    requests: list[Request] = []
    visitor.page.on("request", lambda request: requests.append(request))
    press(visitor)
    told(visitor.page, "Your browser could not lock your answers. Nothing was sent.", "could read along")
    press(visitor, "Try again")
    told(visitor.page, "Your browser could not lock your answers.")
    press(visitor, "Save a draft")
    expect(visitor.page.locator("#status")).to_contain_text("could not lock the draft")
    assert requests == []
    assert visitor.values()["story.text"] == [STORY]
    press(visitor, "Send it without this lock")
    assert receipt(visitor.page)
    (sent,) = set(shared_server.instance.ciphertexts()) - before
    assert shared_server.instance.testimony(sent).client == "server"


@pytest.mark.parametrize("spoil", ["blocked", "cut off", "tampered"])
def test_without_a_whole_script_the_page_goes_the_plain_way_and_says_so(
    visitor: Visitor, shared_server: Server, spoil: str
) -> None:
    """A script that does not come as it was built does nothing at all."""

    def meddle(route: Route) -> None:
        if spoil == "blocked":
            return route.abort()
        response = route.fetch()
        text = response.text()
        return route.fulfill(response=response, body=text[: len(text) // 2] if spoil == "cut off" else text + "\n//")

    visitor.page.route("**/static/*.js", meddle)
    visitor.open()
    expect(visitor.page.locator("#p1 [data-way=plain]")).to_contain_text("our server, and it locks them")
    expect(visitor.page.locator("[data-way=browser]:visible")).to_have_count(0)
    visitor.at("story").field("story.text").fill(STORY)
    visitor.set(ENOUGH)
    visitor.look_over()
    expect(visitor.page.locator(".send [data-way=plain]")).to_contain_text("our server locks it at once")
    visitor.send()
    assert OUR_CODE.fullmatch(visitor.return_code())
