"""What every test may use: a real instance in a temporary folder, the real server process, the real commands."""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from marionette_driver.marionette import Marionette
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from postgres import remove_shared_cluster, shared_cluster
from service import CHROMIUM, Instance, Server

hypothesis.settings.register_profile("any machine", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("any machine")
expect.set_options(timeout=60_000)  # milliseconds, as for all that Playwright waits for: a busy browser is none either

WITHOUT_WINDOWS = shutil.which("chromium-headless-shell")
"""The same browser without windows, tabs and history of its own: a page costs it a third of the time."""
FIREFOX = shutil.which("firefox-esr")
FIREFOX_SETTINGS = {
    "javascript.options.baselinejit": False,
    "javascript.options.ion": False,
    "javascript.options.native_regexp": False,
    "javascript.options.wasm": False,
    "network.dns.localDomains": "intake.test",
}
"""As Tor Browser runs scripts at its level "Safer": without a compiler. `intake.test` is this machine."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Count a skipped test as failed where everything is installed: in CI nothing may be passed over."""
    report: Any = yield
    if report.skipped and os.environ.get("NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but NO_SKIPS is set: {report.longrepr}"
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that are marked so on both engines, each with an instance on SQLite and on PostgreSQL."""
    marked = metafunc.definition.get_closest_marker("both_engines")
    if marked and "new_database" in metafunc.fixturenames:
        engines = ["sqlite"] if metafunc.definition.get_closest_marker("only_sqlite") else ["sqlite", "postgresql"]
        metafunc.parametrize("new_database", engines, indirect=True, scope="module")


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    remove_shared_cluster()


@pytest.fixture(scope="module")
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """What makes the database of an instance and returns its URL; nothing for SQLite, which lies in its folder."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield lambda: ""
        return
    made: list[str] = []

    def new() -> str:
        made.append(shared_cluster().new_database())
        return made[-1]

    yield new
    for url in made:
        shared_cluster().drop(url)


@pytest.fixture
def instance(tmp_path: Path, new_database: Callable[[], str]) -> Instance:
    """A fresh instance with one recipient, ready to serve."""
    return Instance.create(tmp_path, new_database())


@pytest.fixture
def server(instance: Instance) -> Iterator[Server]:
    """A running server on a fresh instance."""
    with instance.serve() as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Server]:
    """A running server that the tests of a module share: for those that look, or do not mind what others sent."""
    with Instance.create(tmp_path_factory.mktemp("shared"), new_database()).serve() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is missing. To install it: sudo apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    arguments += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=WITHOUT_WINDOWS or CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marionette]:
    """Headless Firefox ESR, with its scripts interpreted; `http://intake.test` is no secure context."""
    if FIREFOX is None:
        pytest.skip("Firefox is missing. To install it: sudo apt-get install firefox-esr")
    log = tmp_path_factory.mktemp("firefox") / "log"
    browser = Marionette(
        port=0, bin=FIREFOX, headless=True, gecko_log=str(log), prefs=FIREFOX_SETTINGS, startup_timeout=120
    )
    browser.start_session()
    try:
        yield browser
    finally:
        browser.delete_session()
        browser.cleanup()
