"""The stick goes both ways: from the browser to the desk, back to the mailbox, and to the desk once more."""

import os
from pathlib import Path

import pytest
from service import Answer, Server

from intake.desk.keys import signing_key
from intake.encoding import encode_base64

pytestmark = pytest.mark.both_engines

LETTER = b"Dear patient, your results are lost.\r\n" * 3000


@pytest.fixture
def trusting(server: Server) -> Server:
    """A server on which the desk's signing key is installed."""
    key = encode_base64(signing_key(server.instance.identity).public_key().public_bytes_raw())
    path = server.instance.folder / "desk.sign.pub"
    path.write_text(f"# the desk\n{key}\n")
    done = server.instance.intake("trust", path)
    assert done.returncode == 0, done.stderr
    return server


def carry_back(server: Server) -> None:
    """Write a dispatch on the desk and deliver it, twice."""
    stick = server.instance.folder / "back.tar"
    for _ in range(2):
        for done in (server.instance.desk("dispatch", stick), server.instance.intake("deliver", stick)):
            assert done.returncode == 0, done.stderr


def hidden(page: Answer) -> dict[str, str]:
    """The fields that come first in every form."""
    return {name: page.hidden(name) for name in ("form_token", "code")}


def test_a_source_and_a_reviewer_talk_and_part(trusting: Server, tmp_path: Path) -> None:
    """Everything a source can do arrives on the desk; everything the desk says arrives with the source."""
    client, instance = trusting.client, trusting.instance
    receipt = client.send(CCONT="Y", CSTAT="Y")
    files = client.send_files(hidden(receipt), [("letter.pdf", LETTER), ("données.txt", os.urandom(2_000_000))])
    assert files.status == 200
    mailbox = client.come_back(receipt.return_code)
    assert client.post("/en/reply", {**hidden(mailbox), "text": "I remember the date now."}).status == 200

    (testimony,) = [found for found in instance.open_on_desk() if found["kind"] == "testimony"]
    assert (testimony["attachments"], testimony["additions"]) == (2, 1)
    shown = instance.shown(testimony["id"])
    (letter,) = [found for found in shown["attachments"] if found["name"] == "letter.pdf"]
    out = tmp_path / "letter.pdf"
    assert instance.desk("attachment", letter["id"], "--out", out).returncode == 0
    assert out.read_bytes() == LETTER
    assert "I remember the date now." in instance.desk("show", testimony["id"]).stdout

    words = tmp_path / "words.txt"
    words.write_text("Thank you. Which ward was it?\n")
    assert instance.desk("reply", testimony["id"], "--text-file", words).returncode == 0
    assert instance.desk("acknowledge", testimony["id"], "--state", "accepted").returncode == 0
    carry_back(trusting)
    mailbox = client.come_back(receipt.return_code)
    assert mailbox.text.count("Which ward was it?") == 1
    assert mailbox.text.count(receipt.digest) == 2  # ours, and the one that the desk signed
    assert "accepted" in mailbox.text

    saved = client.post("/en/consent", {**hidden(mailbox), "CCONT": "Y", "CSTAT": "N"})
    assert saved.status == 200
    instance.open_on_desk()
    shown = instance.shown(testimony["id"])
    assert (shown["consent"]["CSTAT"], shown["consent_given"]["CSTAT"]) == ("N", "Y")

    gone = client.post("/en/withdraw", {**hidden(saved), "confirm": "yes"})
    assert "Your testimony is withdrawn" in gone.text
    stick = instance.folder / "last.tar"
    assert instance.intake("export", stick).returncode == 0
    opened = instance.desk("open", stick)
    assert opened.returncode == 0, opened.stderr
    assert str(out) in opened.stdout  # where a copy of it lies outside the workspace
    assert instance.desk("show", testimony["id"]).returncode == 1
    (tombstone,) = [found for found in instance.open_on_desk() if found["id"] == testimony["id"]]
    assert tombstone["state"] == "withdrawn"
    carry_back(trusting)
    assert "Your testimony is withdrawn" in client.come_back(receipt.return_code).text


def test_a_purged_testimony_can_still_be_withdrawn(trusting: Server) -> None:
    """The server deletes only what the desk has opened; its source can still withdraw, and that reaches the desk."""
    client, instance = trusting.client, trusting.instance
    receipt = client.send()
    (testimony,) = instance.open_on_desk()
    assert "0 record(s) purged" in instance.intake("purge", "--before", "2100-01-01").stdout
    carry_back(trusting)
    client.send(**{"story.text": "The desk has not seen this one."})
    assert "1 record(s) purged" in instance.intake("purge", "--before", "2100-01-01").stdout
    assert len(instance.ciphertexts()) == 1
    mailbox = client.come_back(receipt.return_code)
    assert client.post("/en/withdraw", {**hidden(mailbox), "confirm": "yes"}).status == 200
    (found,) = [found for found in instance.open_on_desk() if found["id"] == testimony["id"]]
    assert found["state"] == "withdrawn"
