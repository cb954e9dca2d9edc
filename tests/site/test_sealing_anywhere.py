"""Sealing where least is given: scripts without a compiler, on an address that is no secure context."""

import re
import shutil

from marionette_driver import By, Wait
from marionette_driver.errors import NoSuchElementException
from marionette_driver.marionette import Marionette
from playwright.sync_api import Browser, expect
from service import Server
from visitor import ENOUGH, STORY

from intake import code

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CODE = re.compile(r"\d{4}( \d{4}){5}")
BARE = "[isSecureContext, typeof crypto.subtle, typeof WebAssembly]"
FILL_IN = """([chosen, story]) => {
    for (const [name, codes] of Object.entries(chosen)) {
        for (const code of codes) {
            document.querySelector(`[name="${name}"][value="${code}"]`).checked = true;
        }
    }
    document.querySelector("[name='story.text']").value = story;
    location.hash = document.querySelector(".review").id;
}"""


def assert_sealed(server: Server, return_code: str) -> None:
    """Check that the desk reads the one testimony there is, that a browser sealed it, and that this is its code."""
    (ciphertext,) = server.instance.ciphertexts()
    testimony = server.instance.testimony(ciphertext)
    assert (testimony.client, testimony.answers["story.text"]) == ("browser", STORY)
    assert "withdraw" in server.client.come_back(code.read(return_code)).text


def test_in_chromium(server: Server, chromium: Browser) -> None:
    """Neither crypto.subtle nor WebAssembly nor a compiler is needed; and the next site in the tab gets no code.

    Chromium hands the name of a window on to whatever is opened in it: the code is in there, locked.
    """
    arguments = ["--no-sandbox", "--js-flags=--jitless", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    bare = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    try:
        page = bare.new_page()
        page.goto(f"http://intake.test:{server.client.port}/en/testimonials")
        assert page.evaluate(BARE) == [False, "undefined", "undefined"]
        expect(page.locator(".send [data-way=browser]")).not_to_have_attribute("hidden", "")
        page.evaluate(FILL_IN, [dict(ENOUGH), STORY])
        page.locator(".send button:visible").first.click()
        expect(page.locator("#return-code")).to_have_text(CODE, timeout=90_000)
        return_code = code.read(page.locator("#return-code").inner_text())
        assert_sealed(server, return_code)
        page.goto(f"http://other.test:{server.client.port}/keys")
        name = page.evaluate("window.name")
        assert '"code"' in name, "this browser does hand it on"
        assert [each for each in (return_code, return_code.encode().hex()) if each in name] == []
    finally:
        bare.close()


def test_in_firefox(server: Server, firefox: Marionette) -> None:
    """The same in the browser that Tor Browser is made from."""
    firefox.navigate(f"http://intake.test:{server.client.port}/en/testimonials")
    assert firefox.execute_script(f"return {BARE}") == [False, "undefined", "undefined"]
    firefox.execute_script(f"({FILL_IN})(arguments)", script_args=(dict(ENOUGH), STORY))
    sends = firefox.find_elements(By.CSS_SELECTOR, ".send button")
    next(button for button in sends if button.is_displayed()).click()

    def code_shown(browser: Marionette) -> str:
        return str(browser.find_element(By.ID, "return-code").text)

    waiting = Wait(firefox, timeout=90, ignored_exceptions=NoSuchElementException)
    waiting.until(lambda browser: CODE.fullmatch(code_shown(browser)))
    assert_sealed(server, code_shown(firefox))
