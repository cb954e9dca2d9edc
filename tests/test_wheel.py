"""The server as a wheel: built twice the same, without the desk, and it runs where the checkout is not."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from service import ROOT, Instance

PARTS = ("LICENSE", "setup.cfg", "deploy/wheel", "intake", "templates", "translations")
LANGUAGES = ("en", *sorted(path.parent.name for path in (ROOT / "translations").glob("*/LC_MESSAGES")))
NAME = "intake-0.1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build(ROOT, out, dict(os.environ))
    return out / NAME


def build(checkout: Path, out: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, str(checkout / "deploy" / "wheel" / "build.py"), str(out)]
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd="/")


def test_built_elsewhere_it_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """Neither the clock, nor the folder, nor the rights of the files, nor who builds can be seen in it."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for part in PARTS:
        source, target = ROOT / part, tmp_path / "else where" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copyfile(source, target)
    for number, path in enumerate(sorted((tmp_path / "else where").rglob("*"), reverse=True)):
        path.chmod(0o700)
        os.utime(path, (number * 86_400, number * 86_400))
    before = os.umask(0o077)
    try:
        environment = {"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1700000000"}
        build(tmp_path / "else where", tmp_path / "out", environment)
    finally:
        os.umask(before)
    assert (tmp_path / "out" / NAME).read_bytes() == wheel.read_bytes()
    sums = ["sha256sum", "--check", f"{NAME}.sha256"]
    assert subprocess.run(sums, cwd=tmp_path / "out", capture_output=True).returncode == 0


def test_it_holds_the_server_and_nothing_that_reads(wheel: Path) -> None:
    """No desk, no sources of the scripts, no tests."""
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}, "it depends on a zlib"
        commands = packed.read("intake-0.1.0.dist-info/entry_points.txt").decode()
    assert {name.split("/")[0] for name in names} == {"intake", "intake-0.1.0.dist-info"}
    assert not [name for name in names if "/desk/" in name or "/browser/" in name or name.endswith(".pyc")]
    assert {f"intake/{path.relative_to(ROOT / 'intake').as_posix()}" for path in code()} <= set(names)
    assert commands.split() == ["[console_scripts]", "intake", "=", "intake.operator.commands:main"]


def code() -> list[Path]:
    """Every module of the server."""
    left_out = {"desk", "browser", "__pycache__"}
    return [path for path in (ROOT / "intake").rglob("*.py") if not left_out & set(path.parts)]


def test_it_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """It sets up an instance, finds it good, and serves every language and the scripts."""
    installed = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    (tmp_path / "instance").mkdir()
    instance = Instance.create(tmp_path / "instance")
    here = {"PYTHONPATH": str(installed)}
    where = [sys.executable, "-c", "import intake.site.catalogue as found; print(found.TRANSLATIONS)"]
    said = subprocess.run(where, check=True, capture_output=True, text=True, env={**os.environ, **here}, cwd=tmp_path)
    assert Path(said.stdout.strip()) == installed / "intake" / "translations"
    for command in ("init", "check"):
        done = instance.intake(command, **here)
        assert done.returncode == 0, done.stderr
    with instance.serve(**here) as server:
        for language in LANGUAGES:
            page = server.client.get(f"/{language}/testimonials")
            assert page.status == 200
            assert f'lang="{language}"' in page.text
        assert 'integrity="sha384-' in page.text
        assert server.client.send().return_code
