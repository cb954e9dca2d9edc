"""From the stick into the workspace: what goes well, what is opened twice, and what cannot be opened at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desk.conftest import DUTY, ESCROW
from desk.stick import CALL, CONSENT, Desk, Server, key_file
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity, X25519Identity
from intake.calls.edition import Edition
from intake.envelope import Testimony as SealedTestimony
from intake.envelope import build, parse


def test_what_was_sealed_is_what_is_shown(server: Server, desk: Desk, stick: Path) -> None:
    answers = {
        "story.text": "C'était la nuit.\n\nقصتي 夜 \U0001f3e5",
        "inc.kind": "LEAK",
        "leak.what": "names",
        "care.effects": ["DELAY", "DIVERT"],
        "inc.when": "2025-03",
        "inc.country": "CH",
        "inc.beds": 12,
    }
    record = server.receive(answers=answers)
    in_arabic = server.receive(language="ar")
    added = server.take("added", build(server.addition(record)))
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert "3 record(s) opened, 0 quarantined." in result.stdout
    expected = {"kind": "testimony", "state": "new", "call": "tiny", "day": "2026-11-21", "test": False}
    assert list(desk.listed().values()) == [
        {**expected, "id": record, "language": "fr", "sequence": 1, "additions": 1, "attachments": 0},
        {**expected, "id": in_arabic, "language": "ar", "sequence": 2, "additions": 0, "attachments": 0},
        {**expected, "id": added, "language": "fr", "sequence": 3, "kind": "addition", "parent": record},
    ]
    shown = desk.shown(record)
    assert shown["answers"] == answers
    assert shown["consent"] == {**CONSENT, "notice_sha256": server.edition.notice_sha256("fr")}
    assert (shown["attachments"], shown["additions"]) == ([], [added])
    assert (shown["consent_given"], shown["consent_changes"], shown["messages"]) == (shown["consent"], [], [])
    beside = ("attachments", "additions", "state", "messages", "consent_given", "consent_changes")
    envelope = {name: value for name, value in shown.items() if name not in beside}
    assert isinstance(parse(json.dumps(envelope).encode()), SealedTestimony)
    assert desk.shown(added)["parent"] == record


def test_the_log_says_what_an_envelope_only_claims(server: Server, desk: Desk, stick: Path) -> None:
    record = server.receive(id="0" * 32, day="1999-01-01")
    server.export(stick)
    desk.open(stick)
    assert (desk.shown(record)["id"], desk.shown(record)["day"]) == (record, "2026-11-21")


def test_opening_the_same_bundle_twice_changes_nothing(server: Server, desk: Desk, stick: Path) -> None:
    record = server.receive()
    server.take("added", build(server.addition(record)))
    server.take("added", build(server.addition("0" * 32)))
    server.take_json("[")
    server.export(stick)
    assert desk.open(stick).returncode == 0
    before = (desk.workspace / "desk.db").read_bytes()
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Nothing new.")
    assert (desk.workspace / "desk.db").read_bytes() == before


def test_the_next_bundle_goes_on_where_the_last_ended(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    desk.open(stick)
    server.receive()
    server.export(stick)
    assert "1 record(s) opened" in desk.open(stick).stdout
    server.receive()
    server.export(stick, since=2)
    result = desk.open(stick)
    assert (result.returncode, "up to entry 3" in result.stdout) == (0, True)


def test_volumes_open_in_any_order_but_none_may_be_missing(server: Server, desk: Desk, stick: Path) -> None:
    for _ in range(6):
        server.receive()
    first, second, third = server.export(stick, limit=120_000)
    desk.open(first)
    result = desk.open(third)
    assert result.returncode == 1
    assert "ask the operator for `intake export --since 2`" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    result = desk.open(third, second, first)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(desk.listed()) == 6


def test_a_test_testimony_is_plainly_one(server: Server, desk: Desk, stick: Path) -> None:
    marked, real = server.receive(test=True), server.receive()
    server.export(stick)
    desk.open(stick)
    assert (desk.listed()[marked]["test"], desk.listed()[real]["test"]) == (True, False)
    assert (desk.shown(marked)["test"], desk.shown(real)["test"]) == (True, False)
    assert "TEST" in desk.show(marked)
    assert "TEST" not in desk.show(real)
    lines = desk.at_desk("list").stdout.splitlines()
    assert ["TEST" in line for line in lines] == [True, False]


def test_the_servers_key_is_pinned_and_a_change_refused(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    shown = desk.open(stick).stdout.partition("first time: ")[2].splitlines()[0]
    assert len(shown.split()) == 16
    other = Server(server.recipients)
    other.receive()
    other.export(stick)
    result = desk.open(stick)
    assert result.returncode == 1
    assert "signed by another server key" in result.stderr
    assert len(desk.listed()) == 1


def test_the_servers_key_can_be_given(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    wrong = desk.open(stick, "--server-key", "00" * 32)
    assert wrong.returncode == 1
    assert "is not the one you gave" in wrong.stderr
    assert not desk.workspace.exists()
    fingerprint = wrong.stderr.partition("key is ")[2].partition(",")[0]
    assert desk.open(stick, "--server-key", fingerprint).returncode == 0
    assert desk.open(stick, "--server-key", fingerprint.replace(" ", "").upper()).returncode == 0
    assert desk.open(stick, "--server-key", "00" * 32).returncode == 1


def test_a_new_key_that_testimonies_are_sealed_to_is_named_once(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    desk.open(stick)
    stranger = HybridIdentity.generate().recipient()
    server.recipients.append(stranger)
    server.comments[stranger.fingerprint] = "evil\x1b[2J\u202e"
    server.receive()
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if "first time" in line]
    assert stranger.fingerprint in line
    assert r"evil\x1b[2J\u202e" in line
    assert "first time" not in desk.open(stick).stdout


def test_an_edition_is_kept_for_bundles_that_no_longer_bring_it(server: Server, desk: Desk, stick: Path) -> None:
    old = server.edition
    server.receive()
    server.export(stick)
    desk.open(stick)
    server.edition = Edition({**old.files, "call.yaml": CALL.replace(b"Where", b"In which country")})
    late = server.receive(edition=old.sha256)
    new = server.receive()
    server.export(stick, since=1)
    assert desk.open(stick).returncode == 0
    assert {desk.listed()[record]["state"] for record in (late, new)} == {"new"}


def test_a_wrong_key_is_one_line_and_makes_no_workspace(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.receive()
    server.export(stick)
    wrong = Desk(desk.folder, key_file(desk.folder / "wrong.key", HybridIdentity.generate()))
    result = wrong.open(stick)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: This key opens none of the 2 record(s) here: use the key that testimonies are sealed to.\n"
    )
    assert not desk.workspace.exists()
    assert desk.open(stick).returncode == 0
    for command in (["open", stick], ["list"], ["show", "0" * 32]):
        result = wrong.at_desk(*command)
        assert result.returncode == 1
        assert "This key does not open the workspace" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_either_recipient_opens_a_bundle(server: Server, desk: Desk, stick: Path) -> None:
    record = server.receive()
    server.export(stick)
    escrow = Desk(desk.folder / "escrow", key_file(desk.folder / "escrow.key", ESCROW))
    assert escrow.open(stick).returncode == 0
    assert escrow.listed()[record]["state"] == "new"


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 700, 30_000, -1025, -1024, -512, -1])
def test_a_truncated_stick_is_one_line_and_nothing_is_opened(
    server: Server, desk: Desk, stick: Path, kept: int
) -> None:
    server.receive()
    server.export(stick)
    stick.write_bytes(stick.read_bytes()[:kept])
    result = desk.open(stick)
    assert result.returncode == 1
    assert "cut off" in result.stderr or "not a bundle" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not desk.workspace.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("holiday.jpg", os.urandom(5000)),
        ("zeros", bytes(10_000)),
        ("text", b"hello\n"),
        ("age", encrypt(b"hello", [DUTY.recipient()])),
    ],
)
def test_another_file_is_no_bundle(desk: Desk, name: str, content: bytes) -> None:
    path = desk.folder / name
    path.write_bytes(content)
    result = desk.open(path)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: This is not a bundle")
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_file_a_folder_and_no_file_at_all(desk: Desk) -> None:
    for path in (desk.folder / "nowhere.tar", desk.folder):
        result = desk.open(path)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
    assert desk.open().returncode == 2


def test_a_key_that_testimonies_are_never_sealed_to(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    desk.key.write_text(f"{X25519Identity.generate()}\n")
    result = desk.open(stick)
    assert result.returncode == 1
    assert "holds no key of the kind" in result.stderr


def test_there_is_no_workspace_yet(desk: Desk) -> None:
    result = desk.at_desk("list")
    assert result.returncode == 1
    assert "There is no workspace" in result.stderr


def test_a_damaged_workspace_is_one_line(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    desk.open(stick)
    database = desk.workspace / "desk.db"
    database.write_bytes(os.urandom(len(database.read_bytes())))
    key = (desk.workspace / "key.age").read_bytes()
    assert_one_line(desk, "cannot be used")
    (desk.workspace / "key.age").write_bytes(key[:-1])
    assert_one_line(desk, "is damaged")
    (desk.workspace / "key.age").unlink()
    assert_one_line(desk, "has lost its key.age")


def assert_one_line(desk: Desk, words: str) -> None:
    result = desk.at_desk("list")
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_two_desks_that_start_at_once_share_one_workspace(server: Server, desk: Desk, stick: Path) -> None:
    """Whoever is first makes the key; nothing that the other files is lost."""
    records = {server.receive() for _ in range(5)}
    server.export(stick)
    command = [sys.executable, "-m", "intake.desk.commands", "open", str(stick), "--workspace", str(desk.workspace)]
    desks = [subprocess.Popen([*command, "--key", str(desk.key)], stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in desks] == [0, 0, 0]
    assert set(desk.listed()) == records


def test_a_record_that_comes_a_second_time_counts_once(server: Server, desk: Desk, stick: Path) -> None:
    """A server cannot double a voice by giving its ciphertext another name."""
    sealed = encrypt(build(server.testimony()), server.recipients)
    first, second = server.take_sealed("received", sealed), server.take_sealed("received", sealed)
    server.export(stick)
    desk.open(stick)
    states = {record: fields["state"] for record, fields in desk.listed().items()}
    assert states == {first: "new", second: "quarantined"}


def test_a_very_narrow_terminal_shows_it_all_the_same(server: Server, desk: Desk, stick: Path) -> None:
    """Four columns are no reason to fail."""
    record = server.receive()
    server.export(stick)
    desk.open(stick)
    command = [sys.executable, "-m", "intake.desk.commands", "show", record, "--workspace", str(desk.workspace)]
    environment = {**os.environ, "COLUMNS": "4"}
    done = subprocess.run(
        [*command, "--key", str(desk.key)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_report_is_short_whatever_came(server: Server, desk: Desk, stick: Path) -> None:
    """New, added to, withdrawn, refused and why; of many that were refused for one reason not each is named."""
    parents = [server.receive() for _ in range(3)]
    server.take("added", build(server.addition(parents[0])))
    server.add(server.consent(parents[1], CPUB="Y"))
    server.take("withdrawn", build(server.withdrawal(parents[2])))
    waiting = [server.take("added", build(server.addition(f"{number:032x}"))) for number in range(60)]
    sealed = encrypt(build(server.testimony()), server.recipients)
    for _ in range(13):
        server.take_sealed("received", sealed)
    server.export(stick)
    lines = desk.open(stick).stdout.splitlines()
    quarantined = [line for line in lines if line.startswith("quarantined: ")]
    assert len(quarantined) == 22
    assert [record in quarantined[at] for at, record in enumerate(waiting[:10])] == [True] * 10
    ending = "`intake-desk list` names them all."
    assert quarantined[10] == f"quarantined: 50 more: it waits for its testimony, which is not filed here. {ending}"
    assert quarantined[21] == f"quarantined: 2 more: it is the record … a second time. {ending}"
    assert sum(line.startswith("withdrawn: ") for line in lines) == 1
    counts = "Testimonies: 3 new, 1 added to, 1 with changed consents, 1 withdrawn. Refused records: 72."
    assert counts in lines
    assert len(lines) < 32


def test_how_far_it_has_come_is_shown_on_a_terminal_only(server: Server, desk: Desk, stick: Path) -> None:
    for _ in range(40):
        server.receive()
    server.export(stick)
    command = [sys.executable, "-m", "intake.desk.commands", "open", str(stick), "--workspace", str(desk.workspace)]
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb") as terminal:
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(
            [*command, "--key", str(desk.key)], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := terminal.read1():
                shown += piece
        except OSError:  # how a terminal says that nobody writes to it any more
            pass
        output, _ = process.communicate()
    assert process.returncode == 0
    for word in (b"Checking", b"Filing", b"Indexing", b"40/40"):
        assert word in shown
    assert "Filing" not in output
    assert "40 record(s) opened" in output
    other = Desk(desk.folder / "other", desk.key)
    assert other.run("open", stick, "--workspace", other.workspace, "--key", desk.key).stderr == ""
