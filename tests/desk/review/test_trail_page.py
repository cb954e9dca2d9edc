"""The page of the trail: who did what, newest first, and whether all of it is as it was written."""

import re

from desk.conftest import DUTY
from desk.review.running import Reader, serving
from desk.stick import Desk, Server
from intake.desk.access import open_workspace


def test_it_tells_who_did_what(server: Server, reader: Reader) -> None:
    """Newest first, with the new state and a link to the testimony by its number."""
    record = server.identifier(1)
    for state in ("reading", "accepted"):
        reader.press("/decide", {"record": record, "state": state})
    page = reader.get("/trail").text
    rows = re.findall(r"<tr>\s*<td>.*?</tr>", page, re.DOTALL)
    assert [re.sub(r"<[^>]*>|\s+", " ", row).split()[2:] for row in rows] == [
        ["duty", "decided:", "accepted", "1"],
        ["duty", "decided:", "reading", "1"],
        ["duty", "reviewer", "came:", "duty"],
    ]
    assert f'href="/testimony/{record}"' in rows[0]
    assert "Every signature is right" in page


def test_it_shows_what_was_changed(opened: Desk, server: Server) -> None:
    """An entry that somebody changed in the database is named, in one sentence."""
    with serving(opened) as running:
        running.enter().press("/decide", {"record": server.identifier(1), "state": "accepted"})
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        workspace.execute("UPDATE trail SET reviewer = 'ghost' WHERE event = 'decided'")
    with serving(opened) as running:
        page = running.enter().get("/trail").text
    assert "The trail is not as it was written." in page
    assert "is not what ghost signed" in page


def test_it_has_pages(opened: Desk, server: Server) -> None:
    """A hundred entries each; a page that is not there is the nearest that is."""
    with serving(opened) as running:
        reader = running.enter()
        records = [server.identifier(number) for number in (1, 2, 3)]
        for number in range(40):
            reader.press("/decide", {"record": records, "state": "accepted" if number % 2 else "reading"})
        for path, shown in (("/trail", 100), ("/trail?page=2", 21), ("/trail?page=99", 21), ("/trail?page=0", 100)):
            page = reader.get(path).text
            assert page.count("<time") == shown
            assert "<strong>121</strong>" in page
