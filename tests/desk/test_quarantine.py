"""What anyone with the public key may have sealed: the bad is set aside alone, with the reason, and the good opens."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.conftest import DUTY
from desk.stick import Desk, Server, key_file
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity
from intake.age.recipients import ScryptRecipient
from intake.envelope import Addition, build

STRANGER = HybridIdentity.from_seed(b"stranger".ljust(32)).recipient()


def whole(server: Server) -> dict[str, Any]:
    """A good envelope as JSON."""
    fields: dict[str, Any] = json.loads(build(server.testimony()))
    return fields


def text_with(server: Server, **changes: Any) -> str:
    return json.dumps({**whole(server), **changes})


def sealed_to_one(server: Server) -> str:
    return server.take("received", build(server.testimony()), server.recipients[:1])


def sealed_to_a_third(server: Server) -> str:
    return server.take("received", build(server.testimony()), [*server.recipients, STRANGER])


def listing_one_twice(server: Server) -> str:
    listed = (*server.testimony().recipients, server.recipients[0].fingerprint)
    return server.take("received", build(server.testimony(recipients=listed)), [*server.recipients, STRANGER])


def listing_a_stranger(server: Server) -> str:
    listed = (*server.testimony().recipients, STRANGER.fingerprint)
    return server.take("received", build(server.testimony(recipients=listed)), [*server.recipients, STRANGER])


def not_listing_us(server: Server) -> str:
    return server.receive(recipients=(server.recipients[1].fingerprint,))


def cut_off(server: Server) -> str:
    return server.take_sealed("received", encrypt(build(server.testimony()), server.recipients)[:-1])


def altered_header(server: Server) -> str:
    sealed = encrypt(build(server.testimony()), server.recipients)
    return server.take_sealed("received", sealed.replace(b"\n--- ", b"\n-> grease\n\n--- ", 1))


def notice(server: Server) -> dict[str, str]:
    return dict(server.testimony().consent)


BAD: dict[str, tuple[Callable[[Server], str], str]] = {
    "lone surrogate": (
        lambda server: server.take_json(text_with(server, answers={"story.text": "\ud800"})),
        "its text is not valid Unicode",
    ),
    "surrogate bytes": (
        lambda server: server.take_json(text_with(server, language="MARK").replace("MARK", "\udfff")),
        "its text is not valid Unicode",
    ),
    "deep nesting": (lambda server: server.take_json("[" * 100_000), "it is nested too deep"),
    "deep answers": (
        lambda server: server.take_json(text_with(server, answers="MARK").replace('"MARK"', '{"a":' * 50_000 + "1")),
        "it is nested too deep",
    ),
    "a number of 5,000 digits": (
        lambda server: server.take_json(text_with(server, answers={"inc.beds": "MARK"}).replace('"MARK"', "9" * 5000)),
        "a number in it is too long",
    ),
    "a fraction": (
        lambda server: server.take_json(text_with(server, answers={"inc.beds": 1.5})),
        "a number in it is not a whole number",
    ),
    "not a number": (
        lambda server: server.take_json(text_with(server, answers={"inc.beds": float("nan")})),
        "a number in it is not a whole number",
    ),
    "doubled field": (
        lambda server: server.take_json(text_with(server)[:-1] + ', "call": "other"}'),
        "it has the same field twice",
    ),
    "not JSON": (lambda server: server.take_json("hello"), "it is not JSON"),
    "empty": (lambda server: server.take("received", b""), "it is empty"),
    "only padding": (lambda server: server.take_json(""), "it is empty"),
    "zeros": (lambda server: server.take("received", bytes(32768)), "it is not JSON"),
    "another format": (
        lambda server: server.take_json(text_with(server, format="intake/2")),
        "it is not in the format intake/1",
    ),
    "another kind": (lambda server: server.take_json(text_with(server, kind="order")), "its kind is not known"),
    "a field more": (lambda server: server.take_json(text_with(server, x=1)), "its fields are not those of its kind"),
    "control characters in a name": (
        lambda server: server.take_json(text_with(server, call="tiny\u001b[2J")),
        "its call is malformed",
    ),
    "unknown question": (
        lambda server: server.receive(answers={"story.text": "x", "story.more": "y"}),
        "its answers or consents are not what the form could have sent",
    ),
    "unknown option": (
        lambda server: server.receive(answers={"story.text": "x", "inc.kind": "FLOOD"}),
        "its answers or consents are not what the form could have sent",
    ),
    "a closed branch": (
        lambda server: server.receive(answers={"story.text": "x", "inc.kind": "RANSOM", "leak.what": "all"}),
        "its answers or consents are not what the form could have sent",
    ),
    "nothing said": (
        lambda server: server.receive(answers={}),
        "its answers or consents are not what the form could have sent",
    ),
    "too long": (
        lambda server: server.receive(answers={"story.text": "x" * 20_001}),
        "its answers or consents are not what the form could have sent",
    ),
    "consent missing": (
        lambda server: server.receive(consent={"notice_sha256": notice(server)["notice_sha256"]}),
        "its answers or consents are not what the form could have sent",
    ),
    "another notice": (
        lambda server: server.receive(consent={**notice(server), "notice_sha256": "0" * 64}),
        "the consent notice it names is not the one of its edition",
    ),
    "no notice": (
        lambda server: server.receive(consent={"CINT": "Y", "CPUB": "N"}),
        "the consent notice it names is not the one of its edition",
    ),
    "unknown edition": (
        lambda server: server.receive(edition="0" * 64),
        "its edition of the call is not known",
    ),
    "another call": (lambda server: server.receive(call="other"), "its edition is one of another call"),
    "unknown language": (lambda server: server.receive(language="xx"), "its language is not one of its edition"),
    "not sealed to all it lists": (sealed_to_one, "it was sealed to 1 keys and lists 2"),
    "sealed to one more": (sealed_to_a_third, "it was sealed to 3 keys and lists 2"),
    "sealed to one more, hidden by a double": (listing_one_twice, "it was sealed to 3 keys and lists 2"),
    "lists a stranger": (listing_a_stranger, "it lists a key that the server never sealed to"),
    "does not list us": (not_listing_us, "it does not list our key among those it was sealed to"),
    "sealed to others only": (
        lambda server: server.take("received", build(server.testimony()), [STRANGER]),
        "it is not sealed to our key",
    ),
    "a passphrase": (
        lambda server: server.take_sealed("received", encrypt(b"{}", [ScryptRecipient("x", 1)])),
        "it is not sealed to our key",
    ),
    "cut off": (cut_off, "it cannot be decrypted: "),
    "an altered header": (altered_header, "it cannot be decrypted: "),
    "not an age file": (
        lambda server: server.take_sealed("received", b"hello"),
        "it cannot be decrypted: ",
    ),
    "too large": (
        lambda server: server.take_sealed("received", bytes(18 * 1024 * 1024)),
        "it is too large to be an envelope",
    ),
    "an addition that came as a testimony": (
        lambda server: server.take("received", build(server.addition("0" * 32))),
        "the log has it as 'received', but it is of the kind 'addition'",
    ),
    "a testimony that came as an addition": (
        lambda server: server.take("added", build(server.testimony())),
        "the log has it as 'added', but it is of the kind 'testimony'",
    ),
}


def test_the_bad_is_set_aside_alone_with_the_reason(server: Server, desk: Desk, stick: Any) -> None:
    """One bundle with everything bad, and a good one first, in the middle and last."""
    good = [server.receive()]
    bad = {}
    for name, (seal, _) in BAD.items():
        bad[name] = seal(server)
        if len(bad) == len(BAD) // 2:
            good.append(server.receive())
    good.append(server.receive())
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    listed = desk.listed()
    assert [listed[record]["state"] for record in good] == ["new"] * 3
    for name, record in bad.items():
        reason = BAD[name][1]
        assert listed[record]["state"] == "quarantined", name
        assert listed[record]["reason"].startswith(reason), name
        assert f"quarantined: record {record} " in result.stdout
    (shown,) = [desk.at_desk("show", bad["not JSON"])]
    assert shown.returncode == 1
    assert shown.stderr == f"Error: Record {bad['not JSON']} is quarantined: it is not JSON.\n"


ADDED: dict[str, tuple[Callable[[Server, str], Addition], str]] = {
    "waits": (lambda server, parent: server.addition("0" * 32), "it waits for its testimony, which is not filed here"),
    "of a quarantined one": (
        lambda server, parent: server.addition(server.take_json("[")),
        "it waits for its testimony, which is not filed here",
    ),
    "of an addition": (
        lambda server, parent: server.addition(server.take("added", build(server.addition(parent)))),
        "it waits for its testimony, which is not filed here",
    ),
    "unsigned": (
        lambda server, parent: server.addition(parent, answers={"story.text": "forged"}).signed(
            Ed25519PrivateKey.from_private_bytes(bytes(32))
        ),
        "its signature is not that of the person who sent the testimony",
    ),
    "of another": (
        lambda server, parent: server.addition(
            server.receive(authority="O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=")
        ),
        "its signature is not that of the person who sent the testimony",
    ),
    "no consent": (
        lambda server, parent: server.addition(
            parent, consent={"notice_sha256": server.testimony().consent["notice_sha256"]}
        ),
        "its answers or consents are not what the form could have sent",
    ),
    "another question": (
        lambda server, parent: server.addition(parent, answers={"story.more": "x"}),
        "its answers or consents are not what the form could have sent",
    ),
    "too long": (
        lambda server, parent: server.addition(parent, answers={"story.text": "x" * 20_001}),
        "its answers or consents are not what the form could have sent",
    ),
    "consents without notice": (
        lambda server, parent: server.addition(parent, consent={"CPUB": "Y"}),
        "the consent notice it names is not the one of its edition",
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_an_addition_must_be_the_sources_own(server: Server, desk: Desk, stick: Any, name: str) -> None:
    parent = server.receive()
    make, reason = ADDED[name]
    added = server.take("added", build(make(server, parent)))
    server.export(stick)
    assert desk.open(stick).returncode == 0
    assert desk.listed()[parent]["state"] == "new"
    assert desk.listed()[added]["reason"] == reason


def test_an_addition_that_waited_is_filed_when_its_testimony_comes(server: Server, desk: Desk, stick: Any) -> None:
    parent = server.receive()
    added = server.take("added", build(server.addition(parent)))
    sealed = server.records.pop(parent)
    server.export(stick)
    assert desk.open(stick).returncode == 1
    assert desk.listed()[added]["reason"].startswith("it waits for its testimony")
    server.records[parent] = sealed
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert "2 record(s) opened" in result.stdout
    assert desk.listed()[added]["state"] == "new"
    assert desk.shown(parent)["additions"] == [added]


def test_an_addition_may_change_consents(server: Server, desk: Desk, stick: Any) -> None:
    parent = server.receive()
    consent = {**notice(server), "CPUB": "Y"}
    added = server.take("added", build(server.addition(parent, consent=consent)))
    server.export(stick)
    assert desk.open(stick).returncode == 0
    assert desk.listed()[added]["state"] == "new"
    assert desk.shown(added)["consent"]["CPUB"] == "Y"


def test_a_key_made_later_opens_what_is_sealed_to_it(server: Server, desk: Desk, stick: Any) -> None:
    """Records from before the key are set aside, each for itself."""
    old = server.receive()
    key = HybridIdentity.generate()
    server.recipients = [DUTY.recipient(), key.recipient()]
    new = server.receive()
    server.export(stick)
    later = Desk(desk.folder / "later", key_file(desk.folder / "later.key", key))
    later.open(stick)
    assert later.listed()[old]["reason"] == "it is not sealed to our key"
    assert later.listed()[new]["state"] == "new"
