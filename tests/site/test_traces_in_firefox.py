"""What Firefox would write to disk while someone types, to bring their pages back after a crash."""

import json

from marionette_driver import By, Wait
from marionette_driver.errors import NoSuchElementException
from marionette_driver.marionette import Marionette
from person import Person
from service import Server

KEPT = """
const done = arguments[arguments.length - 1];
const flusher = ChromeUtils.importESModule("resource:///modules/sessionstore/TabStateFlusher.sys.mjs");
const store = ChromeUtils.importESModule("resource:///modules/sessionstore/SessionStore.sys.mjs");
flusher.TabStateFlusher.flushWindow(window).then(() => done(store.SessionStore.getBrowserState()));
"""
FILL_IN = """
for (const field of document.querySelectorAll("main :is(textarea, select, input:not([type=hidden], [type=file]))")) {
    if (field.localName === "select") {
        field.selectedIndex = 3;
    } else if (field.type === "radio" || field.type === "checkbox") {
        field.checked = !field.defaultChecked;
    } else {
        field.value = "2019 marked";
    }
    field.dispatchEvent(new Event("input", { bubbles: true }));
}
"""


def assert_nothing_kept(firefox: Marionette, place: str) -> None:
    """Fill in everything on the page, and check that Firefox keeps the page and none of what stands in it."""
    firefox.execute_script(FILL_IN)
    with firefox.using_context("chrome"):
        tabs = [tab for window in json.loads(firefox.execute_async_script(KEPT))["windows"] for tab in window["tabs"]]
    assert any(tab["entries"][-1]["url"].endswith(place) for tab in tabs)
    assert [tab["formdata"] for tab in tabs if "formdata" in tab] == []
    assert "marked" not in json.dumps(tabs)


def test_this_browser_would_keep_it(shared_server: Server, firefox: Marionette) -> None:
    """Firefox does keep a field that does not say otherwise: a form that says so for all its fields is not enough."""
    firefox.navigate(f"{shared_server.address}/en/return")
    firefox.execute_script("document.querySelector('main form').append(document.createElement('textarea'))")
    firefox.execute_script(FILL_IN)
    with firefox.using_context("chrome"):
        assert "marked" in firefox.execute_async_script(KEPT)


def test_nothing_typed_is_kept(shared_server: Server, firefox: Marionette) -> None:
    """Not on the form, not where someone types their code, and not where they write to us."""
    firefox.navigate(f"{shared_server.address}/en/testimonials")
    assert_nothing_kept(firefox, "/testimonials")
    person = Person.who_sent(shared_server)
    firefox.navigate(f"{shared_server.address}/en/return")
    assert_nothing_kept(firefox, "/return")
    field = firefox.find_element(By.ID, "code")
    field.clear()
    field.send_keys(person.return_code)
    firefox.execute_script("document.getElementById('code').form.requestSubmit()")
    waiting = Wait(firefox, timeout=60, ignored_exceptions=NoSuchElementException)
    waiting.until(lambda browser: browser.find_element(By.ID, "text").is_displayed())
    assert_nothing_kept(firefox, "/return")
