"""Quotes that leave: word for word but for what is redacted, harmless in a spreadsheet, and remembered."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from desk.redacting.case import STORY, Case
from desk.stick import Desk, Server
from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.leaving import exports, tables
from intake.desk.leaving.exporting import What, export
from intake.desk.leaving.gate import QUOTING, Refusal, Use
from intake.desk.passages import Passage
from intake.desk.redacting import quotes
from intake.desk.workspace import Record

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


def ready(case: Case, text: str = STORY, **changes: Any) -> Record:
    """A testimony whose whole story is a quote that may leave."""
    testimony = case.testimony(text, **changes)
    with case.by("anna") as workspace:
        quotes.choose(workspace, testimony, Passage(testimony.id, "story.text", 0, len(text)))
    case.confirm(testimony)
    return testimony


def written(case: Case, out: Path, use: Use = Use.PUBLICATION, name: str = "jsonl") -> list[dict[str, str]]:
    export(case.workspace, name, out, "2026-11-22", What.QUOTES, use)
    content = out.read_bytes().decode("utf-8-sig")
    if name == "csv":
        return list(csv.DictReader(io.StringIO(content, newline="")))
    return [json.loads(line) for line in content.splitlines()]


def test_what_leaves_is_the_redacted_text(case: Case, tmp_path: Path) -> None:
    testimony = case.testimony()
    case.mark(testimony, "Anna Keller")
    case.mark(testimony, "Lyon", "place")
    quote = case.quote(testimony, "Keller called from Ly")
    case.confirm(testimony)
    for name in ("csv", "jsonl"):
        (row,) = written(case, tmp_path / name, name=name)
        assert row.pop("row") not in (testimony.id, quote.id)
        assert row == {"call": "tiny", "language": "en", "quote": "[Person 1] called from [Place 1]"}
    with case.by("anna") as workspace:
        (first, second) = exports.listed(workspace)
    assert (first.export.what, first.export.use, first.export.size) == ("quotes", Use.PUBLICATION, 1)
    assert second.export.named == f"export for publication of 2026-11-22: {tmp_path / 'csv'}"
    events = [entry.detail for entry in trail.entries(case.workspace, "event = 'exported'")]
    assert [(detail["what"], detail["use"], detail["rows"]) for detail in events] == [("quotes", "publication", 1)] * 2


def test_what_was_refused_is_remembered_with_every_reason(case: Case, tmp_path: Path) -> None:
    ready(case)
    refused = ready(case, consent={"CPUB_ANON": "N"}, state="reading")
    case.mark(refused, "Lyon", "place")
    assert len(written(case, tmp_path / "one")) == 1
    (one,) = exports.listed(case.workspace)
    assert dict(one.refused) == {Refusal.CONSENT: 1, Refusal.NOT_ACCEPTED: 1, Refusal.NOT_CONFIRMED: 1}
    assert case.workspace.execute("SELECT DISTINCT record FROM refused").fetchall() == [(refused.id,)]
    (entry,) = trail.entries(case.workspace, "event = 'exported'")
    assert entry.detail["refused"] == {"CONSENT": 1, "NOT_ACCEPTED": 1, "NOT_CONFIRMED": 1}
    assert not any(word in str(entry.text) for word in ("Anna", "Lyon", refused.id))


def test_a_narrowed_consent_names_the_exports_of_that_use(case: Case, tmp_path: Path) -> None:
    testimony, other = ready(case), ready(case)
    for use in (Use.PUBLICATION, Use.PARTNER):
        assert len(written(case, tmp_path / use, use)) == 2
    case.change(testimony, CPARTNER="N")
    assert [found.use for found in exports.not_covered(case.workspace, case.record(testimony))] == [Use.PARTNER]
    assert exports.not_covered(case.workspace, case.record(other)) == []
    listed = {one.export.use: one.not_covered for one in exports.listed(case.workspace)}
    assert listed == {Use.PUBLICATION: [], Use.PARTNER: [testimony.id]}
    assert len(written(case, tmp_path / "again", Use.PARTNER)) == 1
    case.change(testimony, 2, CPARTNER="ASK")  # what left without asking is still not covered
    assert [found.use for found in exports.not_covered(case.workspace, case.record(testimony))] == [Use.PARTNER]


def test_an_export_of_an_addition_is_named_too(case: Case, tmp_path: Path) -> None:
    testimony = case.testimony()
    addition = case.add(testimony, "Said later.")
    with case.by("anna") as workspace:
        quotes.choose(workspace, testimony, case.place(testimony, "Said later.", addition.id, ""))
    case.confirm(testimony)
    assert len(written(case, tmp_path / "one")) == 1
    assert (
        len(exports.holding(case.workspace, [testimony.id])) == len(exports.holding(case.workspace, [addition.id])) == 1
    )


@pytest.mark.parametrize("narrowed", [{"CSTAT": "N"}, {"CPUB_ANON": "N"}])
def test_numbers_and_words_do_not_cover_each_other(case: Case, tmp_path: Path, narrowed: Mapping[str, str]) -> None:
    testimony = ready(case)
    export(case.workspace, "csv", tmp_path / "numbers", "2026-11-22")
    written(case, tmp_path / "words")
    case.change(testimony, 1, **narrowed)
    gone = {one.export.use: bool(one.not_covered) for one in exports.listed(case.workspace)}
    assert gone == {Use.STATISTICS: "CSTAT" in narrowed, Use.PUBLICATION: "CPUB_ANON" in narrowed}


def test_what_could_disturb_a_page_does_not_leave(case: Case, tmp_path: Path) -> None:
    ready(
        case,
        "I said \u202eno\u202c.\r\nT\x1b[2Jhen\x00 می\u200cخواهم 👩\u200d⚕️ \u200fשלום\u200e \u2066x\u2069\u2028end",
    )
    (row,) = written(case, tmp_path / "one")
    assert row["quote"] == "I said no.\nT[2Jhen می\u200cخواهم 👩\u200d⚕️ \u200fשלום\u200e x\nend"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", " ", "\u3000", "\ufeff", "\n", "\u200b \t", "a;", "a\n", 'a; "', "a\t"])
def test_no_spreadsheet_runs_a_quote(case: Case, tmp_path: Path, before: str, sign: str) -> None:
    text = f"{before}{sign}cmd|' /C calc'!A0"
    ready(case, f"x{text}")
    cell = tables.cell(text)
    assert f"'{sign}cmd" in cell
    assert cell.replace(f"'{sign}", sign).removeprefix("'") == text
    assert tables.cell(f"3 {sign} 4, a{sign}b") == f"3 {sign} 4, a{sign}b"


@given(st.text(alphabet=f'{SIGNS}; \t\r\n"a,\u200b', max_size=12))
@example("=1")
@example('a;"=1')
def test_no_cell_begins_as_a_formula_does_wherever_cells_end(text: str) -> None:
    """Read with a comma, a semicolon or a tab between the cells, and quotes or none: nothing begins with a sign."""
    cell = tables.cell(text)
    for piece in cell.replace("\r", "\n").replace("\t", "\n").replace(";", "\n").split("\n"):
        assert not piece.strip(' "\u200b').startswith(tuple(SIGNS))
    assert not cell.startswith(("\t", "\r"))
    assert cell.replace("'", "") == text.replace("'", "")


def test_a_long_hostile_cell_is_quick() -> None:
    for text in ("\n" * 20_000, ";" * 20_000, "=" * 20_000, " " * 20_000 + "=", '";' * 10_000):
        assert len(tables.cell(text)) <= 2 * len(text)


def test_words_leave_for_a_use_and_numbers_for_none(case: Case, tmp_path: Path) -> None:
    for what, use in ((What.QUOTES, Use.STATISTICS), *((What.ANSWERS, use) for use in QUOTING)):
        with pytest.raises(DeskError, match="There is no export of"):
            export(case.workspace, "csv", tmp_path / "out", "2026-11-22", what, use)
    for name in ("veris", "qdpx", "html"):
        with pytest.raises(DeskError, match="yet"):
            export(case.workspace, name, tmp_path / "out", "2026-11-22", What.QUOTES, Use.PARTNER)
    assert list(tmp_path.glob("out*")) == []
    assert exports.listed(case.workspace) == []


def test_what_could_not_be_written_is_in_the_trail_and_not_on_the_list(case: Case, tmp_path: Path) -> None:
    ready(case)
    with pytest.raises(DeskError):
        export(case.workspace, "csv", tmp_path / "none" / "out", "2026-11-22", What.QUOTES, Use.PARTNER)
    assert exports.listed(case.workspace) == []
    assert case.workspace.execute("SELECT count(*) FROM exported").fetchone() == (0,)
    events = [entry.event for entry in trail.entries(case.workspace, "event LIKE 'export%'")]
    assert events == ["exported", "export not written"]


def test_the_command(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    out = desk.folder / "out"
    for wrong in (
        ["--what", "quotes"],
        ["--use", "partner"],
        ["--what", "charts", "--use", "name"],
        ["--use", "statistics"],
    ):
        assert desk.at_desk("export", "--format", "csv", *wrong, out).returncode == 2
    done = desk.at_desk("export", "--format", "csv", "--what", "quotes", "--use", "name", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"0 quote(s) are in {out}, one a row. It is not encrypted")
    assert out.read_bytes() == b"\xef\xbb\xbfrow,call,language,quote,name\r\n"
    charts = desk.at_desk("export", "--format", "jsonl", "--what", "charts", desk.folder / "charts")
    assert charts.returncode == 1
    assert "Fewer than 10 testimonies may be counted" in charts.stderr
    assert not (desk.folder / "charts").exists()
