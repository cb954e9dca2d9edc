"""What comes from others: all of it is pinned by digests, its licence is free, and what is known of it is told."""

import json
import sys
from pathlib import Path

import advisories
import licences
import locks
import parts
import pytest
import server_parts
from cyclonedx.model.bom import Bom

SITE_PACKAGES = [Path(path) for path in sys.path if path.endswith("site-packages")]


@pytest.mark.parametrize("lock", locks.PYTHON, ids=lambda lock: lock.name)
def test_python_is_pinned_by_digests(lock: Path) -> None:
    """pip refuses what the lock file has no digest for, and each lock file has what its `.in` asks for."""
    pinned = list(locks.python(lock))
    assert pinned
    assert [package for package in pinned if not package.hashed] == []
    wanted = [line for line in lock.with_suffix(".in").read_text().splitlines() if line and line[0] not in "#-"]
    assert {locks.name_of(line) for line in wanted} <= {package.name for package in pinned}


@pytest.mark.parametrize("lock", locks.NPM, ids=lambda lock: lock.parent.name)
def test_npm_is_pinned_by_digests(lock: Path) -> None:
    """The same for npm; nobody's server is named."""
    pinned = list(locks.npm(lock))
    assert pinned
    assert [package for package in pinned if not package.hashed] == []
    assert "resolved" not in lock.read_text()


def test_a_package_without_a_digest_is_noticed(tmp_path: Path) -> None:
    """The tests above can fail."""
    lock = tmp_path / "some.lock"
    digest = "a" * 64
    lock.write_text(
        f"one==1 \\\n    --hash=sha256:{digest}\n    # via x\ntwo==2\nthree>=3 \\\n    --hash=sha256:{digest}\n"
    )
    assert [package.hashed for package in locks.python(lock)] == [True, False, False]


def test_every_licence_is_known_and_free() -> None:
    """Of what runs, of what is built in, and of what the tests use here."""
    shipped = set(licences.shipped())
    pinned = shipped | {package for lock in locks.NPM for package in locks.npm(lock)}
    pinned |= set(locks.python(locks.ROOT / "requirements" / "dev.lock"))
    found = licences.listed(pinned, SITE_PACKAGES)
    assert len(found) > 80
    assert [
        (package.name, licence)
        for package, licence in found.items()
        if not licences.is_free(licence, shipped=package in shipped)
    ] == []


@pytest.mark.parametrize(
    ("licence", "shipped", "free"),
    [
        ("MIT", True, True),
        ("MIT AND PSF-2.0", True, True),
        ("GPL-3.0-or-later", False, True),
        ("GPL-3.0-or-later", True, False),
        ("GPL-3.0-or-later OR MIT", True, True),
        ("MIT AND GPL-3.0-or-later", True, False),
        ("Proprietary", False, False),
        ("", False, False),
    ],
)
def test_what_is_not_known_to_be_free_is_not_free(licence: str, shipped: bool, free: bool) -> None:
    """Code under the GPL is for tools only; what nobody has looked at is for nothing."""
    assert licences.is_free(licence, shipped=shipped) is free


def test_the_list_of_parts_names_what_is_in_the_scripts() -> None:
    """A reader of CycloneDX reads it, and each npm package in it is one that the lock file pins."""
    if not (locks.ROOT / "intake/site/browser/node_modules").exists():
        pytest.skip("What the scripts are built from is missing. To fetch it: make scripts")
    bundled = list(server_parts.bundled())
    listed = parts.listed(locks.ROOT / "setup.cfg", "intake", "0" * 64, [], bundled)
    bom = Bom.from_json(json.loads(listed))  # type: ignore[attr-defined]
    found = {(part.name, part.version) for part in bom.components}
    assert {"age-encryption", "@noble/curves"} <= {name for name, _ in found}
    assert found <= {(package.name, package.version) for package in locks.npm(locks.NPM[0])}


def test_a_vulnerability_is_told() -> None:
    """From what the two tools say when a registry answers."""
    lock = locks.SERVER
    found = {"dependencies": [{"name": "one", "version": "1", "vulns": [{"id": "PYSEC-1"}]}]}
    told = advisories.python(lock, json.dumps(found))
    assert (told.checked, told.unchecked, told.vulnerable) == (1, 0, ["one 1: PYSEC-1"])
    told = advisories.npm(locks.NPM[0], json.dumps({"vulnerabilities": {"two": {"severity": "high"}}}))
    assert told.vulnerable == ["two: high"]
    assert not told.unchecked
    assert "1 vulnerable" in str(told)


@pytest.mark.parametrize("answer", ["", "Traceback", "[]", '{"error": {}}', '{"dependencies": 1}'])
def test_no_answer_is_no_clean_bill(answer: str) -> None:
    """What was not checked is not called checked."""
    for told in (advisories.python(locks.SERVER, answer), advisories.npm(locks.NPM[0], answer)):
        assert not told.checked
        assert told.unchecked > 5
        assert "NOT CHECKED" in str(told)


def test_what_the_service_skips_is_not_checked() -> None:
    """pip-audit skips what its service does not know."""
    answer = {
        "dependencies": [{"name": "one", "skip_reason": "not found"}, {"name": "two", "version": "2", "vulns": []}]
    }
    told = advisories.python(locks.SERVER, json.dumps(answer))
    assert (told.checked, told.unchecked, told.vulnerable) == (1, 1, [])
