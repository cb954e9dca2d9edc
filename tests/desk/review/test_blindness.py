"""Before a reviewer has finished a testimony, no page tells them which codes another gave it, or what they noted."""

import re
from pathlib import Path

from desk.colleagues import identity_of, joined
from desk.conftest import DUTY
from desk.review import pages
from desk.review.running import serving
from desk.review.telling import EDITION, at_desk, tell
from desk.stick import Desk, Server, key_file
from intake.desk.finding import triage
from intake.desk.passages import Passage
from intake.desk.study import coding, memos

_CHANGES = re.compile(r'name="csrf" value="[^"]*"|data-csrf="[^"]*"|\d\d:\d\d(:\d\d)?')
"""What differs from one desk to the next whatever is done at it: tokens and times."""


def seen(folder: Path, code: str) -> dict[str, str]:
    """Every page of a reviewer, by its address, when another gave a testimony this code."""
    folder.mkdir()
    server = Server([DUTY.recipient()], edition=EDITION)
    testimony = tell(server)
    tell(server, "Another one.")
    server.export(folder / "bundle.tar")
    desk = Desk(folder, key_file(folder / "duty.key", DUTY))
    assert desk.open(folder / "bundle.tar").returncode == 0
    ben = joined(desk, "ben")
    with at_desk(ben, identity_of("ben")) as workspace, workspace.transaction():
        triage.keep_search(workspace, "waited")
        passage = Passage(testimony, "story.text", 0, 9)
        coding.add(workspace, testimony, passage, [code])
        memos.add(workspace, f"Why {code}?", record=testimony, passage=passage)
        memos.add(workspace, f"Certainly {code}.", record=testimony)
        coding.finish(workspace, testimony)
    found = {}
    with serving(desk) as running:
        reader = running.enter()
        for address in (one for each in pages.addresses(desk).values() for one in each):
            found[address] = _CHANGES.sub("", reader.get(f"/{address}").text)
        reader.press(f"/testimony/{testimony}/finish")
        found["finished"] = reader.get(f"/testimony/{testimony}").text
    return found


def test_every_page_is_the_same_whatever_the_other_gave(tmp_path: Path) -> None:
    one, other = seen(tmp_path / "one", "care.delayed"), seen(tmp_path / "other", "staff.blame")
    assert one.keys() == other.keys()
    assert [address for address, page in one.items() if page != other[address]] == ["finished"]
    assert "Certainly care.delayed." in one["finished"]
