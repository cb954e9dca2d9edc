"""Testimonies of the real call, told for tests; and their page, opened in a browser in which nothing may go wrong."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from desk.conftest import DUTY
from desk.review.running import Running, browse
from desk.stick import Desk, Server
from intake.age.identities import HybridIdentity
from intake.calls.answers import check
from intake.calls.edition import read_editions
from intake.desk import passages
from intake.desk.access import open_workspace
from intake.desk.study import coding
from intake.desk.workspace import Workspace

EDITION = read_editions(Path(__file__).parents[3] / "translations", ("ar", "fr"))["testimonials"]
ARABIC = "في تِلْكَ اللَّيْلَةِ تَوَقَّفَتِ الأَجْهِزَةُ كُلُّهَا. كنتُ خائفةً 👩‍👩‍👧‍👦 جدًّا."
CHINESE = "那天早上，所有的电脑都黑屏了。护士只能用纸和笔记录。"


def tell(server: Server, text: str = "We waited. Nobody came for hours.", language: str = "en", **given: Any) -> str:
    """Take a testimony as the site does, with some answers or consents beside those that are needed."""
    whole = {"you.adult": "Y", "story.text": text, "CINT": "Y", "CSTAT": "Y", **given}
    checked = check(EDITION.call, whole)
    consent = {**checked.consent, "notice_sha256": EDITION.notice_sha256(language)}
    return server.receive(call="testimonials", language=language, answers=checked.answers, consent=consent)


@contextlib.contextmanager
def at_desk(desk: Desk, identity: HybridIdentity = DUTY) -> Iterator[Workspace]:
    with open_workspace(desk.workspace, [identity]) as workspace:
        yield workspace


def coded(desk: Desk, testimony: str) -> set[tuple[str, str]]:
    """The words that are coded, and the code, cut out of the very text that was sent."""
    with at_desk(desk) as workspace:
        record = workspace.testimony(testimony)
        found = coding.visible(workspace, testimony)
        return {(passages.words(workspace, record, mark.passage), mark.code) for mark in found}


@contextlib.contextmanager
def reading(chromium: Browser, running: Running, testimony: str, **options: Any) -> Iterator[Page]:
    """Open a testimony. Nothing on the page may break a rule of the browser, or do anything by itself."""
    with browse(chromium, running, **options) as page:
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(f"{running.home}testimony/{testimony}")
        yield page
        page.evaluate("0")  # whatever the page said before this answer has come, too
        assert troubles == []
