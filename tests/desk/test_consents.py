"""Changes of consent: the source's own count, in the order of their versions; a hostile server's change nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.conftest import DUTY
from desk.stick import CALL, SOURCE, Desk, Server
from intake.calls.edition import Edition
from intake.desk import consents
from intake.desk.access import open_workspace
from intake.encoding import encode_base64
from intake.envelope import Consent, build

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def opened(server: Server, desk: Desk, stick: Path) -> str:
    """Export and open everything; return what was said. Nothing may be wrong with the bundle itself."""
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def given(desk: Desk, record: str) -> dict[str, str]:
    return {name: code for name, code in desk.shown(record)["consent"].items() if name.isupper()}


def test_a_change_is_in_force_and_shown_with_its_day(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    server.day = "2026-12-01"
    changed = server.add(server.consent(parent, CPUB="Y"))
    said = opened(server, desk, stick)
    assert "1 with changed consents" in said
    shown = desk.shown(parent)
    assert (shown["consent"]["CPUB"], shown["consent_given"]["CPUB"]) == ("Y", "N")
    assert shown["consent_changes"] == [{"id": changed, "day": "2026-12-01", "version": 1, "consent": shown["consent"]}]
    lines = desk.show(parent).splitlines()
    at = lines.index("May we publish this")
    assert lines[at + 1 : at + 3] == ["    Yes, publish it", "    (changed by the source on 2026-12-01)"]
    assert "    (changed" not in lines[lines.index("May we keep this") + 2]
    assert list(desk.listed()) == [parent]


def test_the_highest_version_counts_and_older_ones_widen_nothing(server: Server, desk: Desk, stick: Path) -> None:
    """A server that holds a change back, or replays it, cannot bring old consents into force."""
    parent = server.receive()
    widened, narrowed = server.consent(parent, 1, CPUB="Y"), server.consent(parent, 2, CPUB="N")
    second = server.add(narrowed)
    late = server.add(widened)
    same = server.add(server.consent(parent, 2, CPUB="Y"))
    zero = server.add(server.consent(parent, 0, CPUB="Y"))
    opened(server, desk, stick)
    assert given(desk, parent)["CPUB"] == "N"
    assert [change["id"] for change in desk.shown(parent)["consent_changes"]] == [second, late, same, zero]
    assert opened(server, desk, stick).startswith("Nothing new.")
    assert given(desk, parent)["CPUB"] == "N"
    server.add(server.consent(parent, 3, CPUB="Y"))
    opened(server, desk, stick)
    assert given(desk, parent)["CPUB"] == "Y"


def test_after_a_restore_the_source_can_still_narrow(server: Server, desk: Desk, stick: Path) -> None:
    """A server that was restored counts from an earlier version: what the source takes back then counts, too."""
    parent = server.receive()
    server.add(server.consent(parent, 1, CPUB="N"))
    server.add(server.consent(parent, 2, CPUB="Y"))
    opened(server, desk, stick)
    assert given(desk, parent)["CPUB"] == "Y"
    server.day = "2026-12-01"
    server.add(server.consent(parent, 1, CPUB="N"))
    opened(server, desk, stick)
    assert given(desk, parent)["CPUB"] == "N"
    assert "    (changed by the source on 2026-12-01)" in desk.show(parent)
    server.add(server.consent(parent, 2, CPUB="Y"))
    opened(server, desk, stick)
    assert given(desk, parent)["CPUB"] == "N"


def test_a_change_that_came_before_its_testimony(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    server.add(server.consent(parent, 1, CPUB="Y"))
    server.add(server.consent(parent, 2, CPUB="N"))
    sealed = server.records.pop(parent)
    server.export(stick)
    assert desk.open(stick).returncode == 1
    assert {record["reason"] for record in desk.listed().values()} == {
        "it waits for its testimony, which is not filed here; nothing was changed"
    }
    server.records[parent] = sealed
    opened(server, desk, stick)
    assert [change["version"] for change in desk.shown(parent)["consent_changes"]] == [1, 2]
    assert given(desk, parent)["CPUB"] == "N"


FORGED: dict[str, tuple[Callable[[Server, str], Consent], str]] = {
    "by another key": (
        lambda server, parent: server.consent(parent, key=STRANGER, CPUB="Y"),
        "its signature is not that of the person who sent the testimony",
    ),
    "a signed one, altered": (
        lambda server, parent: Consent(
            **{
                **vars(server.consent(parent, CPUB="N")),
                "consent": {**server.testimony().consent, "CPUB": "Y"},
            }
        ),
        "its signature is not that of the person who sent the testimony",
    ),
    "of another testimony": (
        lambda server, parent: server.consent(
            server.receive(authority=encode_base64(STRANGER.public_key().public_bytes_raw())), CPUB="Y"
        ),
        "its signature is not that of the person who sent the testimony",
    ),
    "another call": (
        lambda server, parent: server.consent(parent, call="other", CPUB="Y"),
        "its edition is one of another call",
    ),
    "a consent that was not asked": (
        lambda server, parent: server.consent(parent, CPUB="Y", CMORE="Y"),
        "its consents are not what the page could have sent",
    ),
    "a code that was not offered": (
        lambda server, parent: server.consent(parent, CPUB="ASK"),
        "its consents are not what the page could have sent",
    ),
    "no to keeping it": (
        lambda server, parent: server.consent(parent, CINT="N"),
        "its consents are not what the page could have sent",
    ),
    "another notice": (
        lambda server, parent: server.consent(
            parent, consent={**server.testimony().consent, "notice_sha256": "0" * 64}
        ),
        "the consent notice it names is not the one of its edition",
    ),
    "the notice of another language": (
        lambda server, parent: server.consent(parent, language="en"),
        "the consent notice it names is not the one of its edition",
    ),
    "an unknown edition": (
        lambda server, parent: server.consent(parent, edition="0" * 64, CPUB="Y"),
        "its edition of the call is not known",
    ),
    "sealed to others": (
        lambda server, parent: server.consent(parent, recipients=("0" * 64,)),
        "it does not list our key among those it was sealed to",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_the_source_did_not_send_changes_nothing(server: Server, desk: Desk, stick: Path, name: str) -> None:
    parent = server.receive()
    make, reason = FORGED[name]
    forged = server.take("added", build(make(server, parent)))
    said = opened(server, desk, stick)
    assert "0 with changed consents" in said
    assert desk.listed()[forged]["reason"] == f"{reason}; nothing was changed"
    shown = desk.shown(parent)
    assert (shown["consent"], shown["consent_changes"]) == (shown["consent_given"], [])


def test_the_questions_must_be_those_of_the_testimony(server: Server, desk: Desk, stick: Path) -> None:
    """What a yes means is in the edition that it answers."""
    parent = server.receive()
    opened(server, desk, stick)
    server.edition = Edition({**server.edition.files, "call.yaml": CALL.replace(b"publish this", b"keep this back")})
    forged = server.add(server.consent(parent, CPUB="Y"))
    opened(server, desk, stick)
    reason = "it answers the questions of another edition than its testimony; nothing was changed"
    assert desk.listed()[forged]["reason"] == reason
    assert given(desk, parent)["CPUB"] == "N"


def test_a_consent_that_the_answers_close_cannot_be_given(server: Server, desk: Desk, stick: Path) -> None:
    """What was not offered to this person, their answers being what they are, is refused as the site refuses it."""
    question = b"label: May we publish this\n        unless: {inc.kind: [LEAK]}"
    server.edition = Edition({"call.yaml": CALL.replace(b"label: May we publish this", question)})
    closed = {"CINT": "Y", "notice_sha256": server.edition.notice_sha256("en")}
    parent = server.receive(language="en", answers={"story.text": "x", "inc.kind": "LEAK"}, consent=closed)
    forged = server.add(server.consent(parent, language="en", consent={**closed, "CPUB": "Y"}))
    honest = server.add(server.consent(parent, language="en", consent=closed))
    opened(server, desk, stick)
    assert desk.listed()[forged]["state"] == "quarantined"
    assert [change["id"] for change in desk.shown(parent)["consent_changes"]] == [honest]


def test_an_addition_counts_only_for_what_both_allow(server: Server, desk: Desk, stick: Path) -> None:
    """An addition has its own consents. Once the source changed theirs, a no in either is a no."""
    parent = server.receive()
    wide = {**server.testimony().consent, "CPUB": "Y"}
    form = server.add(server.addition(parent, consent=wide))
    text = server.add(server.text(parent, "One thing more."))
    opened(server, desk, stick)
    assert (given(desk, form)["CPUB"], given(desk, text)["CPUB"]) == ("Y", "N")
    server.add(server.consent(parent, 1, CPUB="N"))
    opened(server, desk, stick)
    assert (given(desk, form)["CPUB"], given(desk, text)["CPUB"]) == ("N", "N")
    server.add(server.consent(parent, 2, CPUB="Y"))
    opened(server, desk, stick)
    assert (given(desk, form)["CPUB"], given(desk, text)["CPUB"]) == ("Y", "Y")
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        record = workspace.found(form)
        assert consents.in_force(workspace, record)["notice_sha256"] == wide["notice_sha256"]


TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "blank": ({"text": " \n "}, "it is not a text alone, as the page would have sent it"),
    "with answers": ({"answers": {"story.text": "x"}}, "it is not a text alone, as the page would have sent it"),
    "with consents": ({"consent": {"CPUB": "Y"}}, "it is not a text alone, as the page would have sent it"),
    "too long": ({"text": "x" * 20_001}, "its text is malformed, and no filed attachment names it as its file"),
    "another call": ({"call": "other"}, "its edition is one of another call"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_a_text_and_nothing_else(server: Server, desk: Desk, stick: Path, name: str) -> None:
    parent = server.receive()
    changes, reason = TEXTS[name]
    added = server.add(server.text(parent, **{"text": "More.", **changes}))
    forged = server.add(server.text(parent, "Forged.").signed(STRANGER))
    opened(server, desk, stick)
    assert desk.listed()[added]["reason"] == reason
    assert desk.listed()[forged]["reason"] == "its signature is not that of the person who sent the testimony"


def test_a_text_is_shown_below_its_testimony(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    added = server.add(server.text(parent, "I remember:\n\nthe \x1b[2Jalarm.").signed(SOURCE))
    assert "1 added to" in opened(server, desk, stick)
    text = desk.show(parent)
    assert f"Addition {added}" in text
    assert "    I remember:\n    \n    the \\x1b[2Jalarm.\n" in text
    assert desk.shown(added)["text"] == "I remember:\n\nthe \x1b[2Jalarm."
    assert f"It adds to the testimony {parent}." in desk.show(added)
