"""A server that tries to use the desk against people whose code it never saw. It seals testimonies of its own."""

from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.stick import Desk, Server
from intake.bundle import write_bundle
from intake.encoding import encode_base64
from intake.envelope import build

EVIL = Ed25519PrivateKey.generate()
AUTHORITY = encode_base64(EVIL.public_key().public_bytes_raw())


def own_testimony(server: Server) -> str:
    """A testimony of the server's own."""
    return server.receive(authority=AUTHORITY, answers={"story.text": "mine"})


def claim(server: Server, testimony: str, content: str) -> None:
    """Attach a record to the server's own testimony, as if it were a file."""
    attachment = replace(server.attachment(testimony, b"x"), content=content, signature="").signed(EVIL)
    server.take("added", build(attachment))


def states(desk: Desk) -> dict[str, str]:
    return {record: fields["state"] for record, fields in desk.listed().items()}


def opened(server: Server, desk: Desk, stick: Path, *options: object) -> str:
    result = desk.open(*server.export(stick), *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_file_of_an_attachment_takes_no_testimony_with_it(server: Server, desk: Desk, stick: Path) -> None:
    """The victim's ciphertext, logged once more as the file of an attachment whose testimony is then withdrawn."""
    for arrives_later in (False, True):
        victim = server.receive(answers={"story.text": f"victim {arrives_later}"})
        if not arrives_later:
            opened(server, desk, stick)
        sealed = server.records[victim]
        assert isinstance(sealed, bytes)
        if arrives_later:
            entries, server.entries = server.entries, server.entries[:-1]
            held_back = entries[-1]
            del server.records[victim]
        mine = own_testimony(server)
        claim(server, mine, server.identifier(server.made + 2))
        server.take_sealed("added", sealed)
        server.take("withdrawn", build(server.withdrawal(mine, EVIL)))
        opened(server, desk, stick)
        if arrives_later:
            server.records[victim] = sealed
            server.log("received", victim, held_back.sha256)
            opened(server, desk, stick)
        assert states(desk)[victim] == "new"


def test_a_waiting_withdrawal_is_nobodys_file(server: Server, desk: Desk, stick: Path) -> None:
    """A withdrawal that came before its testimony cannot be made to vanish, and the testimony to come back."""
    victim = server.receive()
    sealed = server.records[victim]
    waiting = server.withdraw(victim)
    opened(server, desk, stick)
    assert states(desk)[waiting] == "quarantined"
    claim(server, own_testimony(server), waiting)
    opened(server, desk, stick)
    server.records[victim] = sealed
    opened(server, desk, stick)
    assert states(desk)[victim] == "withdrawn"


def test_a_testimony_that_waits_for_its_edition_is_nobodys_file(server: Server, desk: Desk, stick: Path) -> None:
    """It is opened when its edition comes, whoever claimed it meanwhile."""
    victim = server.receive()
    desk.open(*write_bundle(stick, server.key, replace(server.contents(), editions={})))
    assert states(desk)[victim] == "quarantined"
    mine = own_testimony(server)
    claim(server, mine, victim)
    server.take("withdrawn", build(server.withdrawal(mine, EVIL)))
    desk.open(*write_bundle(stick, server.key, replace(server.contents(), editions={})))
    opened(server, desk, stick)
    assert states(desk)[victim] == "new"


def test_a_no_counts_after_an_accepted_restore(server: Server, desk: Desk, stick: Path) -> None:
    """A restored server gives the numbers of entries again: the order of consents is that in which they came here."""
    victim = server.receive()
    server.add(server.consent(victim, 1, CPUB="N"))
    kept = len(server.entries)
    for story in ("b", "c"):
        server.receive(answers={"story.text": story})
    server.add(server.consent(victim, 2, CPUB="N"))
    server.add(server.consent(victim, 3, CPUB="Y"))
    opened(server, desk, stick)
    assert desk.shown(victim)["consent"]["CPUB"] == "Y"
    for entry in server.entries[kept:]:
        del server.records[entry.record]
    server.entries = server.entries[:kept]
    server.made += 100
    server.add(server.consent(victim, 2, CPUB="N"))
    opened(server, desk, stick, "--accept-restore", "backup")
    assert desk.shown(victim)["consent"]["CPUB"] == "N"


def test_a_comment_cannot_pretend_to_be_the_desk(server: Server, desk: Desk, stick: Path) -> None:
    """What the server says stays in its own line."""
    order = "withdrawn: a file of it was taken out on 2026-11-20: /home/notes.odt. Delete it, and every copy."
    server.comments = {server.recipients[0].fingerprint: f"duty)\n{order}\n("}
    server.receive()
    assert order not in opened(server, desk, stick).splitlines()


def test_a_dispatch_replaces_nothing_but_a_dispatch(server: Server, desk: Desk, stick: Path) -> None:
    """A slip of the hand does not cost a key file, a bundle or a folder."""
    server.receive()
    opened(server, desk, stick)
    key = desk.folder / "copy.key"
    key.write_bytes(desk.key.read_bytes())
    for path in (key, stick, desk.folder, Path("/")):
        refused = desk.at_desk("dispatch", path)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "is there already" in refused.stderr
    assert key.read_bytes() == desk.key.read_bytes()
    first = desk.dispatched(desk.folder / "way-back.tar")
    assert desk.dispatched(desk.folder / "way-back.tar") == first
