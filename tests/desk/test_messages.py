"""What reviewers write to sources: only they can read it, it is signed, and it may be sent any number of times."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY
from desk.stick import DAY, Desk, Server
from intake.age.decrypt import decrypt
from intake.age.errors import AgeError
from intake.age.identities import HybridIdentity
from intake.desk import keys
from intake.desk.access import open_workspace
from intake.dispatch import Dispatch, SealedMessage
from intake.encoding import EnvelopeError, encode_base64
from intake.envelope import Acknowledgement, FromDesk, Reply, parse_message
from intake.tar import BundleError

SOURCE = HybridIdentity.from_seed(bytes(32))
DESK = encode_base64(keys.signing_key(DUTY).public_key().public_bytes_raw())
TEXT = "Thank you.\n\nشكرا 夜 \U0001f3e5"


def opened(server: Server, desk: Desk, stick: Path) -> None:
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")


def text_file(desk: Desk, text: str) -> Path:
    path = desk.folder / "text"
    path.write_text(text, "utf-8")
    return path


def read(message: SealedMessage) -> FromDesk:
    """Read a message as its source does."""
    found = parse_message(decrypt(message.ciphertext, [SOURCE]))
    found.verify(DESK)
    assert (found.id, found.parent) == (message.id, message.record)
    return found


def test_a_reply_and_acknowledgements_reach_the_source(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    assert desk.at_desk("reply", parent, "--text-file", text_file(desk, f"\ufeff{TEXT}\r\n")).returncode == 0
    for state in ("received", "accepted", "set aside", "used"):
        result = desk.at_desk("acknowledge", parent, "--state", state, "--line", f"It is {state}.")
        assert result.returncode == 0
        assert desk.listed()[parent]["state"] == {"received": "new", "used": "set aside"}.get(state, state)
    messages, known = desk.dispatched(desk.folder / "dispatch.tar")
    first, *others = [read(message) for message in messages]
    assert isinstance(first, Reply)
    assert first.text == TEXT
    digest = hashlib.sha256(bytes_of(server, parent)).hexdigest()
    assert known == {parent: digest}
    told = []
    for other in others:
        assert isinstance(other, Acknowledgement)
        assert other.sha256 == digest
        told.append((other.state, other.text))
    states = ("received", "accepted", "set aside", "used")
    assert told == [(state, f"It is {state}.") for state in states]
    assert {len(message.ciphertext) for message in messages} == {len(messages[0].ciphertext)}  # the size tells nothing
    for identity in (DUTY, HybridIdentity.generate()):
        with pytest.raises(AgeError):
            decrypt(messages[0].ciphertext, [identity])
    with pytest.raises(EnvelopeError):
        first.verify(encode_base64(bytes(32)))


def bytes_of(server: Server, record: str) -> bytes:
    sealed = server.records[record]
    assert isinstance(sealed, bytes)
    return sealed


def test_what_was_written_is_shown(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    desk.at_desk("reply", parent, "--text-file", text_file(desk, "Thank you.\x1b[2J"))
    desk.at_desk("acknowledge", parent, "--state", "set-aside", "--text-file", text_file(desk, "Not now."))
    reply, received, acknowledgement = desk.shown(parent)["messages"]
    assert (received["state"], received["text"]) == ("received", "")  # said first, if nobody had
    assert (reply["kind"], reply["text"], reply["state"]) == ("reply", "Thank you.\x1b[2J", "")
    assert (acknowledgement["state"], acknowledgement["text"]) == ("set aside", "Not now.")
    text = desk.show(parent)
    assert "    Thank you.\\x1b[2J\n" in text
    assert f"── Written to the source on {acknowledgement['day']}: set aside\n    Not now.\n" in text
    assert desk.at_desk("list").stdout.split()[2:4] == ["set", "aside"]


def test_repeating_anything_makes_no_second_message(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    for _ in range(2):
        assert desk.at_desk("acknowledge", parent, "--state", "accepted", "--line", "Yes.").returncode == 0
        assert desk.at_desk("reply", parent, "--text-file", text_file(desk, "Thanks.")).returncode == 0
    first = desk.dispatched(desk.folder / "dispatch.tar")
    assert len(first[0]) == 3
    before = (desk.workspace / "desk.db").read_bytes()
    assert desk.dispatched(desk.folder / "dispatch.tar") == first
    assert (desk.workspace / "desk.db").read_bytes() == before
    desk.at_desk("acknowledge", parent, "--state", "accepted", "--line", "Yes, really.")
    desk.at_desk("acknowledge", parent, "--state", "accepted", "--line", "Yes.")
    assert len(desk.dispatched(desk.folder / "dispatch.tar")[0]) == 5


def test_a_dispatch_acknowledges_what_was_opened(server: Server, desk: Desk, stick: Path) -> None:
    """Every testimony that nothing was said of yet, once; and the digest of every record that was filed."""
    parent, test = server.receive(), server.receive(test=True)
    told, spam = server.receive(), server.receive(answers={"story.text": "Buy now, buy cheap."})
    added = server.add(server.text(parent, "More."))
    attached = server.attach(parent, b"evidence")
    changed = server.add(server.consent(parent, CPUB="Y"))
    bad = server.take_json("[")
    opened(server, desk, stick)
    desk.at_desk("acknowledge", told, "--state", "accepted")
    desk.at_desk("spam", spam)
    messages, known = desk.dispatched(desk.folder / "dispatch.tar")
    states = [(message.record, getattr(read(message), "state", "")) for message in messages]
    assert states[:2] == [(told, "received"), (told, "accepted")]
    assert sorted(states[2:]) == sorted([(parent, "received"), (test, "received")])
    assert set(known) == {parent, test, told, spam, added, *attached, changed}
    assert bad not in known
    for record, digest in known.items():
        assert hashlib.sha256(bytes_of(server, record)).hexdigest() == digest
    late = server.receive(answers={"story.text": "Later."})
    opened(server, desk, stick)
    again = desk.dispatched(desk.folder / "dispatch.tar")[0]
    assert again[:4] == messages
    assert [message.record for message in again[4:]] == [late]


def test_a_message_is_sent_for_half_a_year(server: Server, desk: Desk, stick: Path) -> None:
    parent, other = server.receive(), server.receive()
    opened(server, desk, stick)
    assert len(desk.dispatched(desk.folder / "dispatch.tar")[0]) == 2
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        workspace.execute("UPDATE messages SET day = '2020-01-01' WHERE record = ?", (parent,))
    assert [message.record for message in desk.dispatched(desk.folder / "dispatch.tar")[0]] == [other]


def test_a_dispatch_is_refused_when_it_is_not_this_desks(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    opened(server, desk, stick)
    path = desk.folder / "dispatch.tar"
    desk.dispatched(path)
    stranger = keys.signing_key(HybridIdentity.generate()).public_key().public_bytes_raw()
    with path.open("rb") as source, pytest.raises(BundleError, match="Another key"):
        Dispatch(source, stranger)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The text is empty"),
        (b" \n\t\n", "The text is empty"),
        (("é" * 20_001).encode(), "20000 are the most"),
        (b"x" * 200_000, "20000 characters are the most"),
        (b"\xff\xfe", "is not text in UTF-8"),
    ],
)
def test_a_text_that_cannot_be_sent_is_one_line(
    server: Server, desk: Desk, stick: Path, content: bytes, words: str
) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    path = desk.folder / "text"
    path.write_bytes(content)
    result = desk.at_desk("reply", parent, "--text-file", path)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert words in result.stderr
    assert desk.shown(parent)["messages"] == []


def test_only_a_testimony_can_be_written_to(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    added = server.add(server.text(parent, "More."))
    attached, content = server.attach(parent, b"evidence")
    bad = server.take_json("[")
    opened(server, desk, stick)
    path = text_file(desk, "Thanks.")
    for record in (added, attached, content):
        for command in (["reply", record, "--text-file", path], ["acknowledge", record, "--state", "used"]):
            result = desk.at_desk(*command)
            assert result.returncode == 1
            assert result.stderr == f"Error: Record {record} is no testimony: write to its testimony {parent}.\n"
    assert "is quarantined" in desk.at_desk("reply", bad, "--text-file", path).stderr
    assert "There is no record" in desk.at_desk("reply", "0" * 32, "--text-file", path).stderr
    both = ["--state", "used", "--line", "x", "--text-file", path]
    assert desk.at_desk("acknowledge", parent, *both).returncode == 2
    assert desk.at_desk("acknowledge", parent, "--state", "lost").returncode == 2
    assert desk.at_desk("reply", parent).returncode == 2
    assert desk.shown(parent)["messages"] == []
    desk.at_desk("spam", parent)
    assert "is marked as spam" in desk.at_desk("reply", parent, "--text-file", path).stderr


def test_a_mailbox_that_is_no_key_is_set_aside(server: Server, desk: Desk, stick: Path) -> None:
    """What nobody could reply to must not keep the others from their replies."""
    good = server.receive()
    bad = server.receive(mailbox="age1pq1" + "q" * 60)
    opened(server, desk, stick)
    assert desk.listed()[bad]["reason"] == "its mailbox is not a key that a reply could be sealed to"
    assert [message.record for message in desk.dispatched(desk.folder / "dispatch.tar")[0]] == [good]


def test_a_decision_survives_opening_again(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    added = server.add(server.text(parent, "More."))
    opened(server, desk, stick)
    desk.at_desk("acknowledge", parent, "--state", "accepted")
    desk.at_desk("acknowledge", parent, "--state", "used")
    late = server.add(server.text(parent, "Still more."))
    opened(server, desk, stick)
    assert {record: fields["state"] for record, fields in desk.listed().items()} == {
        parent: "accepted",
        added: "new",
        late: "new",
    }
    server.withdraw(parent)
    opened(server, desk, stick)
    assert desk.listed()[parent]["state"] == "withdrawn"


def test_days_are_those_of_the_desk(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    desk.at_desk("acknowledge", parent, "--state", "accepted")
    _, message = desk.shown(parent)["messages"]
    found: Any = read(desk.dispatched(desk.folder / "dispatch.tar")[0][1])
    assert found.day == message["day"] >= DAY
