"""Promise 8: the source stays in charge. The desk's half is in `tests/desk/`, both in `tests/test_both_ways.py`."""

import hashlib
import json
import random
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from person import (
    SWIFT,
    ByHand,
    Person,
    Reviewer,
    changed_program,
    events,
    every_file,
    exported,
    instance_id,
    stored,
    wait_until,
)
from service import CALL, ENOUGH, Instance, Server, multipart

from intake import code, envelope
from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity
from intake.dispatch import SealedMessage
from intake.encoding import EnvelopeError, encode_base64

pytestmark = pytest.mark.both_engines


def test_only_the_code_leads_to_the_mailbox(server: Server) -> None:
    """The mailbox is named by a digest of the access token, and its consents open with the code's own key."""
    receipt = server.client.send(CSTAT="Y")
    keys = code.derive(receipt.return_code, instance_id(server.instance))
    columns = "id, recipient, authority, consents"
    ((identifier, recipient, authority, consents),) = server.instance.rows(f"SELECT {columns} FROM mailbox")
    identity = HybridIdentity.from_seed(keys.mailbox)
    assert identifier == hashlib.sha256(keys.access).hexdigest()
    assert recipient == str(identity.recipient())
    found = json.loads(decrypt(consents, [identity]))
    assert (found["consent"]["CSTAT"], found["consent"]["CARCH"]) == ("Y", "N")
    signing = Ed25519PrivateKey.from_private_bytes(keys.authority)
    assert authority == encode_base64(signing.public_key().public_bytes_raw())


def test_the_code_travels_in_the_body_and_stays_nowhere(server: Server) -> None:
    """Whatever someone does with their code: no file, log, address, cookie or header holds it, or its secret keys."""
    person, client = Person.who_sent(server), server.client
    reviewer = Reviewer(server.instance).introduced()
    reply = reviewer.reply(person, "Thank you.")
    reviewer.deliver(reply)
    grouped = code.groups(person.return_code)
    answers = [
        person.come_back(),
        client.come_back(grouped),
        client.come_back(person.return_code[::-1]),
        client.come_back(person.return_code[:-1]),
        person.act("reply", text="More."),
        person.act("reply/delete", reply=reply.id),
        person.act("consent", CSTAT="Y"),
        person.send(("a", b"1" * 100_000)),
        client.post("/en/reply", {"code": person.return_code, "form_token": "x"}),
        client.send_files({"code": grouped, "form_token": "x"}, [("a", b"1")]),
        person.act("withdraw"),
        person.act("withdraw", confirm="yes"),
        person.come_back(),
    ]
    keys = person.keys
    secrets = [person.return_code.encode(), grouped.encode()]
    for key in (keys.access, keys.mailbox, keys.authority, keys.draft, keys.retry):
        secrets += [key, key.hex().encode()]
    for answer in answers:
        headers = str(answer.headers).encode()
        assert not [secret for secret in secrets if secret in headers]
        assert "Set-Cookie" not in answer.headers and "Location" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r'(?:action|href)="[^"]*\d{4}', re.sub(r'"/static/[^"]*"', '""', answer.text))
        assert all('method="post"' in form for form in re.findall("<form[^>]*>", answer.text))
    for path, content in every_file(server.instance.folder):
        if path.suffix != ".dispatch":
            assert not [secret for secret in secrets if secret in content], path


def test_an_addition_is_signed_by_the_person_who_sent_the_testimony(server: Server) -> None:
    """What is added later carries the signature of the key that the testimony names; another key's does not pass."""
    client = server.client
    form = client.form()
    first = client.post(CALL, {**form, **ENOUGH})
    fields = {**ENOUGH, "story.text": "I remember more.", "earlier": "1", "earlier_code": first.return_code}
    assert client.post(CALL, {**client.form(), **fields}).status == 200
    sealed = [envelope.parse(server.instance.opened(ciphertext)) for ciphertext in server.instance.ciphertexts()]
    testimony = next(found for found in sealed if isinstance(found, envelope.Testimony))
    addition = next(found for found in sealed if isinstance(found, envelope.Addition))
    assert addition.parent == testimony.id
    addition.verify(testimony.authority)
    stranger = Ed25519PrivateKey.generate()
    forged = addition.signed(stranger)
    with pytest.raises(EnvelopeError):
        forged.verify(testimony.authority)


def test_an_addition_needs_the_code_of_a_testimony(server: Server) -> None:
    """With a code that leads nowhere, nothing is added and the text is kept."""
    client = server.client
    page = client.post(CALL, {**client.form(), **ENOUGH, "earlier": "1", "earlier_code": code.make()})
    assert page.status == 422
    assert "The screens went dark." in page.text
    assert server.instance.ciphertexts() == []


def test_every_act_is_signed_by_the_key_of_the_testimony(server: Server) -> None:
    """Words, files, consents and the withdrawal: the desk can tell them from what a hostile server makes up."""
    person = Person.who_sent(server)
    person.act("reply", text="More.")
    person.act("consent", CSTAT="Y")
    person.send(("a", b"1"))
    authority, testimony = person.authority(), person.testimony
    person_before = person.opened()
    person.act("withdraw", confirm="yes")
    acts = [act for act in [*person_before, *person.opened()] if not isinstance(act, envelope.Testimony)]
    assert sorted(act.kind for act in acts) == ["addition", "attachment", "consent", "withdrawal"]
    for act in acts:
        assert act.parent == testimony
        act.verify(authority)
        with pytest.raises(EnvelopeError):
            act.signed(Ed25519PrivateKey.generate()).verify(authority)


def mailbox_row(person: Person) -> tuple[str, str, bytes, str]:
    """What is left of a mailbox."""
    query = "SELECT recipient, authority, consents, withdrawn FROM mailbox WHERE id = :id"
    ((recipient, authority, consents, withdrawn),) = person.server.instance.rows(query, id=person.keys.mailbox_id)
    return recipient, authority, consents, withdrawn


def slices_of(person: Person) -> list[bytes]:
    """64 bytes from the middle of everything sealed that is kept of theirs, in each of its parts."""
    queries = (
        "SELECT data FROM segment JOIN record ON record.id = segment.record WHERE mailbox = :id",
        "SELECT sealed FROM reply WHERE mailbox = :id",
        "SELECT consents FROM mailbox WHERE id = :id",
    )
    instance, mailbox = person.server.instance, person.keys.mailbox_id
    sealed = [row[0] for query in queries for row in instance.rows(query, id=mailbox)]
    return [data[len(data) // 2 - 32 :][:64] for data in sealed]


def found_in(instance: Instance, slices: list[bytes]) -> list[str]:
    """The files of the instance in which one of the slices lies; its tables, where they are not files of its own."""
    if instance.database_url:
        columns = {"segment": "data", "reply": "sealed", "mailbox": "consents"}
        held = {table: instance.rows(f"SELECT {column} FROM {table}") for table, column in columns.items()}
        return [table for table, rows in held.items() if any(piece in row[0] for piece in slices for row in rows)]
    files = every_file(instance.folder / "instance")
    return [path.name for path, content in files if any(piece in content for piece in slices)]


def with_everything(server: Server, reviewer: Reviewer) -> tuple[Person, Mapping[str, str | Sequence[str]]]:
    """Someone who has done everything that one can do; and the form that they sent first."""
    form = {**server.client.form(), **ENOUGH, "story.text": "The words of the first form."}
    receipt = server.client.post(CALL, form)
    person = Person(server, receipt.return_code, receipt.digest)
    person.act("reply", text="More.")
    person.act("consent", CSTAT="Y")
    person.send(("a", random.randbytes(3_500_000)), ("b", b"small"))
    reviewer.deliver(reviewer.reply(person, "Thank you."), reviewer.news(person, "accepted"))
    return person, form


def test_a_withdrawal_takes_everything_back(server: Server) -> None:
    """Asked once more; out of reach at once; in no file within a minute, on a site where nobody else writes."""
    instance, reviewer = server.instance, Reviewer(server.instance).introduced()
    person, form = with_everything(server, reviewer)
    other = Person.who_sent(server)
    other.send(("stays", b"s" * 2_000_000))
    before = [record for record in stored(instance).values() if record.mailbox == person.keys.mailbox_id]
    slices, others = slices_of(person), slices_of(other)
    assert len(slices) == 5 + 4 + 1 + 2 + 1  # records, parts of the large file and the small one, replies, consents

    asked = person.act("withdraw")
    assert "Withdraw everything?" in asked.text and asked.hidden("confirm") == "yes"
    assert slices_of(person) == slices
    late = {**person.fields(), "text": "Typed in another window.", "CSTAT": "N"}
    began = time.monotonic()
    again = {name: asked.hidden(name) for name in ("form_token", "code", "confirm")}
    gone = server.client.post("/en/withdraw", again)
    assert (gone.status, "Your testimony is withdrawn" in gone.text) == (200, True)
    assert "What was published before stays published." in gone.text
    assert "Backup copies stay" in gone.text

    records, log = exported(instance)
    (withdrawal,) = records - {
        record.id for record in stored(instance).values() if record.mailbox != person.keys.mailbox_id
    }
    assert ("withdrawn", withdrawal) in log
    assert {record for event, record in log if event == "purged"} == {record.id for record in before}
    assert all(event != "purged" or log.count((event, record)) == 1 for event, record in log)

    wait_until(lambda: not found_in(instance, slices), 60 - (time.monotonic() - began))
    assert found_in(instance, others)
    left = [record for record in stored(instance).values() if record.mailbox == person.keys.mailbox_id]
    assert [(record.id, record.kind) for record in left] == [(withdrawal, "withdrawal")]
    assert mailbox_row(person)[:3] == ("", "", b"")

    repeated = server.client.post("/en/withdraw", again)
    assert "Your testimony is withdrawn" in repeated.text
    old = server.client.post(CALL, form)
    assert old.status == 409
    assert "The words of the first form." in old.text and "You have withdrawn this testimony." in old.text
    assert "Your testimony is withdrawn" in person.come_back().text
    written = server.client.post("/en/reply", late)
    assert (written.status, "Typed in another window." in written.text) == (409, True)
    assert server.client.post("/en/consent", late).status == 409
    refused = person.send(("late", b"x"))
    assert (refused.status, "You have withdrawn this testimony." in refused.text) == (409, True)
    done = reviewer.deliver(SealedMessage("ab" * 16, before[0].id, b"x"))
    assert "1 message(s) are for testimonies that were withdrawn or are not known here." in done.stdout
    assert [record for record in stored(instance).values() if record.mailbox == person.keys.mailbox_id] == left
    assert other.files()["stays"].content == b"s" * 2_000_000


def test_a_kill_right_after_a_withdrawal_does_not_keep_anything(instance: Instance) -> None:
    """Dead or restarted, nothing of it is exported, and the erasing goes on to its end while others send as ever."""
    never = {"intake/site/sweeping.py": [("_SECONDS = 5.0", "_SECONDS = 5000.0")]}
    server = instance.start(**changed_program(instance.folder / "first", never))
    person = Person.who_sent(server)
    person.send(("a", random.randbytes(12_000_000)))
    before = {record.id for record in stored(instance).values()}
    slices = slices_of(person)
    assert "Your testimony is withdrawn" in person.act("withdraw", confirm="yes").text
    server.kill()
    assert found_in(instance, slices)  # or there would be nothing left to go on with
    records, log = exported(instance)
    assert not records & before
    assert sorted(event for event, _ in log) == sorted([*["added"] * 2, *["purged"] * 3, "received", "withdrawn"])
    with instance.serve(**changed_program(instance.folder, SWIFT)) as again:
        slowest, began = 0.0, time.monotonic()
        while found_in(instance, slices):
            sent = time.monotonic()
            assert again.client.send().status == 200
            slowest = max(slowest, time.monotonic() - sent)
            assert time.monotonic() - began < 60
        assert slowest < 10
        assert "Your testimony is withdrawn" in Person(again, person.return_code, "").come_back().text
        wait_until(lambda: not before & stored(instance).keys())


def test_a_file_that_is_arriving_while_its_source_withdraws_is_not_kept(instance: Instance) -> None:
    """Withdrawn in another window: the upload gets a calm end, and what came of it is erased with the rest."""
    with instance.serve(**changed_program(instance.folder, SWIFT)) as server:
        person = Person.who_sent(server)
        content = random.randbytes(3_000_000)
        body, _ = multipart(person.fields(), [("a", content)])
        with ByHand(server, body[:1_500_000], promised=len(body)) as upload:
            wait_until(
                lambda: any(record.ciphertext for record in stored(instance).values() if record.kind == "content")
            )
            person.act("withdraw", confirm="yes")
            upload.send(body[1_500_000:])
            page = upload.answer()
        assert page.status in (409, 503)
        assert "<bdi>a</bdi>" in page.text and "is stored safely" not in page.text
        wait_until(lambda: [record.kind for record in stored(instance).values()] == ["withdrawal"])
        assert [event for event, _ in events(instance)] == ["received", "withdrawn", "purged"]


def test_two_withdrawals_at_once_are_one(server: Server) -> None:
    """Confirmed in two windows: one withdrawal is kept, and both say that it is done."""
    person = Person.who_sent(server)
    forms = [{**person.fields(), "confirm": "yes"} for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        pages = list(pool.map(lambda form: server.client.post("/en/withdraw", form), forms))
    assert all("Your testimony is withdrawn" in page.text for page in pages)
    assert [event for event, _ in events(server.instance)].count("withdrawn") == 1
