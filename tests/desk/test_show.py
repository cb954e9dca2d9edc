"""A testimony as the reviewer reads it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.stick import Desk, Server
from intake.desk.errors import harmless, one_line
from intake.envelope import build

DANGEROUS = [*(chr(code) for code in range(32) if chr(code) not in "\n\t"), *map(chr, range(0x7F, 0xA0))]
DANGEROUS += [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]


@pytest.fixture
def shown(server: Server, desk: Desk, stick: Path) -> Any:
    """Return a function that files a testimony with these fields, and gives its id."""

    def file(**changes: Any) -> str:
        record = server.receive(**changes)
        server.export(stick)
        assert desk.open(stick).returncode == 0
        return record

    return file


def after(text: str, label: str) -> str:
    """The line below a label."""
    lines = text.splitlines()
    return lines[lines.index(label) + 1]


def test_questions_are_in_the_reviewers_language_and_answers_as_given(shown: Any, desk: Desk) -> None:
    answers = {
        "story.text": "Es war Nacht.",
        "inc.kind": "UNK",
        "care.effects": ["DELAY", "DIVERT"],
        "inc.when": "2025-03",
        "inc.country": "CH",
        "inc.beds": 0,
    }
    record = shown(answers=answers, language="ar")
    french = desk.show(record, "--language", "fr")
    assert after(french, "Votre récit") == "    Es war Nacht."
    assert after(french, "Qu'est-ce que c'était") == "    Je ne sais pas"
    assert after(french, "Quels soins ont souffert") == "    - Des retards"
    assert "    - Ambulances sent away" in french.splitlines()  # not translated yet
    assert after(french, "When") == "    2025-03"
    assert after(french, "Where") == "    Suisse"
    assert after(french, "How many beds") == "    0"
    assert after(french, "Pouvons-nous garder ceci") == "    Oui, gardez-le"
    assert after(french, "May we publish this") == "    Non, jamais"
    assert "── Ce qui est arrivé" in french.splitlines()
    assert "Written in: ar" in french
    assert after(desk.show(record), "Where") == "    Switzerland"


@pytest.mark.parametrize(
    ("system", "label"),
    [
        ("fr_CH.UTF-8", "Votre récit"),
        ("fr", "Votre récit"),
        ("ar_EG", "قصتك"),
        ("de_DE.UTF-8", "Your story"),
        ("C", "Your story"),
        ("POSIX", "Your story"),
        ("../../x", "Your story"),
    ],
)
def test_the_language_is_that_of_the_system(shown: Any, desk: Desk, system: str, label: str) -> None:
    record = shown()
    desk.language = system
    assert after(desk.show(record), label) == "    It was dark."


def test_a_language_that_is_not_there_is_said_so(shown: Any, desk: Desk) -> None:
    result = desk.at_desk("show", shown(), "--language", "sw")
    assert result.returncode == 1
    assert result.stderr == "Error: The questions are not there in sw, only in: en, ar, fr.\n"


def test_unknown_refused_and_not_asked_are_three_things(shown: Any, desk: Desk) -> None:
    answers = {"story.text": "x", "inc.kind": "PNS", "care.effects": ["UNK"], "inc.country": "ZZ"}
    text = desk.show(shown(answers=answers))
    assert after(text, "What was it") == "    I prefer not to say"
    assert after(text, "What care suffered") == "    - I do not know"
    assert after(text, "Where") == "    I do not know"
    assert "How many beds" not in text


def test_no_answer_commands_the_terminal(shown: Any, desk: Desk) -> None:
    story = f"start{''.join(DANGEROUS)}end\tafter a tab\r\nnext"
    record = shown(answers={"story.text": story, "inc.kind": "LEAK", "leak.what": "\x1b]0;owned\x07"})
    text = desk.show(record)
    assert not set(text) & set(DANGEROUS)
    assert r"\x1b]0;owned\x07" in text
    joined = "".join(line.strip() for line in text.splitlines())
    assert r"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069end" in joined
    shown_json = desk.at_desk("show", record, "--json").stdout
    assert shown_json.isascii()
    assert json.loads(shown_json)["answers"]["story.text"] == story


def test_an_answer_is_printed_whatever_the_terminal_can_show(
    shown: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = shown(answers={"story.text": "夜 🏥"})
    monkeypatch.setenv("PYTHONIOENCODING", "iso-8859-1")
    result = desk.run("show", record, "--workspace", desk.workspace, "--key", desk.key)
    assert (result.returncode, result.stderr) == (0, "")
    assert r"\u591c \U0001f3e5" in result.stdout


@given(st.text())
def test_harmless_text_keeps_everything_else(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)
    assert not set(harmless(text)) & set(DANGEROUS)
    assert "\n" not in one_line(text)
    if not set(text) & set(DANGEROUS):
        assert harmless(text) == text


def test_long_answers_are_wrapped_by_what_fits(shown: Any, desk: Desk) -> None:
    story = "word " * 100 + "\n\n" + "夜" * 200 + "\n" + "x" * 200
    text = desk.show(shown(answers={"story.text": story}))
    wide = [sum(2 if unicodedata.east_asian_width(char) == "W" else 1 for char in line) for line in text.splitlines()]
    assert max(wide) <= 80
    body = text.partition("Your story\n")[2].partition("\n── ")[0]
    assert body.replace(" ", "").replace("\n", "") == story.replace(" ", "").replace("\n", "")


def test_additions_come_after_their_testimony(server: Server, desk: Desk, stick: Path) -> None:
    parent, other = server.receive(), server.receive(answers={"story.text": "Another one."})
    first = server.take("added", build(server.addition(parent, answers={"story.text": "First."})))
    second = server.take("added", build(server.addition(parent, answers={"story.text": "Second."})))
    server.export(stick)
    desk.open(stick)
    text = desk.show(parent)
    order = [text.index(mark) for mark in (f"Testimony {parent}", "It was dark.", first, "First.", second, "Second.")]
    assert order == sorted(order)
    assert "Another" not in text
    assert desk.shown(parent)["additions"] == [first, second]
    assert first not in desk.show(other)
    alone = desk.show(first)
    assert f"It adds to the testimony {parent}." in alone
    assert "Second." not in alone


def test_what_is_not_there_is_said_so(shown: Any, desk: Desk) -> None:
    shown()
    for identifier in ("0" * 32, "x'; DROP TABLE records; --", "\x1b[2J"):
        result = desk.at_desk("show", identifier)
        assert result.returncode == 1
        assert result.stderr == ("Error: There is no record with this id: `intake-desk list` shows those there are.\n")
