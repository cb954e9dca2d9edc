"""What a browser sealed itself, over HTTP: taken when it is sealed to what was served, and refused otherwise."""

import contextlib
import datetime
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from person import events, every_file, intake, kinds, stored
from sealing_browser import SealingBrowser, Sent
from service import CALL, Answer, Client, Instance, Server, multipart

from intake import code
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity
from intake.age.recipients import HybridRecipient, ScryptRecipient, X25519Recipient
from intake.encoding import encode_base64
from intake.envelope import KIBIBYTE, Addition, parse, parse_choices
from intake.store.records import today

pytestmark = pytest.mark.both_engines

STORY = "The word zwölfeckig is nowhere else."


@pytest.fixture
def person(shared_server: Server) -> SealingBrowser:
    """Someone at a page with a script in it."""
    return SealingBrowser(shared_server)


def why(answer: Answer) -> str:
    """The word for the script in a refusal, whose words a person can read."""
    found = re.search(r'<div [^>]*role="alert" data-refused="([a-z_]+)"', answer.text)
    assert found, f"no refusal in a page with status {answer.status}"
    assert re.search(r"<p>[A-Z][^<]+\.</p>", answer.text)
    return found[1]


def everything(instance: Instance) -> list[tuple[object, ...]]:
    """What is stored for sources."""
    tables = ("record", "segment", "mailbox", "log_entry", "reply")
    return [row for table in tables for row in instance.rows(f"SELECT * FROM {table} ORDER BY 1, 2")]


# What is taken


def test_what_a_browser_sealed_is_stored_and_opened(server: Server) -> None:
    """The ciphertext is stored as it came, under the id and the mailbox that the browser chose; the desk opens it."""
    person = SealingBrowser(server)
    sent = person.testimony(**{"story.text": STORY, "CSTAT": "Y"})
    receipt = person.send(sent)
    assert (receipt.status, receipt.digest) == (200, sent.digest)
    record = stored(server.instance)[sent.fields["id"]]
    assert (record.mailbox, record.kind, record.state) == (person.keys.mailbox_id, "testimony", "kept")
    assert (record.ciphertext, record.sha256, record.size) == (
        sent.files["sealed"],
        sent.digest,
        len(record.ciphertext),
    )
    assert events(server.instance) == [("received", record.id)]
    assert server.instance.rows("SELECT id, recipient, authority, consents FROM mailbox") == [
        (person.keys.mailbox_id, str(person.mailbox), sent.fields["authority"], sent.files["choices"])
    ]
    (listed,) = server.instance.open_on_desk()
    assert (listed["id"], listed["state"]) == (record.id, "new")
    shown = server.instance.shown(record.id)
    assert (shown["client"], shown["answers"]["story.text"]) == ("browser", STORY)

    # the code works without scripts, too
    page = server.client.come_back(person.return_code)
    assert page.status == 200 and sent.digest in page.text
    assert server.client.post("/en/reply", {**without_scripts(page), "text": "More."}).status == 200
    consents = server.client.post("/en/consent", {**without_scripts(page), "CSTAT": "N"})
    assert consents.status == 200


def without_scripts(page: Answer) -> dict[str, str]:
    """The hidden fields of a page of the plain way."""
    return {name: page.hidden(name) for name in ("form_token", "code")}


def test_the_receipt_holds_no_code_and_can_be_asked_for_again(person: SealingBrowser) -> None:
    """The place for the code is empty: only the browser knows it. The page to go to is the same one."""
    sent = person.testimony()
    first = person.send(sent)
    again = {**{name: sent.fields[name] for name in ("form_token", "access")}, "stored": sent.digest}
    second = person.server.client.post(CALL, again)
    for page in (first, second):
        assert (page.status, page.digest, page.return_code) == (200, sent.digest, "")
        assert person.return_code not in page.text.replace(" ", "")
        assert page.hidden("access") == sent.fields["access"]
        assert 'name="code"' not in page.text
    assert kinds(person.server.instance).count("testimony") == len(
        [record for record in stored(person.server.instance).values() if record.kind == "testimony"]
    )
    for wrong in ({"stored": "0" * 64}, {"access": "0" * 64}, {"stored": "\0"}):
        assert person.server.client.post(CALL, {**again, **wrong}).status == 404


def test_the_plain_receipt_shows_the_code(shared_server: Server) -> None:
    """Without a script nothing has changed."""
    receipt = shared_server.client.send()
    assert code.read(receipt.return_code) == receipt.hidden("code")
    assert 'name="access"' not in receipt.text


def test_the_same_is_stored_once_and_other_content_is_not_mixed_up(server: Server) -> None:
    """As often as it comes; and the same form with other content offers the choices, and keeps the first."""
    person = SealingBrowser(server)
    sent = person.testimony()
    receipts = [person.send(sent) for _ in range(3)]
    assert {(receipt.status, receipt.digest) for receipt in receipts} == {(200, sent.digest)}
    assert kinds(server.instance) == ["testimony"]
    before = everything(server.instance)

    other = person.testimony(**{"story.text": "Something else."}).but(form_token=sent.fields["form_token"])
    conflict = person.send(other)
    assert (conflict.status, why(conflict)) == (409, "sent")
    assert f'data-testimony="{sent.fields["id"]}"' in conflict.text
    assert "You can send them as a new testimony, or add them to the earlier one." in conflict.text
    assert person.send(person.testimony()).status == 409  # the same code with a new form
    stranger = SealingBrowser(server)
    assert stranger.send(stranger.testimony().but(id=sent.fields["id"])).status == 409
    assert everything(server.instance) == before

    addition = person.addition(sent.fields["id"]).but(earlier="1")
    for _ in range(2):
        assert person.send(addition).status == 200
    assert kinds(server.instance) == ["addition", "testimony"]
    opened = parse(server.instance.opened(stored(server.instance)[addition.fields["id"]].ciphertext))
    assert isinstance(opened, Addition)
    listed = {found["id"]: found for found in server.instance.open_on_desk()}
    assert {found["state"] for found in listed.values()} == {"new"}
    assert listed[sent.fields["id"]]["additions"] == 1


def test_an_addition_needs_its_testimony(person: SealingBrowser) -> None:
    """Without one, the person is told, and can send it as a new one; after a withdrawal too."""
    answer = person.send(person.addition("0" * 32).but(earlier="1"))
    assert (answer.status, why(answer)) == (422, "unknown")
    sent = person.testimony()
    assert person.send(sent).status == 200
    fields = without_scripts(person.server.client.come_back(person.return_code))
    assert person.server.client.post("/en/withdraw", {**fields, "confirm": "yes"}).status == 200
    assert (person.send(sent).status, why(person.send(sent))) == (409, "withdrawn")
    assert why(person.send(person.addition(sent.fields["id"]).but(earlier="1"))) == "unknown"


def test_the_copy_of_the_consents_is_what_the_browser_sealed(person: SealingBrowser) -> None:
    """It opens with the mailbox's own key."""
    sent = person.testimony(CSTAT="Y")
    assert person.send(sent).status == 200
    copy = person.server.instance.opened(sent.files["choices"], HybridIdentity.from_seed(person.keys.mailbox))
    assert parse_choices(copy).consent["CSTAT"] == "Y"


def test_longer_testimonies_have_two_sizes_and_more(person: SealingBrowser) -> None:
    """32 KiB, 128 KiB and multiples of 128 KiB are taken, whatever is in them."""
    for size in (32, 128, 256, 384, 1024):
        someone = SealingBrowser(person.server)
        sent = someone.testimony()
        sealed = someone.seal(b"{}".ljust(size * KIBIBYTE))
        assert someone.send(sent.but(sealed=sealed)).status == 200, size


# What is refused


@dataclass
class Bad:
    """A browser that does it wrong."""

    person: SealingBrowser

    def sealed(self) -> Iterator[tuple[str, bytes]]:
        """What is not sealed as it must be, with its name."""
        person = self.person
        right = person.testimony().files["sealed"]
        plain = b'{"kind": "testimony"}'.ljust(32 * KIBIBYTE)
        header, line, payload = right.partition(b"\n--- ")
        mine = person.recipients[0]
        classic = X25519Recipient(os.urandom(31) + b"\x10")
        yield "nothing", b""
        yield "plain JSON", plain
        yield "JSON after the first line of a header", b"age-encryption.org/v1\n" + plain
        yield "JSON after a header without stanzas", b"age-encryption.org/v1\n--- " + b"A" * 43 + b"\n" + plain
        yield "JSON after a header of one word", b"age-encryption.org/v1\n-> mlkem768x25519\n--- " + plain
        yield "a classic recipient", encrypt(plain, [classic])
        yield "a passphrase", encrypt(plain, [ScryptRecipient("passphrase", 4)])
        yield "two recipients", encrypt(plain, [mine, HybridRecipient.from_seed(os.urandom(32))])
        yield "another type", right.replace(b"-> mlkem768x25519 ", b"-> mlkem768x25518 ")
        yield "a stanza with more arguments", right.replace(b"-> mlkem768x25519 ", b"-> mlkem768x25519 a ")
        yield "a short share", re.sub(rb"(-> mlkem768x25519 )....", rb"\1", right, count=1)
        yield "a short body", re.sub(rb"\n[A-Za-z0-9+/]{43}\n--- ", b"\nAAAA\n--- ", right, count=1)
        yield "grease", header + b"\n-> a-grease x\nAAAA" + line + payload
        yield "armor", b"-----BEGIN AGE ENCRYPTED FILE-----\n" + right
        yield "a byte more", right + b"x"
        yield "a byte less", right[:-1]
        yield "a header alone", header + line + payload[:44]
        yield "a nonce alone", header + line + payload[:60]
        for size in (0, 1, 100, 2048, 32 * KIBIBYTE - 1, 32 * KIBIBYTE + 1, 64 * KIBIBYTE, 160 * KIBIBYTE):
            yield f"{size} bytes", person.seal(b" " * size)

    def choices(self) -> Iterator[tuple[str, bytes]]:
        """The same for the copy of the consents."""
        yield "nothing", b""
        yield "plain JSON", b"{}".ljust(2048)
        yield "two recipients", encrypt(b" " * 2048, [self.person.mailbox, *self.person.recipients])
        yield "a passphrase", encrypt(b" " * 2048, [ScryptRecipient("passphrase", 4)])
        for size in (0, 2047, 2049, 4096, 32 * KIBIBYTE):
            yield f"{size} bytes", self.person.seal(b" " * size, [self.person.mailbox])

    def fields(self) -> Mapping[str, list[str | None]]:
        """Malformed values for each field."""
        access, mailbox = self.person.keys.access.hex(), str(self.person.mailbox)
        return {
            "access": ["", access[:-1], access + "0", access.upper(), "g" * 64, access + "\n", "０" * 64],
            "id": [None, "", "0" * 31, "0" * 33, "0" * 31 + "G", "A" * 32, "../" + "0" * 29],
            "mailbox": [None, "", mailbox.upper(), mailbox[:-1], mailbox + "q", f" {mailbox}", "age1" + "q" * 58],
            "authority": [None, "", "A" * 43, encode_base64(bytes(31)), encode_base64(bytes(33)), "é" * 44],
            "code": [self.person.return_code, ""],
        }


def test_what_is_not_sealed_so_is_refused_and_nothing_is_stored(server: Server) -> None:
    """Plain text, other recipients, other sizes, malformed fields: a page with words in it, and nothing on the disk."""
    person = SealingBrowser(server)
    bad, sent = Bad(person), person.testimony()
    before = everything(server.instance)
    wrong = [(f"sealed: {name}", sent.but(sealed=value)) for name, value in bad.sealed()]
    wrong += [(f"choices: {name}", sent.but(choices=value)) for name, value in bad.choices()]
    wrong += [
        (f"{name}: {value!r}", sent.but(**{name: value})) for name, values in bad.fields().items() for value in values
    ]
    wrong += [("no ciphertext", sent.but(sealed=None)), ("no choices", sent.but(choices=None))]
    as_text = sent.but(sealed=None, choices=None).but(sealed="{}", choices="{}")
    for name, posting in [*wrong, ("as text fields", as_text)]:
        answer = person.send(posting)
        assert (answer.status, why(answer)) == (422, "sealed"), name
        assert everything(server.instance) == before, name
    assert person.send(sent).status == 200


def test_a_token_of_another_kind_is_refused(person: SealingBrowser) -> None:
    """One that is none is stale; one of another page is no way in. A program gives itself away."""
    sent = person.testimony()
    for token in ("", "x", sent.fields["form_token"][:-2] + "AA"):
        answer = person.send(sent.but(form_token=token))
        assert (answer.status, why(answer)) == (422, "stale")
    assert person.send(sent.but(form_token=person.fields("/en/return")["form_token"])).status == 404
    answer = person.send(sent.but(website="https://example.org"))
    assert (answer.status, why(answer)) == (422, "trap")
    assert "please send the page once more" in answer.text
    assert person.send(sent).status == 200


def test_a_form_from_another_place_is_refused(person: SealingBrowser) -> None:
    """In this way, too."""
    body, kind = person.testimony().body()
    headers = {"Content-Type": kind, "Origin": "http://example.org"}
    assert person.server.client.request("POST", CALL, body, headers).status == 403


# Which recipients


def test_sets_that_were_served_are_good_for_30_days(server: Server) -> None:
    """A form from before a change of keys is taken; one from much earlier, or for keys never served, is not."""
    instance = server.instance
    person = SealingBrowser(server)
    early = person.testimony()
    instance.add_recipient("safe", HybridIdentity.generate())
    server.settle()
    mixed = SealingBrowser(server).testimony()
    assert len(SealingBrowser(server).recipients) == 2
    assert why(person.send(mixed.but(form_token=early.fields["form_token"]))) == "sealed"  # two stanzas for one
    assert why(person.send(early.but(form_token=mixed.fields["form_token"]))) == "sealed"
    assert person.send(early).status == 200

    late = SealingBrowser(server)
    sent = late.testimony()
    for days, taken in ((31, False), (30, True)):
        day = datetime.date.fromisoformat(today()) - datetime.timedelta(days=days)
        instance.change("UPDATE recipient_set SET last_day = :day", day=day.isoformat())
        answer = late.send(sent)
        assert (answer.status == 200) is taken, days
        assert taken or why(answer) == "stale"
    instance.change("DELETE FROM recipient_set")
    assert why(SealingBrowser(server).send()) == "stale"

    # the day is brought up to date when a process starts
    server.stop()
    with instance.serve() as restarted:
        assert SealingBrowser(restarted).send().status == 200


def test_a_revoked_key_ends_every_set_that_it_is_in(server: Server) -> None:
    """Nothing is sealed to it from then on; what was sealed to it on the way is refused, and a new page mends that."""
    instance = server.instance
    lost = HybridIdentity.generate()
    instance.add_recipient("lost", lost)
    server.settle()
    person = SealingBrowser(server)
    sent = person.testimony()
    plain = server.client.form()
    path = instance.folder / "keys" / "lost.pub"
    path.write_text(f"# revoked\n{path.read_text()}")
    server.settle()
    before = everything(instance)
    answer = person.send(sent)
    assert (answer.status, why(answer)) == (422, "stale")
    assert everything(instance) == before

    # the browser fetches the page anew
    assert str(lost.recipient()) not in server.client.get("/keys").text
    again = SealingBrowser(server, person.return_code)
    assert again.send().status == 200
    assert server.client.post(CALL, {**plain, "you.adult": "Y", "CINT": "Y", "story.text": STORY}).status == 200
    for ciphertext in instance.ciphertexts():
        with pytest.raises(Exception, match=r"."):
            instance.opened(ciphertext, lost)
    shown = intake(instance, "status").stdout
    assert f"Key {lost.recipient().fingerprint[:16]} is revoked" in shown

    # taking the file away does not bring the old set back
    path.unlink()
    server.settle()
    assert why(SealingBrowser(server).send(sent)) == "stale"


def test_only_revoked_keys_are_no_recipient(instance: Instance) -> None:
    """The site takes nothing then, and `intake check` says why."""
    path = instance.folder / "keys" / "duty.pub"
    path.write_text(f"# Revoked 2026-11-22: stolen\n{path.read_text()}")
    done = intake(instance, "check")
    assert done.returncode == 1 and "has no recipient" in done.stderr
    with instance.serve() as server:
        assert server.client.get("/healthz").status == 503
        answer = SealingBrowser(server)
        sent = Sent({"form_token": "x", "access": answer.keys.access.hex()})
        refused = answer.send(sent)
        assert (refused.status, why(refused)) == (503, "ours")
        shown = server.client.post(CALL, {**sent.fields, "stored": "0" * 64})
        assert shown.status == 503 and "Your testimony is stored" in shown.text


# Where it lies


def open_files(server: Server) -> list[str]:
    """What the server's processes have open, also what has no name any more."""
    links = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(process.name)) == server.process.pid:
                links += [str(link.readlink()) for link in (process / "fd").iterdir()]
    return links


def test_what_comes_with_a_form_never_touches_a_disk(instance: Instance) -> None:
    """Not even plain text in the place of a ciphertext: not while it arrives, nor without a name, nor in a log."""
    folder = instance.folder / "tmp"
    folder.mkdir()
    with instance.serve(TMPDIR=str(folder)) as server:
        person = SealingBrowser(server)
        sent = person.testimony()
        marked = sent.but(sealed=(STORY.encode() * 100_000)[:3_500_000], choices=STORY.encode(), id=STORY)
        body, kind = marked.body()
        assert why(person.send(marked)) == "sealed"
        assert person.send(marked.but(sealed=STORY.encode() * 150_000)).status == 413
        plain = multipart(dict(sent.fields), [("a", STORY.encode() * 50_000)])
        for form, content in ((body, kind), plain):
            head = f"POST {CALL} HTTP/1.1\r\nHost: 127.0.0.1:{server.client.port}\r\nContent-Type: {content}\r\n"
            with Half(server.client, head, form):
                assert [name for name in open_files(server) if name.startswith(str(folder))] == []
                assert list(folder.iterdir()) == []
        assert open_files(server)
        secret = (STORY.encode(), person.keys.access, sent.fields["access"].encode(), person.return_code.encode())
        for path, found in every_file(instance.folder):
            assert not any(part in found for part in secret), path
        assert sha256(person.keys.access).hexdigest() not in server.log


class Half:
    """A request of which most has come."""

    def __init__(self, client: Client, head: str, body: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", client.port), timeout=60)
        self._socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-2000])

    def __enter__(self) -> "Half":
        time.sleep(0.5)  # until it is taken in
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
