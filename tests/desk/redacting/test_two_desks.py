"""Marked and asked at one desk, confirmed and signed at another, and quoted at both once their work was merged."""

from pathlib import Path
from typing import Any

from desk.conftest import DUTY, ESCROW
from desk.redacting.case import AGREES, DAY, EDITION, STORY
from desk.stick import Desk, Server, key_file
from intake.age.identities import HybridIdentity
from intake.desk.access import open_workspace
from intake.desk.keys import signing_key
from intake.desk.leaving import gate
from intake.desk.leaving.gate import Refusal, Use
from intake.desk.passages import Passage
from intake.desk.redacting import asking, confirming, marks, quotes
from intake.encoding import encode_base64


def carry(source: Desk, target: Desk) -> None:
    path = source.folder / "work.age"
    path.unlink(missing_ok=True)
    assert source.at_desk("merge", "--write", path).returncode == 0
    result = target.at_desk("merge", path)
    assert (result.returncode, result.stderr) == (0, "")


def judged(desk: Desk, identity: HybridIdentity) -> tuple[Any, ...]:
    """What the gate says of the only quote, for a name."""
    with open_workspace(desk.workspace, [identity]) as workspace:
        (quote,) = quotes.every(workspace)
        found = gate.judge(workspace, quote, Use.NAME)
        return (*found.refusals, found.text, found.name)


def test_two_reviewers_at_two_desks(server: Server, desk: Desk, stick: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere", key_file(tmp_path / "elsewhere" / "escrow.key", ESCROW))
    server.edition = EDITION
    consent = {**AGREES, "notice_sha256": EDITION.notice_sha256("fr")}
    record = server.receive(answers={"story.text": STORY}, consent=consent)
    server.export(stick)
    for here, identity, there in ((desk, ESCROW, "escrow"), (other, DUTY, "duty")):
        assert here.open(stick).returncode == 0
        public = encode_base64(signing_key(identity).public_key().public_bytes_raw())
        (here.folder / f"{there}.pub").write_text(f"{identity.recipient()}\n")
        (here.folder / f"{there}.sign.pub").write_text(f"{public}\n")
        assert here.at_desk("reviewer", "add", here.folder / f"{there}.pub").returncode == 0
    assert desk.at_desk("acknowledge", record, "--state", "accepted").returncode == 0
    with open_workspace(desk.workspace, [DUTY]) as workspace, workspace.transaction():
        testimony = workspace.testimony(record)
        marks.mark(workspace, testimony, Passage(record, "story.text", 3, 14), "person")
        quote = quotes.choose(workspace, testimony, Passage(record, "story.text", 3, 32))
        text = asking.exact(asking.words(workspace, testimony, quote), "Maria")
        asked = asking.ask(workspace, testimony, quote, Use.NAME, f"May we?\n\n{text}", DAY, "Maria")
    answer = server.add(server.text(record, "Oui."))
    server.export(stick)
    for here, identity in ((desk, DUTY), (other, ESCROW)):
        assert here.open(stick).returncode == 0
        if here is other:
            carry(desk, other)
        with open_workspace(here.workspace, [identity]) as workspace, workspace.transaction():
            asking.agree(workspace, asked.id, answer)
            if here is other:
                testimony = workspace.testimony(record)
                confirming.confirm(workspace, testimony, confirming.state(workspace, testimony).sha256)
    assert judged(desk, DUTY) == (Refusal.NOT_CONFIRMED, Refusal.ONE_READER, "", "")
    carry(other, desk)
    assert judged(other, ESCROW) == judged(desk, DUTY) == ("[Person 1] called from Lyon.", "Maria")
