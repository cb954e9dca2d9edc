"""Whatever is done to a bundle, or to the server's log, is named, and the rest still opens."""

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desk.conftest import DUTY
from desk.stick import CALL, Desk, Server, rewrite
from intake.age.encrypt import encrypt
from intake.bundle import LOG, MANIFEST, record_member, write_bundle
from intake.calls.edition import Edition
from intake.desk.access import open_workspace
from intake.desk.bundles.opening import Opening
from intake.desk.bundles.reading import open_bundle
from intake.envelope import build
from intake.tar import BundleError

Members = dict[str, bytes]


@pytest.fixture
def records(server: Server, stick: Path) -> list[str]:
    """Five testimonies in a bundle on the stick."""
    ids = [server.receive() for _ in range(5)]
    server.export(stick)
    return ids


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def without(name: str) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        del members[name]

    return change


def edit_line(number: int, old: bytes, new: bytes) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        lines = members[LOG].split(b"\n")
        lines[number - 1] = lines[number - 1].replace(old, new)
        members[LOG] = b"\n".join(lines)

    return change


def open_and_expect(desk: Desk, stick: Path, named: list[str], opened: list[str]) -> None:
    result = desk.open(stick)
    assert sorted(line.partition(":")[0] for line in result.stderr.splitlines()) == sorted(named), result.stderr
    assert result.returncode == (1 if named else 0)
    assert set(desk.listed()) == set(opened)


def test_nothing_is_named_when_nothing_was_done(desk: Desk, stick: Path, records: list[str]) -> None:
    """What the other tests here would show if their tampering did nothing: even taking the tar apart is harmless."""
    rewrite(stick, lambda members: None)
    open_and_expect(desk, stick, [], records)


def test_a_dropped_record(desk: Desk, stick: Path, records: list[str]) -> None:
    rewrite(stick, without(record_member(records[2])))
    open_and_expect(desk, stick, ["dropped"], [*records[:2], *records[3:]])
    assert records[2] in desk.open(stick).stderr


def test_an_altered_record(desk: Desk, stick: Path, records: list[str]) -> None:
    name = record_member(records[1])
    rewrite(stick, lambda members: members.update({name: flip(members[name], 20_000)}))
    open_and_expect(desk, stick, ["altered"], [records[0], *records[2:]])
    assert records[1] in desk.open(stick).stderr


def test_a_record_put_in_the_place_of_another(desk: Desk, stick: Path, records: list[str]) -> None:
    one, two = record_member(records[0]), record_member(records[1])
    rewrite(stick, lambda members: members.update({one: members[two], two: members[one]}))
    open_and_expect(desk, stick, ["altered", "altered"], records[2:])


def test_an_added_record(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    forged = encrypt(build(server.testimony()), server.recipients)
    rewrite(stick, lambda members: members.update({record_member("a" * 32): forged}))
    open_and_expect(desk, stick, ["added"], records)


def test_a_second_file_of_the_same_name_is_not_taken(desk: Desk, stick: Path, records: list[str]) -> None:
    info = tarfile.TarInfo(record_member(records[0]))
    with tarfile.open(stick, "a") as tar:
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    open_and_expect(desk, stick, ["added"], records)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.XHDTYPE])
def test_what_is_no_plain_file_is_not_taken(desk: Desk, stick: Path, records: list[str], kind: bytes) -> None:
    rewrite(stick, without(record_member(records[4])))
    with tarfile.open(stick, "a") as tar:
        info = tarfile.TarInfo(record_member(records[4]))
        info.type, info.linkname = kind, record_member(records[3])
        tar.addfile(info)
    open_and_expect(desk, stick, ["added", "dropped"], records[:4])


def test_data_after_the_end(desk: Desk, stick: Path, records: list[str]) -> None:
    stick.write_bytes(stick.read_bytes() + bytes(2000) + b"hello")
    open_and_expect(desk, stick, ["added"], records)


def test_reordered_entries(desk: Desk, stick: Path, records: list[str]) -> None:
    def change(members: Members) -> None:
        lines = members[LOG].split(b"\n")
        lines[1], lines[2] = lines[2], lines[1]
        members[LOG] = b"\n".join(lines)

    rewrite(stick, change)
    open_and_expect(desk, stick, ["reordered"], records)


def test_an_altered_entry(desk: Desk, stick: Path, records: list[str]) -> None:
    rewrite(stick, edit_line(2, b"2026-11-21", b"2026-11-20"))
    open_and_expect(desk, stick, ["altered", "dropped"], [records[0], *records[2:]])


def test_a_dropped_entry_and_its_record_on_the_next_good_stick(
    desk: Desk, stick: Path, records: list[str], server: Server
) -> None:
    rewrite(stick, lambda members: members.update({LOG: b"\n".join(members[LOG].split(b"\n")[1:])}))
    open_and_expect(desk, stick, ["dropped", "dropped"], records[1:])
    server.export(stick)
    open_and_expect(desk, stick, [], records)


def test_an_added_entry(desk: Desk, stick: Path, records: list[str]) -> None:
    rewrite(stick, lambda members: members.update({LOG: members[LOG] + b"{}\n"}))
    open_and_expect(desk, stick, ["added"], records)


def test_no_log_at_all(desk: Desk, stick: Path, records: list[str]) -> None:
    rewrite(stick, without(LOG))
    open_and_expect(desk, stick, ["dropped"] * 6, [])


def test_an_altered_edition_takes_only_itself(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    name = f"editions/{server.edition.sha256}/fr.po"
    rewrite(stick, lambda members: members.update({name: members[name].replace("récit".encode(), b"secret")}))
    result = desk.open(stick)
    assert result.returncode == 1
    assert result.stderr.startswith("altered: fr.po of the edition")
    assert {record["reason"] for record in desk.listed().values()} == {"its edition of the call is not known"}
    server.receive()
    server.export(stick, since=5)  # does not bring the old records again, but the edition they waited for
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert "6 record(s) opened" in result.stdout
    assert {record["state"] for record in desk.listed().values()} == {"new"}


@pytest.mark.parametrize(
    "edition",
    [
        {"call.yaml": b"format: call/1\nname: [\n"},
        {"call.yaml": b"[" * 5000},
        {"fr.po": b'nonsense "fr"\n'},
        {"fr.po": b"\xff\xfe\x00"},
    ],
)
def test_a_call_that_cannot_be_read_is_refused_alone(
    desk: Desk, stick: Path, records: list[str], server: Server, edition: dict[str, bytes]
) -> None:
    bad = Edition({**server.edition.files, **edition})
    odd = server.receive(edition=bad.sha256)
    contents = server.contents()
    write_bundle(stick, server.key, replace(contents, editions={**contents.editions, bad.sha256: bad.files}))
    result = desk.open(stick)
    assert result.returncode == 1
    assert result.stderr.startswith(f"altered: the edition {bad.sha256} cannot be read")
    assert len(result.stderr.splitlines()) == 1
    assert desk.listed()[odd]["reason"] == "its edition of the call is not known"
    assert all(desk.listed()[record]["state"] == "new" for record in records)


def test_an_edition_under_the_name_of_another(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    other = Edition({**server.edition.files, "call.yaml": CALL.replace(b"Your story", b"Your secret")})
    files = {server.edition.sha256: other.files}
    write_bundle(stick, server.key, replace(server.contents(), editions=files))
    result = desk.open(stick)
    assert result.returncode == 1
    assert "is not the one that its name says" in result.stderr
    assert {record["state"] for record in desk.listed().values()} == {"quarantined"}


def test_a_changed_manifest_opens_nothing(desk: Desk, stick: Path, records: list[str]) -> None:
    def change(members: Members) -> None:
        signed = json.loads(members[MANIFEST])
        signed["manifest"]["recipients"].append({"recipient": "0" * 64, "comment": "mine", "day": "2026-11-21"})
        members[MANIFEST] = json.dumps(signed).encode()

    rewrite(stick, change)
    result = desk.open(stick)
    assert result.returncode == 1
    assert "signature does not fit" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not desk.workspace.exists()


# ------------------------------------------------------------------- what the holder of the server could do


def test_the_server_drops_a_record_from_its_log(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.relink(lambda entry: entry.record != records[1])
    later = server.receive()
    server.export(stick)
    open_and_expect(desk, stick, ["dropped", "rolled back"], [*records, later])
    assert f"dropped: record {records[1]}" in desk.open(stick).stderr


def test_the_server_replaces_a_record(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    before = desk.shown(records[4])
    other = encrypt(build(server.testimony(answers={"story.text": "Nothing happened."})), server.recipients)
    server.replace(records[4], other)
    server.export(stick)
    open_and_expect(desk, stick, ["altered", "altered", "rolled back"], records)
    assert desk.shown(records[4]) == before


def test_the_server_reorders_its_log(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.entries = [server.entries[0], server.entries[2], server.entries[1], *server.entries[3:]]
    server.relink(lambda entry: True)
    server.export(stick)
    open_and_expect(desk, stick, ["reordered", "rolled back"], records)


def test_the_server_slips_a_record_in_among_the_old(
    desk: Desk, stick: Path, records: list[str], server: Server
) -> None:
    desk.open(stick)
    slipped = server.receive()
    server.entries.insert(1, server.entries.pop())
    server.relink(lambda entry: True)
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 1
    assert f"added: record {slipped}" in result.stderr
    assert "rolled back: from entry 2 on" in result.stderr


def test_the_server_loses_a_record_without_a_purge(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    del server.records[records[0]]
    server.purge(records[1])
    server.export(stick)
    open_and_expect(desk, stick, ["dropped"], records[2:])


def test_a_purge_of_what_was_opened_is_no_trouble(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.purge(records[1])
    server.export(stick)
    open_and_expect(desk, stick, [], records)


def test_the_server_is_rolled_back(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.entries = server.entries[:3]
    server.export(stick)
    open_and_expect(desk, stick, ["dropped", "dropped", "rolled back"], records)


def test_the_server_is_rolled_back_and_goes_on(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.entries = server.entries[:4]
    later = [server.receive() for _ in range(3)]
    server.export(stick, since=5)
    result = desk.open(stick)
    assert result.returncode == 1
    assert "rolled back: from entry 5 on" in result.stderr
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 1
    assert set(desk.listed()) == {*records, *later}


def test_an_older_bundle_is_not_a_rollback(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    old = stick.read_bytes()
    server.day = "2026-11-28"
    later = server.receive()
    server.export(stick)
    desk.open(stick)
    stick.write_bytes(old)
    open_and_expect(desk, stick, [], [*records, later])
    fresh = Desk(desk.folder / "fresh", desk.key)
    server.export(stick)
    fresh.open(stick)
    stick.write_bytes(old)
    open_and_expect(fresh, stick, [], [*records, later])


def test_a_restored_server_can_be_accepted(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.entries = server.entries[:3]
    later = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 1
    result = desk.open(stick, "--accept-restore", "disk failure, backup of Monday")
    assert (result.returncode, result.stderr) == (0, "")
    assert "accepted: rolled back: from entry 4 on" in result.stdout
    open_and_expect(desk, stick, [], [*records, later])
    server.receive()
    server.export(stick, since=4)
    assert desk.open(stick).returncode == 0
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        rows = workspace._database.execute("SELECT event, detail FROM events").fetchall()
    assert rows == [("restore accepted", "disk failure, backup of Monday")]


def test_a_restore_needs_the_whole_log(desk: Desk, stick: Path, records: list[str], server: Server) -> None:
    desk.open(stick)
    server.entries = server.entries[:3]
    for _ in range(3):
        server.receive()
    server.export(stick, since=5)
    result = desk.open(stick, "--accept-restore", "disk failure")
    assert result.returncode == 1
    assert "ask the operator for an export without --since" in result.stderr


# ----------------------------------------------------------------------------------------- anything at all


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, str]]:
    """A bundle of three, and what its records say."""
    server = Server([DUTY.recipient()])
    stories = {server.receive(answers={"story.text": story}): story for story in ("one", "two", "three")}
    (path,) = server.export(tmp_path_factory.mktemp("bundle") / "bundle.tar")
    return path.read_bytes(), stories


def open_in_process(content: bytes) -> dict[str, str]:
    """Open a bundle on a fresh desk, and return the stories it filed."""
    with tempfile.TemporaryDirectory() as folder:
        path, workspace = Path(folder, "bundle.tar"), Path(folder, "workspace")
        path.write_bytes(content)
        opening = Opening([DUTY], "2026-11-21", lambda line: None)
        opening.run([path], workspace)
        with open_workspace(workspace, [DUTY]) as desk:
            stories = {
                record.id: json.loads(record.content)["answers"]["story.text"]
                for record in desk.records()
                if record.state == "new"
            }
        assert len(stories) == 3 or opening.troubles
        return stories


def test_the_bundle_itself_opens(bundle: tuple[bytes, dict[str, str]]) -> None:
    assert open_in_process(bundle[0]) == bundle[1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_never_changes_what_is_read(bundle: tuple[bytes, dict[str, str]], data: st.DataObject) -> None:
    content, stories = bundle
    small = data.draw(st.booleans())  # half of the flips where the manifest, the log and the call are
    at = data.draw(st.integers(0, (12_000 if small else len(content)) * 8 - 1))
    changed = bytearray(content)
    changed[at // 8] ^= 1 << at % 8
    try:
        opened = open_in_process(bytes(changed))
    except BundleError:
        return
    assert opened.items() <= stories.items()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_tar_makes_the_reader_fail(bundle: tuple[bytes, dict[str, str]], data: st.DataObject) -> None:
    """Cut, repeated and overwritten in many places: either an error of ours, or only what was signed."""
    content = bytearray(bundle[0])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 2048))
        content[start:end] = data.draw(st.binary(max_size=64) | st.just(bytes(content[-start:][:2048])))
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            with open_bundle(Path(file.name)) as opened:
                found = opened.verify()
        except BundleError:
            return
        assert set(found.records) <= set(bundle[1])
