"""`intake trust`, `deliver`, `status` and `purge`: what comes back from the desk, and what may go."""

import datetime
import json
import secrets
from collections.abc import Callable

import pytest
from person import (
    DAY,
    Person,
    Reviewer,
    changed_program,
    events,
    every_file,
    exported,
    intake,
    stored,
    wait_until,
)
from service import Instance, Server

from intake.age.identities import HybridIdentity
from intake.dispatch import SealedMessage, write_dispatch
from intake.encoding import encode_base64
from intake.site.sweeping import _expiry

pytestmark = pytest.mark.both_engines

TODAY = datetime.datetime.now(datetime.UTC).date()
TOMORROW = (TODAY + datetime.timedelta(days=1)).isoformat()


def fails(instance: Instance, *arguments: object, words: str) -> None:
    """A command ends with 1 and one line that says why."""
    done = intake(instance, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert words in done.stderr


# trust


def test_a_key_is_trusted_once(instance: Instance) -> None:
    """The same key again is no mistake; another is refused, and the first one stays."""
    first, second = Reviewer(instance), Reviewer(instance)
    for _ in range(2):
        assert intake(instance, "trust", first.public_key()).returncode == 0
    fails(instance, "trust", second.public_key(), words="another signing key is installed")
    fails(instance, "deliver", second.dispatch(), words="Another key")
    assert intake(instance, "deliver", first.dispatch()).returncode == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a signing key"),
        ("# only a comment\n", "not a signing key"),
        (f"{HybridIdentity.generate().recipient()}\n", ".sign.pub"),
        ("AAAA\n", "not a signing key"),
        (encode_base64(bytes(32)) + "\n" + encode_base64(bytes(32)) + "\n", "not a signing key"),
        ("\0" * 100_000, "not a signing key"),
    ],
)
def test_what_is_no_signing_key_is_not_trusted(instance: Instance, content: str, words: str) -> None:
    """A recipient taken for it, two keys, rubbish."""
    path = instance.folder / "wrong.pub"
    path.write_text(content)
    fails(instance, "trust", path, words=words)
    fails(instance, "deliver", path, words="intake trust")


# deliver


def spoilt(reviewer: Reviewer, message: SealedMessage) -> dict[str, Callable[[], bytes]]:
    """Dispatches that are not as the desk signed them."""
    good = reviewer.dispatch(message).read_bytes()
    stranger = Reviewer(reviewer.instance)

    def without_message() -> bytes:
        path = reviewer.instance.folder / "empty"
        write_dispatch(path, reviewer.key, DAY, [], {})
        return path.read_bytes()

    return {
        "a changed message": lambda: good.replace(message.ciphertext[100:140], bytes(40)),
        "a changed manifest": lambda: good.replace(DAY.encode(), b"2026-11-22"),
        "another's signature": lambda: stranger.dispatch(message).read_bytes(),
        "cut off": lambda: good[: len(good) // 2],
        "a missing message": lambda: good.replace(b"messages/", b"massages/"),
        "no dispatch": lambda: b"hello",
        "nothing": lambda: b"",
        "no manifest": lambda: good.replace(b"manifest.json", b"manifesT.json"),
        "another's key": lambda: good.replace(
            encode_base64(reviewer.key.public_key().public_bytes_raw()).encode(),
            encode_base64(stranger.key.public_key().public_bytes_raw()).encode(),
        ),
        "a bundle of its own": lambda: without_message()[:-1024] + good,
    }


def test_a_dispatch_that_was_changed_is_refused_whole(server: Server) -> None:
    """One line, and not even a good message of it is delivered."""
    instance = server.instance
    reviewer, person = Reviewer(instance).introduced(), Person.who_sent(server)
    good = reviewer.reply(person, "GOOD-REPLY")
    path = instance.folder / "spoilt"
    for name, make in spoilt(reviewer, good).items():
        path.write_bytes(make())
        done = intake(instance, "deliver", path)
        if name == "a bundle of its own":  # what lies behind the end of the signed one does not count
            assert done.returncode == 1 or "0 message(s)" in done.stdout
            continue
        assert (done.returncode, done.stdout) == (1, ""), name
        assert len(done.stderr.strip().splitlines()) == 1, name
        assert "Traceback" not in done.stderr
    fails(instance, "deliver", instance.folder / "nowhere", words="nowhere")
    assert "GOOD-REPLY" not in person.come_back().text
    reviewer.deliver(good)
    assert "GOOD-REPLY" in person.come_back().text


def test_nothing_is_delivered_before_a_key_is_trusted(instance: Instance) -> None:
    """Anybody could write a dispatch."""
    fails(instance, "deliver", Reviewer(instance).dispatch(), words="intake trust")


def test_repeating_and_strange_testimonies_do_no_harm(server: Server) -> None:
    """A second delivery changes nothing; what is for nobody here is counted and left."""
    instance = server.instance
    reviewer, person = Reviewer(instance).introduced(), Person.who_sent(server)
    reply = reviewer.reply(person, "ONCE")
    stray = SealedMessage(secrets.token_hex(16), secrets.token_hex(16), b"x" * 9000)
    path = reviewer.dispatch(reply, stray, opened={person.testimony: person.digest, "ff" * 16: "00" * 32})
    first, second = intake(instance, "deliver", path), intake(instance, "deliver", path)
    assert first.stdout.startswith("1 message(s) delivered, 0 were there already.\n1 message(s) are for")
    assert second.stdout.startswith("0 message(s) delivered, 1 were there already.\n1 message(s) are for")
    assert person.come_back().text.count("ONCE") == 1


def test_the_server_cannot_read_what_it_delivers(server: Server) -> None:
    """A reply lies there sealed to the source; no file holds its words, before or after it was read."""
    reviewer, person = Reviewer(server.instance).introduced(), Person.who_sent(server)
    reviewer.deliver(reviewer.reply(person, "Zebrafinch-Reply"))
    assert "Zebrafinch-Reply" in person.come_back().text
    assert not [path for path, content in every_file(server.instance.folder) if b"Zebrafinch" in content]


# status


def told(instance: Instance, **environment: str) -> dict[str, object]:
    """What `status --json` says."""
    done = intake(instance, "status", "--json", **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_status_counts_and_tells_nothing_else(server: Server) -> None:
    """Counts, sizes, days: no content, no code, no time, no address; and the same in words."""
    instance = server.instance
    reviewer, person = Reviewer(instance).introduced(), Person.who_sent(server)
    person.send(("Zebrafinch.pdf", b"Zebrafinch" * 10_000))
    person.act("reply", text="Zebrafinch")
    reviewer.deliver(reviewer.reply(person, "Zebrafinch"), opened={person.testimony: person.digest})
    Person.who_sent(server).act("withdraw", confirm="yes")
    found = told(instance)
    assert found["kinds"] == {"testimony": 1, "attachment": 1, "content": 1, "addition": 1, "withdrawal": 1}
    counts = {name: found[name] for name in ("opened", "purged", "arriving", "withdrawn", "replies", "last_export")}
    assert counts == {"opened": 1, "purged": 0, "arriving": 0, "withdrawn": 1, "replies": 1, "last_export": ""}
    assert (found["log_entries"], found["not_exported"], found["desk_key"]) == (7, 7, True)
    exported(instance)
    after = told(instance)
    assert (after["not_exported"], after["last_export"]) == (0, TODAY.isoformat())
    words = intake(instance, "status")
    assert words.returncode == 0
    for text in (json.dumps(found), words.stdout):
        assert "Zebrafinch" not in text
        assert person.return_code not in text and person.testimony not in text
        assert ":" not in "".join(part for part in text.split() if part[:1].isdigit() and part.count(":"))
    for part in ("1 testimonies", "1 additions", "1 files", "1 sources have withdrawn", f"Last export: {TODAY}"):
        assert part in words.stdout


def test_status_warns_before_space_runs_out(instance: Instance) -> None:
    """Little room, no room, a broken keys/: in words of what to do."""
    assert "little room" in str(told(instance, INTAKE_STORAGE_QUOTA_MB="1")["warnings"])
    with instance.serve(INTAKE_STORAGE_QUOTA_MB="1") as server:
        Person.who_sent(server).send(("a", bytes(1_000_000)))
    found = told(instance, INTAKE_STORAGE_QUOTA_MB="1")
    assert "no room for files" in str(found["warnings"])
    assert "no room for files" in intake(instance, "status", INTAKE_STORAGE_QUOTA_MB="1").stdout
    assert "not exported" in str(found["warnings"])
    (instance.folder / "keys" / "duty.pub").unlink()
    assert "intake check" in str(told(instance)["warnings"])


def test_status_of_a_lost_instance_is_one_line(instance: Instance) -> None:
    """No database, no traceback."""
    instance.take_database_away()
    fails(instance, "status", words="database")


# purge


def ciphertexts_of(person: Person) -> dict[str, int]:
    """How many bytes are left of each of their records."""
    records = stored(person.server.instance).values()
    return {record.kind: len(record.ciphertext) for record in records if record.mailbox == person.keys.mailbox_id}


def test_only_what_the_desk_opened_is_purged(server: Server) -> None:
    """And only what is older than the day. Log entries and mailbox stay, and a late withdrawal still works."""
    instance, reviewer = server.instance, Reviewer(server.instance).introduced()
    old, unopened = Person.who_sent(server), Person.who_sent(server)
    old.send(("a", b"a" * 1_500_000))
    contents = [record.ciphertext for record in stored(instance).values() if record.mailbox == old.keys.mailbox_id]
    middles = [content[len(content) // 2 :][:64] for content in contents]
    digests = {record.id: record.sha256 for record in stored(instance).values() if record.id != unopened.testimony}
    wrong = {unopened.testimony: old.digest}
    reviewer.deliver(reviewer.reply(old, "Still here."), opened={**digests, **wrong})

    assert intake(instance, "purge", "--before", TODAY.isoformat()).stdout == "0 record(s) purged.\n"
    assert all(ciphertexts_of(old).values())
    done = intake(instance, "purge", "--before", TOMORROW)
    assert (done.returncode, done.stdout) == (0, "3 record(s) purged.\n")
    assert ciphertexts_of(old) == {"testimony": 0, "attachment": 0, "content": 0}
    assert all(ciphertexts_of(unopened).values())
    files = [content for _, content in every_file(instance.folder / "instance")]
    assert not any(middle in content for middle in middles for content in files)
    assert intake(instance, "purge", "--before", TOMORROW).stdout == "0 record(s) purged.\n"

    bundled, log = exported(instance)
    assert bundled == {unopened.testimony}
    assert [event for event, _ in log] == ["received"] * 2 + ["added"] * 2 + ["purged"] * 3
    assert {record for event, record in log if event == "purged"} == digests.keys()

    page = old.come_back()
    assert "Still here." in page.text and old.digest in page.text
    assert old.act("reply", text="More.").status == 200
    assert "Your testimony is withdrawn" in old.act("withdraw", confirm="yes").text
    bundled, log = exported(instance)
    (withdrawal,) = bundled - {unopened.testimony}
    assert [event for event, _ in log[7:]] == ["added", "withdrawn", "purged"]
    assert log[8] == ("withdrawn", withdrawal)
    assert len(log) == 10


@pytest.mark.parametrize("before", ["", "yesterday", "2026-13-01", "21.11.2026"])
def test_purge_needs_a_day(instance: Instance, before: str) -> None:
    """A slip deletes nothing."""
    assert intake(instance, "purge", "--before", before).returncode == 2


def test_purge_without_a_day_does_what_the_policy_says(server: Server) -> None:
    """As the nightly unit has it: without a policy nothing goes, with one what is old and was opened."""
    instance, reviewer = server.instance, Reviewer(server.instance).introduced()
    opened, unopened = Person.who_sent(server), Person.who_sent(server)
    reviewer.deliver(reviewer.reply(opened, "Thank you."), opened={opened.testimony: opened.digest})
    instance.change("UPDATE record SET day = '2025-01-01'")
    newer = Person.who_sent(server)
    assert intake(instance, "purge").stdout == "0 record(s) purged.\n"
    assert intake(instance, "purge", INTAKE_RETENTION_DAYS="90").stdout == "1 record(s) purged.\n"
    assert not any(ciphertexts_of(opened).values())
    assert all(ciphertexts_of(unopened).values()) and all(ciphertexts_of(newer).values())


def test_the_policy_lets_each_record_go_on_a_day_of_its_own() -> None:
    """Never later than the policy says, up to a week earlier, always the same for one record, and never on its day."""
    key = bytes(range(32))
    records = [secrets.token_hex(16) for _ in range(400)]
    days = {record: _expiry(record, "2026-11-21", 90, key) for record in records}
    latest = datetime.date(2026, 11, 21) + datetime.timedelta(days=90)
    assert {(latest - day).days for day in days.values()} == set(range(8))
    assert days == {record: _expiry(record, "2026-11-21", 90, key) for record in records}
    assert days != {record: _expiry(record, "2026-11-21", 90, bytes(32)) for record in records}
    assert {_expiry(record, "2026-11-21", 1, key) for record in records} == {datetime.date(2026, 11, 22)}


def test_the_policy_is_kept_by_the_server(instance: Instance) -> None:
    """What the desk opened long ago goes by itself, and so do old replies; what it did not open, or is newer, stays."""
    changes = {
        "intake/site/sweeping.py": [("_SECONDS = 5.0", "_SECONDS = 0.2")],
        "intake/store/records.py": [
            ("return datetime.datetime.now(datetime.UTC).date().isoformat()", "import os; return os.environ['A_DAY']")
        ],
    }
    program = changed_program(instance.folder, changes)
    with instance.serve(**program, A_DAY="2026-01-01") as server:
        opened, unopened = Person.who_sent(server), Person.who_sent(server)
        reviewer = Reviewer(instance).introduced()
        reviewer.deliver(reviewer.reply(opened, "OLD-REPLY"), opened={opened.testimony: opened.digest})
    instance.change("UPDATE reply SET day = '2026-01-01'")
    for day, retention, states in [
        ("2026-04-01", "0", ["kept", "kept"]),
        ("2026-07-10", "90", ["purged", "kept"]),
    ]:
        plant(instance)
        with instance.serve(**program, A_DAY=day, INTAKE_RETENTION_DAYS=retention) as server:
            newer = Person.who_sent(server)
            wait_until(lambda: swept(instance))
            assert [stored(instance)[person.testimony].state for person in (opened, unopened)] == states
            assert stored(instance)[newer.testimony].state == "kept"
            page = Person(server, opened.return_code, opened.digest).come_back()
            assert "OLD-REPLY" in page.text if retention == "0" else "OLD-REPLY" not in page.text
    assert stored(instance)[unopened.testimony].state == "kept"
    assert [event for event, record in events(instance) if record == opened.testimony] == ["received", "purged"]


def plant(instance: Instance) -> None:
    """Put something there that the next sweep erases."""
    same = "mailbox, call, day, sha256, size, recipients, content, lease, opened"
    instance.change(
        f"INSERT INTO record (id, form, kind, state, {same}) "
        f"SELECT 'planted', 'planted', 'content', 'erasing', {same} FROM record LIMIT 1"
    )


def swept(instance: Instance) -> bool:
    """Whether what was planted is gone, and so is all that the same sweep found."""
    found = stored(instance)
    return "planted" not in found and not {"erasing", "purging"} & {record.state for record in found.values()}
