"""The log's entries and the bundle's tar, as the server writes them."""

import base64
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from desk.conftest import DUTY
from desk.stick import Server, rewrite
from hypothesis import given
from hypothesis import strategies as st

from intake.bundle import EVENTS, START, Contents, Entry, Sealed, link, write_bundle
from intake.desk.bundles.reading import open_bundle
from intake.tar import BundleError, add, end

HEX_IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
SHA256S = st.text("0123456789abcdef", min_size=64, max_size=64)
EVENT_LISTS = st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), HEX_IDS, SHA256S), min_size=1, max_size=8)


@pytest.fixture
def server() -> Server:
    return Server([DUTY.recipient()])


def names(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


@given(EVENT_LISTS)
def test_the_log_can_be_checked_with_nothing_but_sha256(events: list[tuple[str, str, str]]) -> None:
    entries: list[Entry] = []
    for event, record, sha256 in events:
        last = entries[-1] if entries else None
        entries.append(link(last, event=event, record=record, sha256=sha256, day="2026-11-21"))
    previous = START
    for sequence, entry in enumerate(entries, 1):
        assert json.loads(entry.line)["previous"] == previous
        assert json.loads(entry.line)["sequence"] == sequence
        assert Entry.parse(entry.line) == entry
        previous = hashlib.sha256(entry.line).hexdigest()
        assert entry.digest == previous


@given(st.binary(max_size=300))
def test_a_line_that_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(BundleError):
        Entry.parse(line)


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"sequence": True},
        {"event": "deleted"},
        {"event": ["received"]},
        {"record": "../../etc/passwd"},
        {"sha256": "0"},
        {"day": "21 November"},
        {"previous": None},
        {"more": 1},
    ],
)
def test_an_entry_has_exactly_its_fields(change: dict[str, object]) -> None:
    entry = link(None, event="received", record="a" * 32, sha256="b" * 64, day="2026-11-21")
    changed = {**json.loads(entry.line), **change}
    with pytest.raises(BundleError):
        Entry.parse(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())


def test_a_manifest_that_is_nested_as_deep_as_can_be_read_is_refused(tmp_path: Path) -> None:
    """Writing it again, for the signature, takes a little more room than reading it did."""
    path = tmp_path / "stick.tar"
    keys = (
        f'"server_key": "{base64.b64encode(bytes(32)).decode()}", "signature": "{base64.b64encode(bytes(64)).decode()}"'
    )
    for depth in range(800, 1000):
        with path.open("wb") as sink:
            add(sink, "manifest.json", f'{{"manifest": {{"a": {"[" * depth}{"]" * depth}}}, {keys}}}'.encode())
            end(sink)
        with pytest.raises(BundleError), open_bundle(path):
            pass


def test_a_bundle_is_a_plain_tar_with_no_times_and_a_signed_manifest(server: Server, tmp_path: Path) -> None:
    first, second = server.receive(), server.receive()
    path = tmp_path / "bundle.tar"
    assert server.export(path) == [path]
    edition = f"editions/{server.edition.sha256}"
    files = ["ar.po", "call.yaml", "fr.po", "notices/ar.txt", "notices/en.txt", "notices/fr.txt"]
    records = [f"records/{first}.age", f"records/{second}.age"]
    assert names(path) == ["manifest.json", "log.jsonl", *(f"{edition}/{name}" for name in files), *records]
    with tarfile.open(path) as tar:
        assert {(info.mtime, info.uid, info.gid, info.uname, info.gname) for info in tar} == {(0, 0, 0, "", "")}
        signed = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    manifest = signed["manifest"]
    # What docs/format.md says is signed, written out once more by hand.
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    server_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed["server_key"]))
    server_key.verify(base64.b64decode(signed["signature"]), b"intake/1 bundle\0" + text.encode())
    assert manifest["log"] == [entry.digest for entry in server.entries]
    assert (manifest["since"], manifest["until"], manifest["previous"]) == (0, 2, START)
    assert manifest["head"] == server.entries[-1].digest
    assert list(tmp_path.iterdir()) == [path]


def test_the_words_that_were_shown_can_be_checked_with_sha256sum(server: Server, tmp_path: Path) -> None:
    server.receive()
    server.export(tmp_path / "bundle.tar")
    subprocess.run(["tar", "xf", "bundle.tar"], cwd=tmp_path, check=True)
    (edition,) = (tmp_path / "editions").iterdir()
    command = "LC_ALL=C sha256sum ar.po call.yaml fr.po | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=edition, check=True, capture_output=True, text=True)
    assert done.stdout.split()[0] == edition.name


def test_the_same_export_is_the_same_bytes(server: Server, tmp_path: Path) -> None:
    server.receive()
    server.export(tmp_path / "one.tar")
    server.export(tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_volumes_stay_below_the_limit_and_are_bundles_of_their_own(server: Server, tmp_path: Path) -> None:
    records = [server.receive() for _ in range(10)]
    limit = 150_000
    paths = server.export(tmp_path / "bundle.tar", limit=limit)
    assert [path.name for path in paths] == ["bundle.tar", *(f"bundle-{n}.tar" for n in range(2, len(paths) + 1))]
    assert len(paths) > 2
    assert all(path.stat().st_size <= limit for path in paths)
    seen: list[str] = []
    until = 0
    for volume, path in enumerate(paths, 1):
        with open_bundle(path) as bundle:
            found = bundle.verify()
            manifest = bundle.manifest
        assert (manifest.since, manifest.volume, manifest.volumes) == (until, volume, len(paths))
        assert not found.troubles
        assert list(found.editions) == [server.edition.sha256]
        seen += found.records
        until = manifest.until
    assert seen == records
    assert until == 10


@given(limit=st.integers(60_000, 400_000))
def test_no_volume_is_larger_than_any_limit_asked_for(limit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server([DUTY.recipient()])
    for size in (10, 40_000, 3, 0, 35_000, 1):
        server.take_sealed("received", bytes(size))
    server.log("purged", "a" * 32, "b" * 64)
    for path in server.export(tmp_path_factory.mktemp("volumes") / "bundle.tar", limit=limit):
        assert path.stat().st_size <= limit


def test_a_record_larger_than_a_file_may_be_is_said_so(server: Server, tmp_path: Path) -> None:
    record = server.receive()
    with pytest.raises(BundleError, match=rf"{record} does not fit in a file of 30000 bytes"):
        server.export(tmp_path / "bundle.tar", limit=30_000)
    assert not list(tmp_path.iterdir())


def test_nothing_to_export_is_said_so(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nothing to export"):
        server.export(tmp_path / "bundle.tar")


def broken(contents: Contents, record: str, failure: Exception | None) -> Contents:
    def chunks() -> Iterator[bytes]:
        yield b"only the beginning"
        if failure:
            raise failure

    return replace(contents, records={**contents.records, record: Sealed("0" * 64, 1000, chunks)})


def test_a_store_that_gives_too_few_bytes_leaves_no_bundle(server: Server, tmp_path: Path) -> None:
    record = server.receive()
    contents = broken(server.contents(), record, None)
    with pytest.raises(BundleError, match="the store is damaged"):
        write_bundle(tmp_path / "bundle.tar", server.key, contents)
    assert not list(tmp_path.iterdir())


def test_a_failure_halfway_keeps_the_bundle_of_before(server: Server, tmp_path: Path) -> None:
    server.receive()
    (path,) = server.export(tmp_path / "bundle.tar")
    before = path.read_bytes()
    record = server.receive()
    contents = broken(server.contents(), record, OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        write_bundle(path, server.key, contents)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_records_are_streamed(server: Server, tmp_path: Path) -> None:
    """Each chunk is asked for only when the one before was written: never a record whole, never two at once."""
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            asked.append(number)
            yield bytes(1024 * 1024)

    size = 100 * 1024 * 1024
    whole = hashlib.sha256()
    for _ in range(100):
        whole.update(bytes(1024 * 1024))
    digest = whole.hexdigest()
    server.log("received", "a" * 32, digest)
    contents = replace(server.contents(), records={"a" * 32: Sealed(digest, size, chunks)})
    assert not asked
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew from here
    before = peak_memory()
    (path,) = write_bundle(tmp_path / "bundle.tar", server.key, contents)
    with open_bundle(path) as bundle:
        assert list(bundle.verify().records) == ["a" * 32]
    assert len(asked) == 100
    assert peak_memory() - before < 32 * 1024


def peak_memory() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def test_what_the_store_no_longer_has_is_in_the_log_only(server: Server, tmp_path: Path) -> None:
    purged, kept = server.receive(), server.receive()
    server.purge(purged)
    (path,) = server.export(tmp_path / "bundle.tar")
    with open_bundle(path) as bundle:
        found = bundle.verify()
    assert [entry.event for entry in found.entries.values()] == ["received", "received", "purged"]
    assert list(found.records) == [kept]
    assert not found.troubles


@pytest.mark.parametrize(
    "change",
    [
        {"format": "intake-bundle/2"},
        {"until": 7},
        {"since": -1},
        {"head": "0" * 64},
        {"previous": "1" * 64},
        {"log": []},
        {"records": {"../../etc/passwd": {"sha256": "0" * 64, "size": 1}}},
        {"records": {"a" * 32: {"sha256": "0" * 64, "size": -1}}},
        {"editions": {"a" * 64: {"../call.yaml": "0" * 64}}},
        {"recipients": [{"recipient": "x", "comment": "", "day": "2026-11-21"}]},
        {"volume": 2},
        {"extra": 1},
    ],
)
def test_a_signed_manifest_must_make_sense(server: Server, tmp_path: Path, change: dict[str, object]) -> None:
    server.receive()
    (path,) = server.export(tmp_path / "bundle.tar")

    def sign_again(members: dict[str, bytes]) -> None:
        signed = json.loads(members["manifest.json"])
        signed["manifest"] |= change
        text = json.dumps(signed["manifest"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        signature = server.key.sign(b"intake/1 bundle\0" + text.encode())
        members["manifest.json"] = json.dumps({**signed, "signature": base64.b64encode(signature).decode()}).encode()

    rewrite(path, sign_again)
    with pytest.raises(BundleError, match=r"malformed|not in the format"), open_bundle(path):
        pass
