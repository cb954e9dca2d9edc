"""A call's file: a mistake in it names the place, the line and what is wrong."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_call import GOOD

from intake.calls.edition import CALLS, Edition, read_catalogue, read_editions, rich
from intake.calls.load import CallError, load_call
from intake.calls.model import Kind
from intake.settings import ROOT

MISTAKES = [
    ("format: call/1", "format: call/2", 1, "the call", "must be call/1"),
    ("name: small", "name: Small", 2, "the call", "small letters"),
    ("name: small", "name: return", 2, "the call", "another page at that address"),
    ("id: first", "id: first\n    keep_days: soon", 9, "section first", "whole number"),
    ("title: A small call\n", "", 1, "the call", "'title' is missing"),
    ("type: textarea", "type: essay", 21, "question what", "type must be one of"),
    ("limit: 100", "limit: many", 23, "question what", "whole number"),
    ("        limit: 100\n", "", 20, "question what", "needs a limit"),
    ("id: what", "id: adult", 20, "question adult", "another question"),
    ("id: what", "id: what is it", 20, "section first", "cannot be an id"),
    ("label: What happened?", "lable: What happened?", 22, "section first", "'lable' is not known"),
    ("label: What happened?", 'label: ""', 22, "question what", "a text is expected"),
    ('when: {adult: ["N"]}', 'when: {adlut: ["N"]}', 26, "section young", "does not exist"),
    ('when: {adult: ["N"]}', 'when: {adult: ["X"]}', 26, "section young", "does not have"),
    ('when: {adult: ["N"]}', 'when: {CINT: ["N"]}', 26, "section young", "only asked later"),
    ('    when: {adult: ["N"]}\n', "", 24, "section young", "needs a condition"),
    ("one_of: [what]", "one_of: [why]", 6, "the call", "does not exist"),
    ('required: "Y"', 'required: "Z"', 35, "question CINT", "the one code"),
    ('code: "N", label: "No"}\n      - id', 'code: "Y", label: "No"}\n      - id', 18, "question adult", "same code"),
    ("type: textarea", "type: text\n        stored: perhaps", 22, "question what", "true or false"),
    ("sections:", "sections: [", 0, "", "not YAML"),
]


def test_the_good_file_is_good() -> None:
    """The file that the mistakes below are made in loads."""
    assert list(load_call(GOOD.encode()).questions) == ["adult", "what", "CINT"]


@pytest.mark.parametrize(("old", "new", "line", "place", "problem"), MISTAKES)
def test_a_mistake_names_place_line_and_problem(old: str, new: str, line: int, place: str, problem: str) -> None:
    """Each kind of mistake is one clear line."""
    assert old in GOOD
    with pytest.raises(CallError) as error:
        load_call(GOOD.replace(old, new, 1).encode(), "small.yaml")
    message = str(error.value)
    assert message.startswith("small.yaml")
    assert problem in message
    assert place in message
    if line:
        assert f"line {line}:" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- id: adult", "- ? [a, list]\n        : a value\n        id: adult"),
        ("title: First", "title: " + "[" * 5000),
        ("title: First", r'title: "\ud800"'),
        ("title: First", r'title: "\U99999999"'),
        ("format: call/1", "%YAML 1." + "1" * 5000 + "\n---\nformat: call/1"),
    ],
    ids=["a list as a name", "too deep", "half a character", "no character", "no version"],
)
def test_what_the_fuzzer_found_is_one_line_too(old: str, new: str) -> None:
    """A bundle brings its call along: a hostile server writes it."""
    with pytest.raises(CallError, match=r"^small\.yaml"):
        load_call(GOOD.replace(old, new, 1).encode(), "small.yaml")


@pytest.mark.parametrize("damaged", [b"no keyword", b'msgid "a"\nmsgstr "\xff"'], ids=["no keyword", "not UTF-8"])
def test_a_damaged_catalogue_is_one_line(damaged: bytes) -> None:
    """As above: a bundle brings its translations along, too."""
    with pytest.raises(CallError, match=r"^not a catalogue of translations"):
        read_catalogue(damaged)


def test_a_catalogue_is_utf_8_whatever_it_says() -> None:
    """An encoding that nobody knows made another error, and one that somebody knows would make other words."""
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=CHARSET\\n"\n\nmsgid "Send"\nmsgstr "Envoyé"\n'
    for charset in ("utf-8", "utf-9", "latin-1", "utf-7"):
        assert read_catalogue(header.replace("CHARSET", charset).encode()).gettext("Send") == "Envoyé"


def test_a_catalogue_cannot_ask_for_all_the_memory() -> None:
    """Babel sets aside room for as many plural forms as the file says that there are."""
    header = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=99999999999; plural=0;\\n"\n'
    message = 'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\n'
    with pytest.raises(CallError, match="plural forms"):
        read_catalogue((header + message).encode())


def test_a_call_cannot_grow_by_aliases() -> None:
    """A list that a thousand questions name is read a thousand times."""
    options = "\n".join(f"          - {{code: C{number}, label: {'x' * 99}}}" for number in range(2000))
    questions = "".join(f"      - {{id: q{number}, type: radio, label: L, options: *all}}\n" for number in range(1000))
    first = f"      - id: long\n        type: radio\n        label: L\n        options: &all\n{options}\n"
    with pytest.raises(CallError, match="too long"):
        load_call(GOOD.replace("      - id: adult", f"{first}{questions}      - id: adult", 1).encode())


def test_tags_beyond_number_are_shown_as_they_are() -> None:
    """Cleaning them one within the other would take hours."""
    shown = rich("<ul>" * 100_000)
    assert "<ul>" not in shown
    assert shown.count("&lt;ul&gt;") == 100_000


def test_what_is_not_kept_decides_no_consent() -> None:
    """The desk could not check a consent whose conditions it has deleted."""
    forgotten = GOOD.replace("id: first", "id: first\n    keep_days: 183", 1)
    assert load_call(forgotten.encode()).sections[0].keep_days == 183
    deciding = forgotten.replace("    consent: true", '    when: {adult: ["Y"]}\n    consent: true', 1)
    assert deciding != forgotten
    with pytest.raises(CallError, match="decides which consents are open"):
        load_call(deciding.encode())


@given(st.data())
def test_no_damage_makes_another_error(data: st.DataObject) -> None:
    """A file with any part cut out either loads or is refused with a CallError."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    try:
        load_call((GOOD[:start] + GOOD[end:]).encode())
    except CallError as error:
        assert str(error)


def test_testimonials_is_complete() -> None:
    """The shipped call loads, and is translated whole into every shipped language."""
    editions = read_editions(ROOT / "translations", ("en", "fr", "ar"))
    edition = editions["testimonials"]
    assert len(edition.call.questions) > 60
    assert edition.call.questions["you.adult"].required
    assert edition.call.questions["CINT"].must == "Y"
    assert [question.id for question in edition.call.questions.values() if question.required] == ["you.adult", "CINT"]
    assert edition.call.questions["story.text"].limit == 20_000
    assert {question.kind for question in edition.call.questions.values()} == set(Kind)
    for language in edition.languages:
        assert edition.untranslated(language) == []


def test_the_digest_is_what_sha256sum_prints() -> None:
    """An edition is named by a digest that two standard commands check."""
    files = {"call.yaml": GOOD.encode(), "fr.po": b"", "ar.po": b'msgid "a"\nmsgstr "b"\n'}
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in ("ar.po", "call.yaml", "fr.po")]
    assert Edition(files).sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("name", sorted(path.name for path in CALLS.glob("*.yaml")))
def test_texts_are_plain(name: str) -> None:
    """English has sentences of at most twenty words, and none of the words that people should not have to know."""
    unwanted = re.compile(r"\b(incident|threat actor|exfiltrat\w*|ransomware|malware|submission|stakeholder)\b", re.I)
    for text in load_call((CALLS / name).read_bytes()).messages():
        assert not unwanted.search(text), text
        for sentence in re.split(r"(?<=[.?!:])\s+|<[^>]+>", text):
            assert len(sentence.split()) <= 20, sentence
