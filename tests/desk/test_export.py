"""What leaves the desk for statistics: what the consents in force cover, closed answers alone, never unlisted."""

import csv
import datetime
import io
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY, ESCROW
from desk.stick import CALL, Desk, Server, catalogue
from intake.calls.edition import CALLS, Edition
from intake.calls.load import load_call
from intake.desk import plaintext
from intake.desk.access import open_workspace
from intake.desk.leaving import gate, tables
from intake.envelope import Testimony as SealedTestimony
from intake.envelope import build

QUESTIONS = b"""
      - {id: inc.name, type: text, limit: 100, label: Its name}
      - id: safe.retaliate
        type: radio
        label: Are you in danger
        options: [{code: SAFEMARK, label: "Yes"}, {code: "N", label: "No"}]
      - id: inc.ransom
        type: radio
        label: Was money asked for
        options: [{code: RANSOMMARK, label: "Yes"}, {code: "N", label: "No"}]
      - id: inc.paid
        type: radio
        label: Was it paid
        options: [{code: PAIDMARK, label: "Yes"}, {code: "N", label: "No"}]
      - id: sum.kind
        type: checkboxes
        label: What a spreadsheet would run
        options:
          - {code: "=1+1", label: Equals}
          - {code: "+1", label: Plus}
          - {code: "-1", label: Minus}
          - {code: "@A1", label: At}
          - {code: 'x","=2', label: Quotes}
"""
CONTACT = b"""
  - id: contact
    title: How to contact you
    keep_days: 183
    questions:
      - id: reach.via
        type: radio
        label: How
        options: [{code: VIAMARK, label: By telephone}]
      - {id: reach.number, type: number, limit: 999999999999, label: Your number}
      - {id: con.value, type: text, limit: 200, label: Your address}
"""
CSTAT = b"""
      - id: CSTAT
        type: radio
        label: May we count this
        options: [{code: "Y", label: "Yes"}, {code: "N", label: "No"}]
"""
CONSENTS = b"  - id: consents\n"
EDITION = Edition(
    {
        "call.yaml": CALL.replace(CONSENTS, QUESTIONS.lstrip(b"\n") + CONSENTS) + CSTAT.lstrip(b"\n") + CONTACT[1:],
        "fr.po": catalogue({"A tiny call": "Un petit appel"}),
    }
)
MARKER = "planted-marker-77aa"
CLOSED = {
    "inc.kind": "LEAK",
    "care.effects": ["DELAY", "DIVERT"],
    "inc.when": "2026-03",
    "inc.country": "FR",
    "inc.beds": 120,
}
SECRET = {
    "story.text": f"It was dark. {MARKER}",
    "leak.what": MARKER,
    "inc.name": MARKER,
    "safe.retaliate": "SAFEMARK",
    "inc.ransom": "RANSOMMARK",
    "inc.paid": "PAIDMARK",
    "reach.via": "VIAMARK",
    "reach.number": 4912345678,
    "con.value": MARKER,
}
FIXED = ["row", "call", "language", "month"]
COLUMNS = [*FIXED, "inc.kind", "care.effects", "inc.when", "inc.country", "inc.beds", "sum.kind"]


class Counting(Server):
    """A server whose sources agree to be counted, unless a test says otherwise."""

    def testimony(self, **changes: Any) -> SealedTestimony:
        """A testimony; a consent may be given by its id: `CSTAT="N"`."""
        given = {name: changes.pop(name) for name in tuple(changes) if name.isupper()}
        whole = super().testimony(**changes)
        consent = {**whole.consent, "CSTAT": "Y", **given}
        return whole if "consent" in changes else super().testimony(**{**changes, "consent": consent})


@pytest.fixture
def server() -> Counting:
    return Counting([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)


@dataclass
class Exporter:
    """Exports to a new file each time."""

    desk: Desk
    made: int = 0

    def run(self, name: str = "jsonl") -> tuple[Path, str]:
        """Export; return the file and what was said."""
        self.made += 1
        out = self.desk.folder / f"out-{self.made}.{name}"
        result = self.desk.at_desk("export", "--format", name, out)
        assert (result.returncode, result.stderr) == (0, "")
        return out, result.stdout

    def rows(self) -> list[dict[str, Any]]:
        """Export as JSON Lines and read that."""
        return read_jsonl(self.run()[0])


@pytest.fixture
def exporter(desk: Desk) -> Exporter:
    return Exporter(desk)


def opened(server: Server, desk: Desk, stick: Path) -> str:
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def remembered(desk: Desk) -> tuple[list[Any], list[Any]]:
    """The list of the exports, and of what is in them."""
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        queries = (
            "SELECT number, day, use, format, path, size FROM exports",
            "SELECT record, export FROM exported ORDER BY 1, 2",
        )
        exports, exported = (workspace.execute(query).fetchall() for query in queries)
        return exports, exported


def test_both_formats_are_read_back(server: Server, desk: Desk, stick: Path, exporter: Exporter) -> None:
    full = server.receive(answers={**SECRET, **CLOSED})
    server.day = "2026-12-24"
    few = server.receive(language="en", answers={"story.text": "x", "inc.kind": "UNK"})
    opened(server, desk, stick)
    out, said = exporter.run("jsonl")
    assert said == (
        f"2 testimonies are in {out}, one a row. It is not encrypted: delete it when you no longer need it.\n"
    )
    rows = sorted(read_jsonl(out), key=lambda row: str(row["month"]))
    identifiers = {row.pop("row") for row in rows}
    assert rows == [
        {"call": "tiny", "language": "fr", "month": "2026-11", **CLOSED},
        {"call": "tiny", "language": "en", "month": "2026-12", "inc.kind": "UNK"},
    ]
    table, _ = exporter.run("csv")
    content = table.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfrow,call,")
    assert content.count(b"\r\n") == content.count(b"\n") == 3
    cells = sorted(read_csv(table), key=lambda row: row["month"])
    assert list(cells[0]) == COLUMNS
    more = {cell.pop("row") for cell in cells}
    assert cells == [
        {**dict.fromkeys(COLUMNS[1:], ""), "call": "tiny", "language": "fr", "month": "2026-11", "inc.kind": "LEAK"}
        | {"care.effects": "DELAY DIVERT", "inc.when": "2026-03", "inc.country": "FR", "inc.beds": "120"},
        {**dict.fromkeys(COLUMNS[1:], ""), "call": "tiny", "language": "en", "month": "2026-12", "inc.kind": "UNK"},
    ]
    assert len(identifiers | more) == 4  # made for each file alone
    for path in (out, table):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert remembered(desk) == (
        [(1, today, "statistics", "jsonl", str(out), 2), (2, today, "statistics", "csv", str(table), 2)],
        sorted((record, number) for record in (full, few) for number in (1, 2)),
    )


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_nothing_but_closed_answers_leaves(
    server: Server, desk: Desk, stick: Path, exporter: Exporter, name: str
) -> None:
    """No words, no contact data, nothing of danger or ransom, and no id that is on the server, too."""
    parent = server.receive(answers={**CLOSED, **SECRET})
    server.add(server.text(parent, MARKER))
    server.add(server.addition(parent, answers={**SECRET, "inc.beds": 4321}))
    server.attach(parent, MARKER.encode(), name=MARKER)
    opened(server, desk, stick)
    out, said = exporter.run(name)
    content = out.read_bytes()
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        secrets = [record.id for record in workspace.records()] + [record.sha256 for record in workspace.records()]
    secrets += [MARKER, "MARK", "4912345678", "4321", "2026-11-21", "safe.", "inc.ransom", "inc.paid", "reach.", "con."]
    secrets += ["CSTAT", "CINT", "story", "notice", EDITION.sha256, server.testimony().authority]
    assert [secret for secret in secrets if secret.encode() in content or secret in said] == []
    assert b"LEAK" in content


def test_the_order_of_the_rows_says_nothing(server: Server, desk: Desk, stick: Path, exporter: Exporter) -> None:
    """The log is in the order of arrival; a file for statistics is not."""
    for number in range(30):
        server.receive(answers={"story.text": "x", "inc.beds": number})
    opened(server, desk, stick)
    orders = [[row["inc.beds"] for row in exporter.rows()] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(30))
    assert orders[0] != orders[1] != list(range(30)) != orders[0]


CHANGES: dict[str, tuple[str, list[tuple[int, str]], bool]] = {
    "yes": ("Y", [], True),
    "no": ("N", [], False),
    "widened": ("N", [(1, "Y")], True),
    "narrowed": ("Y", [(1, "N")], False),
    "widened and narrowed": ("N", [(1, "Y"), (2, "N")], False),
    "narrowed and widened": ("Y", [(1, "N"), (2, "Y")], True),
    "narrowed out of turn": ("Y", [(2, "Y"), (1, "N")], False),
    "widened out of turn": ("Y", [(2, "N"), (1, "Y")], False),
    "the same again": ("N", [(1, "Y"), (1, "Y")], True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_only_what_the_consents_in_force_cover(
    server: Server, desk: Desk, stick: Path, exporter: Exporter, name: str
) -> None:
    given, changes, covered = CHANGES[name]
    parent = server.receive(CSTAT=given)
    for version, code in changes:
        server.add(server.consent(parent, version, CSTAT=code))
    opened(server, desk, stick)
    out, said = exporter.run()
    assert len(read_jsonl(out)) == covered
    assert said.splitlines()[1:] == ([] if covered else ["left out: 1, without consent to this use"])


def test_a_call_that_never_asked_is_not_counted(server: Server, desk: Desk, stick: Path, exporter: Exporter) -> None:
    server.edition = Edition({"call.yaml": CALL, "fr.po": EDITION.files["fr.po"]})
    given = {"CINT": "Y", "CPUB": "Y", "notice_sha256": server.edition.notice_sha256("fr")}
    server.receive(consent=given)
    opened(server, desk, stick)
    assert exporter.rows() == []


def test_what_was_widened_by_another_key_is_not_counted(
    server: Server, desk: Desk, stick: Path, exporter: Exporter
) -> None:
    parent = server.receive(CSTAT="N")
    forged = server.consent(parent, CSTAT="N")
    server.take("added", build(type(forged)(**{**vars(forged), "consent": {**forged.consent, "CSTAT": "Y"}})))
    opened(server, desk, stick)
    assert exporter.rows() == []


def test_what_is_not_properly_filed_is_left_out_and_counted(
    server: Server, desk: Desk, stick: Path, exporter: Exporter
) -> None:
    answers = {"story.text": "Buy now, the best price for every hospital.", "inc.kind": "RANSOM"}
    spam = server.receive(answers=answers)
    server.receive(answers=answers)
    server.receive(test=True)
    server.receive(answers={"inc.kind": "PIRATES"})
    server.receive(CSTAT="N")
    gone = server.receive(answers={"story.text": "Gone."})
    decided = server.receive(answers={"story.text": "Good.", "inc.beds": 7})
    server.take_json("[")
    opened(server, desk, stick)
    server.withdraw(gone)
    opened(server, desk, stick)
    assert desk.at_desk("spam", spam).returncode == 0
    assert desk.at_desk("acknowledge", decided, "--state", "accepted").returncode == 0
    out, said = exporter.run()
    assert [row["inc.beds"] for row in read_jsonl(out)] == [7]
    assert sorted(said.splitlines()[1:]) == [
        "left out: 1, sent to try the service",
        "left out: 1, withdrawn",
        "left out: 1, without consent to this use",
        "left out: 2, marked as spam",
        "left out: 2, quarantined",
    ]
    assert remembered(desk)[1] == [(decided, 1)]
    assert desk.at_desk("spam", spam, "--undo").returncode == 0
    assert len(exporter.rows()) == 3


@pytest.mark.parametrize("code", ["=1+1", "+1", "-1", "@A1", 'x","=2'])
def test_no_spreadsheet_runs_a_cell(server: Server, desk: Desk, stick: Path, exporter: Exporter, code: str) -> None:
    """The codes come with the bundle: a hostile server may have made them."""
    server.receive(answers={"story.text": "x", "sum.kind": [code]})
    opened(server, desk, stick)
    (row,) = read_csv(exporter.run("csv")[0])
    assert row["sum.kind"] == (code if code.startswith("x") else f"'{code}")
    assert exporter.rows()[0]["sum.kind"] == [code]


@pytest.mark.parametrize("text", ["=A1", "+A1", "-A1", "@A1", "\tA1", "\rA1"])
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert tables.cell(text) == f"'{text}"
    assert tables.cell([text, "x"]) == f"'{text} x"
    assert tables.cell(f"x{text}") == f"x{text}"


def test_a_question_cannot_take_the_place_of_a_fixed_column(
    server: Server, desk: Desk, stick: Path, exporter: Exporter
) -> None:
    server.edition = Edition({**EDITION.files, "call.yaml": EDITION.files["call.yaml"].replace(b"inc.beds", b"month")})
    server.receive(answers={"story.text": "x", "month": 5})
    opened(server, desk, stick)
    assert exporter.rows()[0]["month"] == "2026-11"
    (row,) = read_csv(exporter.run("csv")[0])
    assert list(row) == [name for name in COLUMNS if name != "inc.beds"]
    assert row["month"] == "2026-11"


def test_the_real_call_gives_nothing_that_is_sealed(real: Edition) -> None:
    countable = {question.id for question in gate.countable(real.call)}
    assert {"you.role", "inc.when", "inc.country", "inc.kind", "inc.days_number", "care.worst", "me.harm"} <= countable
    sealed = {"inc.ransom", "inc.paid", "inc.name", "story.text", "story.line", "CSTAT"}
    assert not countable & sealed
    assert {name.split(".")[0] for name in countable} == {"you", "inc", "care", "me"}


@pytest.fixture
def real() -> Edition:
    """The call that the service ships."""
    content = (CALLS / "testimonials.yaml").read_bytes()
    assert {"inc.ransom", "inc.paid", "safe.retaliate", "con.via"} <= load_call(content).questions.keys()
    return Edition({"call.yaml": content})


def test_nothing_is_overwritten(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    opened(server, desk, stick)
    out, link = desk.folder / "out", desk.folder / "link"
    out.write_bytes(b"mine")
    link.symlink_to(desk.folder / "nowhere")
    before = sorted(desk.folder.iterdir())
    for path in (out, link, desk.folder / "nowhere" / "out"):
        result = desk.at_desk("export", "--format", "csv", path)
        assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert sorted(desk.folder.iterdir()) == before
    assert out.read_bytes() == b"mine"
    assert remembered(desk) == ([], [])


def test_a_failure_leaves_nothing(server: Server, desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.receive()
    opened(server, desk, stick)
    before = sorted(desk.folder.iterdir())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "out")

    for owner, name in ((plaintext, "_name"), (os, "fsync"), (plaintext, "_write")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, fail)
            result = desk.at_desk("export", "--format", "csv", desk.folder / "out")
        assert (result.returncode, result.stderr) == (1, "Error: out: No space left on device\n")
        assert sorted(desk.folder.iterdir()) == before
        assert remembered(desk) == ([], [])


def test_a_file_that_is_there_stays_on_the_list(
    server: Server, desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails once it has its name."""
    parent = server.receive()
    opened(server, desk, stick)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error", "out")

    out = desk.folder / "out"
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", fail)
        assert desk.at_desk("export", "--format", "csv", out).returncode == 1
    assert len(read_csv(out)) == 1
    assert remembered(desk)[1] == [(parent, 1)]


MOMENTS = {
    "before it is remembered": ("intake.desk.leaving.exports.remember", False, False),
    "before it is written": ("intake.desk.plaintext._write", True, False),
    "before it has its name": ("os.link", True, False),
    "when it has its name": ("intake.desk.plaintext.os.close", True, True),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_desk_that_is_killed_has_every_file_on_its_list(server: Server, desk: Desk, stick: Path, name: str) -> None:
    """It may be on the list and not there, but never there and not on the list."""
    place, listed, there = MOMENTS[name]
    parent = server.receive()
    opened(server, desk, stick)
    out = desk.folder / "out.csv"
    code = f"""
import os, signal
import intake.desk.commands, intake.desk.plaintext
{place} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
intake.desk.commands.main()
"""
    line = ["export", "--format", "csv", out, "--workspace", desk.workspace, "--key", desk.key]
    process = subprocess.run([sys.executable, "-c", code, *map(str, line)], capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert out.exists() == there
    exports, exported = remembered(desk)
    assert [row[4] for row in exports] == [str(out)] * listed
    assert exported == [(parent, 1)] * listed
    server.withdraw(parent)
    assert (str(out) in opened(server, desk, stick)) == listed


def test_a_withdrawal_names_every_export_it_was_in(server: Server, desk: Desk, stick: Path, exporter: Exporter) -> None:
    parent, other = server.receive(), server.receive(answers={"story.text": "Another."})
    record, _ = server.attach(parent, b"evidence")
    opened(server, desk, stick)
    paths = [exporter.run("csv")[0], exporter.run("jsonl")[0]]
    evil = desk.folder / "evil\n\x1b[2J.csv"
    assert desk.at_desk("export", "--format", "csv", evil).returncode == 0
    assert desk.at_desk("attachment", record, "--out", desk.folder / "taken").returncode == 0
    assert "still in" not in desk.at_desk("list").stdout
    server.withdraw(parent)
    said = opened(server, desk, stick)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for path in paths:
        line = f"withdrawn: it is in an export for statistics of {today}: {path}. Delete this file, and every copy."
        assert said.splitlines().count(line) == 1
    assert said.count("it is in an export") == 3
    assert "a file of it was taken out" in said
    assert "\x1b" not in said
    assert "evil \\x1b[2J.csv. Delete" in said
    assert exporter.rows() != []  # the other one
    for _ in range(2):  # the first telling may have been missed
        assert opened(server, desk, stick).startswith("Nothing new.")
        lines = {line.split()[0]: line for line in desk.at_desk("list").stdout.splitlines()}
        for path in paths:
            assert f"; still in the export for statistics of {today}: {path}" in lines[parent]
        assert "taken out on" in lines[parent]
        assert "still in" not in lines[other]
    assert sorted(remembered(desk)[1]) == sorted(
        [(name, at) for name in (parent, other) for at in (1, 2, 3)] + [(other, 4)]
    )


def test_the_export_of_a_twin_is_named_too(server: Server, desk: Desk, stick: Path, exporter: Exporter) -> None:
    """The same ciphertext under a second id that a hostile server brought first, before its testimony."""
    parent = server.receive()
    sealed = server.records[parent]
    assert isinstance(sealed, bytes)
    twin = server.take_sealed("received", sealed)
    kept = server.records.pop(parent)
    server.export(stick)
    assert desk.open(stick).returncode == 1  # the first one is missing
    out, _ = exporter.run()
    assert remembered(desk)[1] == [(twin, 1)]
    server.records[parent] = kept
    opened(server, desk, stick)
    server.withdraw(parent)
    assert f": {out}. Delete this file" in opened(server, desk, stick)


def test_a_narrowed_consent_leaves_it_out_and_names_what_holds_it(
    server: Server, desk: Desk, stick: Path, exporter: Exporter
) -> None:
    parent, other = server.receive(), server.receive(answers={"story.text": "Another.", "inc.beds": 7})
    opened(server, desk, stick)
    out, _ = exporter.run("csv")
    assert len(read_csv(out)) == 2
    server.add(server.consent(parent, 1, CPUB="Y"))
    assert "narrowed" not in opened(server, desk, stick)
    server.add(server.consent(parent, 2, CSTAT="N"))
    said = opened(server, desk, stick)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    line = (
        f"narrowed: testimony {parent} is in an export for statistics of {today}: {out}. Its consents no longer cover"
    )
    assert [found.startswith(line) for found in said.splitlines() if "narrowed" in found] == [True]
    assert [row["inc.beds"] for row in exporter.rows()] == [7]
    assert opened(server, desk, stick).startswith("Nothing new.")
    lines = {found.split()[0]: found for found in desk.at_desk("list").stdout.splitlines()}
    assert f"; still in the export for statistics of {today}: {out}" in lines[parent]
    assert "still in" not in lines[other]
    server.add(server.consent(parent, 3, CSTAT="Y"))
    assert "narrowed" not in opened(server, desk, stick)
    assert "still in" not in desk.at_desk("list").stdout
    assert len(exporter.rows()) == 2


@pytest.mark.parametrize("name", ["veris", "qdpx", "html"])
def test_a_format_that_does_not_exist_yet_is_refused(server: Server, desk: Desk, stick: Path, name: str) -> None:
    server.receive()
    opened(server, desk, stick)
    result = desk.at_desk("export", "--format", name, desk.folder / "out")
    assert (result.returncode, result.stderr) == (1, f"Error: There is no export as {name} yet: only csv and jsonl.\n")
    assert not (desk.folder / "out").exists()
    assert remembered(desk) == ([], [])
    assert desk.at_desk("export", "--format", "xlsx", desk.folder / "out").returncode == 2


def test_an_export_of_nothing_is_a_table_without_rows(
    server: Server, desk: Desk, stick: Path, exporter: Exporter
) -> None:
    server.receive(CSTAT="N")
    opened(server, desk, stick)
    assert exporter.run("csv")[0].read_bytes() == b"\xef\xbb\xbfrow,call,language,month\r\n"
    assert exporter.rows() == []
