"""What a reviewer who means harm may put into a file of work: none of it is taken over."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY, ESCROW
from desk.stick import Desk, Server
from desk.test_merging import accept, carry, other, record
from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.desk import projections, shapes, trail
from intake.desk.access import open_workspace
from intake.desk.keys import signing_key
from intake.desk.merging import PURPOSE
from intake.encoding import canonical, encode_base64, signing_input
from intake.envelope import build

__all__ = ["other", "record"]  # fixtures

ID = "ab" * 16
DAMAGED = "The file is damaged"


def passage(**changes: Any) -> dict[str, Any]:
    return {"id": ID, "part": ID, "question": "story.text", "first": 0, "last": 2, **changes}


def code(**changes: Any) -> dict[str, Any]:
    return {"id": ID, "parent": "", "name": "Ours", "colour": "", "memo": "", **changes}


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        ("decided", {"state": "withdrawn", "before": "new"}),
        ("decided", {"state": "quarantined", "before": "new"}),
        ("decided", {"state": [], "before": "new"}),
        ("decided", {}),
        ("code added", code(id="")),
        ("code added", code(name=[1])),
        ("code added", code(name="x" * 1000)),
        ("code changed", {"id": "care", "retired": "yes"}),
        ("coded", passage(code="care", id={"a": 1})),
        ("coded", passage(code="care", first="a")),
        ("memo written", passage(code="", text=5)),
        ("linked", {"other": None}),
        ("redaction marked", passage(kind="person", pseudonym="Person 1", first="a", last="b")),
        ("redaction marked", passage(kind="person", pseudonym="words of mine")),
        ("quote chosen", passage(last=True)),
        ("asked again", {"id": ID, "quote": ID, "use": "publication", "name": "", "text": "t", "before": 5}),
        ("answer read as a yes", {"asked": ID, "answer": ID, "sha256": []}),
        ("coded" * 20, {}),
    ],
)
def test_malformed_work_is_refused(desk: Desk, other: Desk, record: str, event: str, detail: dict[str, Any]) -> None:
    """It is signed well, and would be in the trail for ever: pages and exports could not be made from it."""
    with open_workspace(other.workspace, [ESCROW]) as workspace, workspace.transaction():
        trail.write(workspace, event, record, detail)
    result = carry(other, desk)
    assert result.returncode == 1
    assert DAMAGED in result.stderr
    assert desk.listed()[record]["state"] == "new"
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        assert "escrow" not in {entry.reviewer for entry in trail.entries(workspace)}


def test_every_event_that_counts_has_a_shape() -> None:
    """What is made into tables is checked before."""
    assert set(projections._HANDLERS) - {"coding finished"} == set(shapes._DETAILS)


def rewritten(source: Desk, target: Desk, change: Callable[[dict[str, Any]], None]) -> Any:
    """Carry work of which each line was changed on the way, by the reviewer who signs the file as a whole."""
    path = source.folder / "work.age"
    path.unlink(missing_ok=True)
    assert source.at_desk("merge", "--write", path).returncode == 0
    *lines, last = map(json.loads, decrypt(path.read_bytes(), [ESCROW]).splitlines())
    for line in lines:
        change(line)
    whole = b"".join(canonical(line) + b"\n" for line in lines)
    digest = {"sha256": hashlib.sha256(whole).hexdigest()}
    last["signature"] = encode_base64(signing_key(ESCROW).sign(signing_input(PURPOSE, digest)))
    path.write_bytes(encrypt(whole + canonical(last) + b"\n", [DUTY.recipient()]))
    return target.at_desk("merge", path)


@pytest.fixture
def copy(desk: Desk, record: str) -> Desk:
    """The workspace of the first desk on another machine, before a testimony was accepted."""
    there = Desk(desk.folder / "copy", desk.key)
    shutil.copytree(desk.workspace, there.workspace)
    return there


def without_details(line: dict[str, Any]) -> None:
    if line.get("entry", {}).get("event") == "decided":
        line["entry"]["text"] = None


def test_nobody_takes_away_what_another_did(desk: Desk, other: Desk, copy: Desk, record: str) -> None:
    """The chain and the signatures hold without the details: only a withdrawal may have taken them."""
    accept(desk, record)
    assert carry(desk, other).returncode == 0
    result = rewritten(other, copy, without_details)
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)
    assert rewritten(other, copy, lambda line: None).returncode == 0
    assert copy.listed()[record]["state"] == "accepted"


def test_what_came_without_its_detail_gets_it(
    desk: Desk, other: Desk, copy: Desk, record: str, server: Server, stick: Path
) -> None:
    """Of a testimony that is not here yet, nobody can tell whether it was withdrawn."""
    late = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    accept(desk, late)
    assert carry(desk, other).returncode == 0
    assert rewritten(other, copy, without_details).returncode == 0
    assert carry(other, copy).returncode == 0
    assert copy.open(stick).returncode == 0
    assert copy.listed()[late]["state"] == "accepted"


def test_an_entry_has_one_name(desk: Desk, other: Desk, copy: Desk, record: str) -> None:
    """Base64 has several texts for one signature: an entry must not come twice, under two digests."""
    accept(desk, record)
    assert carry(desk, other).returncode == 0

    def varied(line: dict[str, Any]) -> None:
        if line.get("entry", {}).get("event") == "decided":
            text = line["entry"]["signature"]
            line["entry"]["signature"] = f"{text[:85]}{chr(ord(text[85]) + 1)}=="

    result = rewritten(other, copy, varied)
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)


@pytest.mark.parametrize("changed", [{"number": 40}, {"at": "1999-01-01T00:00:00Z"}, {"at": "later"}])
def test_an_entry_comes_after_those_it_follows(desk: Desk, other: Desk, record: str, changed: dict[str, Any]) -> None:
    """Else it would count before what it answers to."""
    accept(other, record)

    def moved(line: dict[str, Any]) -> None:
        if line.get("entry", {}).get("event") == "decided":
            signed = {name: line["entry"][name] for name in trail.Entry.__dataclass_fields__}
            signed = {name: value for name, value in {**signed, **changed}.items() if name not in ("signature", "text")}
            signature = encode_base64(signing_key(ESCROW).sign(signing_input(trail.PURPOSE, signed)))
            line["entry"].update({**changed, "signature": signature})

    result = rewritten(other, desk, moved)
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "changed", [{"id": "../x"}, {"day": "soon"}, {"text": 5}, {"kind": "reply", "text": "x" * 20001}]
)
def test_a_malformed_message_is_refused(
    desk: Desk, other: Desk, record: str, tmp_path: Path, changed: dict[str, Any]
) -> None:
    """The server would refuse every dispatch that it is in."""
    (tmp_path / "text").write_text("Thank you.")
    assert other.at_desk("reply", record, "--text-file", tmp_path / "text").returncode == 0
    result = rewritten(other, desk, lambda line: line.get("message", {}).update(changed))
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)
    assert desk.shown(record)["messages"] == []


@pytest.mark.parametrize("changed", [{"id": []}, {"sequence": "last"}, {"day": 5}, {"content": "e30="}])
def test_a_malformed_request_is_refused(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path, changed: dict[str, Any]
) -> None:
    server.withdraw(record)
    server.export(stick)
    assert other.open(stick).returncode == 0
    result = rewritten(other, desk, lambda line: line.get("record", {}).update(changed))
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)
    assert desk.listed()[record]["state"] == "new"


def test_no_testimony_comes_with_a_file_of_work(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path
) -> None:
    """Only what a source asks for does, since it is signed by them; a testimony is vouched for by the server's log."""
    server.withdraw(record)
    server.export(stick)
    assert other.open(stick).returncode == 0
    made_up = build(replace(server.testimony(), id=ID, answers={"story.text": "I made this up."}))

    def changed(line: dict[str, Any]) -> None:
        if "record" in line and "message" not in line:
            content = base64.b64encode(made_up.rstrip(b" ")).decode()
            line["record"].update({"id": ID, "event": "received", "stanzas": 2, "content": content, "parent": ""})

    result = rewritten(other, desk, changed)
    assert (result.returncode, DAMAGED in result.stderr) == (1, True)
    assert set(desk.listed()) == {record}
