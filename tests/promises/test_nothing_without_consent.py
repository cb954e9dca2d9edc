"""Promise 9: nothing is published that its consent does not cover.

What the gate of the desk's exports relies on is right from the moment of sending; and the gate itself, in every
combination of what it depends on. What it writes: tests/desk/test_export.py and tests/desk/redacting/.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk.redacting.case import Case
from service import Instance, Server

from intake.desk.leaving import gate
from intake.desk.leaving.gate import QUOTING, Refusal, Use
from intake.desk.passages import Passage
from intake.desk.redacting import marks, quotes
from intake.desk.workspace import QUARANTINED, WITHDRAWN, Record
from intake.envelope import Testimony as SealedTestimony
from intake.envelope import build, parse


def sent(server: Server, **answers: str) -> SealedTestimony:
    """Send a testimony with these consents and return what was sealed."""
    before = server.instance.ciphertexts()
    assert server.client.send(**answers).status == 200
    (new,) = [ciphertext for ciphertext in server.instance.ciphertexts() if ciphertext not in before]
    return server.instance.testimony(new)


def test_no_answer_is_a_no(server: Server) -> None:
    """Every consent that was asked and not given is stored as a no."""
    consent = dict(sent(server).consent)
    assert consent.pop("CINT") == "Y"
    assert len(consent.pop("notice_sha256")) == 64
    assert set(consent.values()) == {"N"}
    assert {"CCONT", "CSTAT", "CPUB_ANON", "CPARTNER", "CLEA", "CARCH", "CTRANS"} <= set(consent)


def test_a_consent_that_was_not_offered_cannot_be_given(server: Server) -> None:
    """A posted yes to something that the person could not see is dropped: a name where they fear for themselves."""
    consent = sent(server, CCONT="Y", CPUB_NAME="ASK", **{"safe.retaliate": "Y"}).consent
    assert "CPUB_NAME" not in consent
    consent = sent(server, CPUB_ANON="ASK").consent  # "ask me" needs a way to ask
    assert consent["CPUB_ANON"] == "N"
    assert sent(server, CCONT="Y", CPUB_NAME="ASK").consent["CPUB_NAME"] == "ASK"


def test_without_the_first_consent_nothing_is_kept(server: Server) -> None:
    """No yes to keeping it: nothing is stored."""
    for answer in ("N", "", "PNS"):
        assert server.client.send(CINT=answer).status == 422
    assert server.instance.ciphertexts() == []


def test_the_proof_of_consent_is_the_text_that_was_shown(instance: Instance) -> None:
    """The digest in the envelope is that of the notice in the language of the form, as the bundle carries it."""
    with instance.serve() as server:
        assert server.client.send("/ar/testimonials").status == 200
    (listed,) = instance.open_on_desk()
    assert listed["language"] == "ar"
    assert listed["state"] == "new"


# ---- the gate: a table of its own, written without a look at the gate's

ANSWERS = {
    "CSTAT": ("Y", "N"),
    "CPUB_ANON": ("Y", "ASK", "N"),
    "CPUB_REVIEW": ("Y", "N"),
    "CPUB_NAME": ("ASK", "N"),
    "CPARTNER": ("Y", "ASK", "N"),
    "safe.retaliate": ("Y", "N"),
}
QUOTED = ("CPUB_ANON", "CPUB_REVIEW", "CPUB_NAME", "CPARTNER", "safe.retaliate")
STATES = ("new", "reading", "accepted", "set aside", "spam", "test", QUARANTINED, WITHDRAWN)
REDACTIONS = {"none": False, "marked": False, "confirmed by who marked": False, "confirmed by a second": True}
AGREEMENTS = {"none": 0, "one": 1, "two": 2, "another text": 0}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def expected(use: Use, given: Mapping[str, str], state: str, confirmed: bool, readers: int) -> bool:
    """What the questionnaire and the issue say, in words of their own."""
    if use is Use.STATISTICS:
        return given["CSTAT"] == "Y" and state in ("new", "reading", "accepted", "set aside")
    if state != "accepted" or not confirmed:
        return False
    if use is Use.PUBLICATION:
        if given["CPUB_ANON"] == "Y" and given["CPUB_REVIEW"] == "N":
            return True
        return given["CPUB_ANON"] in ("Y", "ASK") and readers >= 1
    if use is Use.PARTNER:
        return given["CPARTNER"] == "Y" or (given["CPARTNER"] == "ASK" and readers >= 1)
    return given["CPUB_NAME"] == "ASK" and given["safe.retaliate"] == "N" and readers == 2


def every(states: tuple[str, ...], *asked: str) -> Iterator[tuple[dict[str, str], str]]:
    """Every combination of answers and of the testimony's state; a yes to whatever else was asked."""
    for answers in itertools.product(*(ANSWERS[name] for name in asked)):
        for state in states:
            yield {**dict.fromkeys(ANSWERS, "Y"), **dict(zip(asked, answers, strict=True))}, state


def changed(record: Record, given: Mapping[str, str], state: str) -> Record:
    """The same testimony with other consents, and in another state."""
    envelope = parse(record.content)
    assert isinstance(envelope, SealedTestimony)
    consent = {**envelope.consent, **{name: code for name, code in given.items() if name.isupper()}}
    answers = {**envelope.answers, "safe.retaliate": given["safe.retaliate"]}
    content = build(replace(envelope, consent=consent, answers=answers, test=state == "test"))
    return replace(record, content=content.rstrip(b" "), state="accepted" if state == "test" else state)


@pytest.mark.parametrize("redaction", REDACTIONS)
@pytest.mark.parametrize("agreement", AGREEMENTS)
def test_the_gate_in_every_combination(case: Case, redaction: str, agreement: str) -> None:
    testimony = case.testimony()
    if redaction != "none":
        case.mark(testimony, "Anna Keller")
    quote, other = case.quote(testimony, "Anna Keller called from Lyon."), case.quote(testimony, "I was alone")
    for use in QUOTING:
        asked = case.ask(testimony, other if agreement == "another text" else quote, use, "Maria" * (use is Use.NAME))
        answer = case.add(testimony)
        for name in {"none": "", "one": "a", "two": "ab", "another text": "ab"}[agreement]:
            case.agree(asked, answer, {"a": "anna", "b": "ben"}[name])
    if redaction.startswith("confirmed"):
        case.confirm(testimony, "anna" if redaction.endswith("who marked") else "ben")
    confirmed, readers = REDACTIONS[redaction], AGREEMENTS[agreement]
    best = confirmed and readers == 2
    wrong = []
    with case.by("anna") as workspace:
        for given, state in every(STATES if best else STATES[2:5], *QUOTED):
            workspace.save(changed(testimony, given, state))
            for use in QUOTING:
                judged = gate.judge(workspace, quote, use)
                let_out = not judged.refusals
                assert bool(judged.text) == let_out
                assert bool(judged.name) == (let_out and use is Use.NAME)
                if let_out != expected(use, given, state, confirmed, readers):
                    wrong.append((use, given, state))
    assert wrong == []


def test_the_gate_for_statistics_in_every_combination(case: Case) -> None:
    """Redaction and agreement make no difference: no words leave."""
    testimony = case.testimony()
    with case.by("anna") as workspace:
        for given, state in every(STATES, *ANSWERS):
            workspace.save(changed(testimony, given, state))
            let_out = gate.refusal(workspace, case.record(testimony), Use.STATISTICS) is None
            assert let_out == expected(Use.STATISTICS, given, state, False, 0), (given, state)


GOOD: dict[str, Any] = {"CPUB_ANON": "ASK", "CPUB_NAME": "ASK", "CPARTNER": "ASK", "CPUB_REVIEW": "Y"}


def agreed_and_confirmed(case: Case) -> tuple[Record, Any]:
    """A quote that may leave for every use."""
    testimony = case.testimony(consent=GOOD)
    case.mark(testimony, "Anna Keller")
    quote = case.quote(testimony, "Anna Keller called from Lyon.")
    for use in QUOTING:
        asked = case.ask(testimony, quote, use, "Maria" * (use is Use.NAME))
        answer = case.add(testimony)
        case.agree(asked, answer, "anna")
        case.agree(asked, answer, "ben")
    case.confirm(testimony, "ben")
    assert [gate.judge(case.workspace, quote, use).refusals for use in QUOTING] == [(), (), ()]
    return testimony, quote


def refused(case: Case, quote: Any) -> list[set[Refusal]]:
    """Why it may not leave for publication, with a name, and to partners."""
    return [set(gate.judge(case.workspace, quote, use).refusals) for use in QUOTING]


@pytest.mark.parametrize("narrowed", ["CPUB_ANON", "CPUB_NAME", "CPARTNER"])
def test_a_consent_that_is_taken_back_wins_over_everything(case: Case, narrowed: str) -> None:
    """Over the answer they gave, and over every signature; and it stays a no when an old yes is played again."""
    testimony, quote = agreed_and_confirmed(case)
    case.change(testimony, 2, **{**GOOD, narrowed: "N"})
    case.change(testimony, 1, **GOOD)
    reasons = refused(case, quote)
    uses = {"CPUB_ANON": Use.PUBLICATION, "CPUB_NAME": Use.NAME, "CPARTNER": Use.PARTNER}
    assert [Refusal.CONSENT in found for found in reasons] == [use is uses[narrowed] for use in QUOTING]


def test_a_changed_text_has_to_be_asked_for_and_confirmed_again(case: Case) -> None:
    testimony, quote = agreed_and_confirmed(case)
    case.mark(testimony, "Lyon", "place")
    assert refused(case, quote) == [{Refusal.NOT_AGREED, Refusal.NOT_CONFIRMED}] * 3
    case.confirm(testimony, "ben")
    assert refused(case, quote) == [{Refusal.NOT_AGREED}] * 3
    with case.by("ben") as workspace:
        marks.remove(workspace, next(mark.id for mark in marks.marked(workspace, testimony.id) if mark.kind == "place"))
    case.confirm(testimony, "anna")
    assert refused(case, quote) == [set()] * 3  # it is the text they said yes to


def test_whatever_comes_later_is_read_again(case: Case) -> None:
    testimony, quote = agreed_and_confirmed(case)
    case.add(testimony, "I changed my mind.")
    assert refused(case, quote) == [{Refusal.NOT_CONFIRMED}] * 3


def test_one_reviewer_is_not_enough_for_a_name(case: Case) -> None:
    testimony = case.testimony(consent=GOOD)
    quote = case.quote(testimony, "I was alone")
    asked = case.ask(testimony, quote, Use.NAME, "Maria")
    answer = case.add(testimony)
    case.agree(asked, answer, "anna")
    case.confirm(testimony, "ben")
    assert set(gate.judge(case.workspace, quote, Use.NAME).refusals) == {Refusal.ONE_READER}
    case.agree(asked, answer, "anna")
    assert set(gate.judge(case.workspace, quote, Use.NAME).refusals) == {Refusal.ONE_READER}
    case.agree(asked, answer, "ben")
    judged = gate.judge(case.workspace, quote, Use.NAME)
    assert (judged.refusals, judged.text, judged.name) == ((), "I was alone", "Maria")


def test_two_names_for_one_text_do_not_add_up(case: Case) -> None:
    """Each reviewer signed for another name: nobody agreed to either twice."""
    testimony = case.testimony(consent=GOOD)
    quote = case.quote(testimony, "I was alone")
    questions = [case.ask(testimony, quote, Use.NAME, name) for name in ("Maria", "Mary")]
    answer = case.add(testimony)
    for asked, reviewer in zip(questions, ("anna", "ben"), strict=True):
        case.agree(asked, answer, reviewer)
    case.confirm(testimony, "ben")
    assert set(gate.judge(case.workspace, quote, Use.NAME).refusals) == {Refusal.ONE_READER}


def test_a_yes_to_one_passage_is_none_to_the_same_words_elsewhere(case: Case) -> None:
    """What they were shown was said about something else."""
    testimony = case.testimony("I trust them. No. I never said that. No.", consent=GOOD)
    asked_about = case.quote(testimony, "No.")
    with case.by("anna") as workspace:
        other = quotes.choose(workspace, testimony, Passage(testimony.id, "story.text", 37, 40))
    asked = case.ask(testimony, asked_about, Use.PARTNER)
    case.agree(asked, case.add(testimony))
    case.confirm(testimony, "ben")
    found = [gate.judge(case.workspace, quote, Use.PARTNER) for quote in (asked_about, other)]
    assert [(one.text, one.refusals) for one in found] == [("No.", ()), ("", (Refusal.NOT_AGREED,))]


def test_an_answer_that_is_gone_is_no_yes(case: Case) -> None:
    testimony, quote = agreed_and_confirmed(case)
    with case.by("anna") as workspace:
        for addition in list(workspace.children(testimony.id, "addition")):
            workspace.save(replace(addition, state=WITHDRAWN, content=b""))
    case.confirm(testimony, "ben")
    assert refused(case, quote) == [{Refusal.NOT_AGREED}] * 3


def test_a_plain_yes_to_a_name_is_none(case: Case) -> None:
    """The form never offers it: an edition that does is old or hostile."""
    testimony, quote = agreed_and_confirmed(case)
    case.change(testimony, **{**GOOD, "CPUB_NAME": "Y"})
    assert Refusal.CONSENT in refused(case, quote)[1]


def test_an_addition_with_a_narrower_consent_is_not_quoted(case: Case) -> None:
    """Each of its words came with consents of its own; of these and those of the testimony the narrower count."""
    testimony = case.testimony(consent={"CPUB_ANON": "Y", "CPARTNER": "Y"})
    given = parse(testimony.content)
    assert isinstance(given, SealedTestimony)
    for anon, partner, danger in (("N", "Y", "N"), ("Y", "ASK", "Y")):
        consent = {**given.consent, "CPUB_ANON": anon, "CPARTNER": partner}
        answers = {"story.text": "Said later.", "safe.retaliate": danger}
        added = case.file(case.server.addition(testimony.id, answers=answers, consent=consent, language="en"))
        with case.by("anna") as workspace:
            quote = quotes.choose(workspace, testimony, case.place(testimony, "Said later.", added.id))
        case.confirm(testimony, "ben")
        found = refused(case, quote)
        assert (Refusal.CONSENT in found[0], Refusal.NOT_AGREED in found[2]) == (anon == "N", partner == "ASK")
        assert (Refusal.AT_RISK in found[1]) == (danger == "Y")
