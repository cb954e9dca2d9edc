"""The units, the profile and tor's files, as the programs that read them see them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from onion.deployed import find
from service import ROOT

DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = sorted(path for path in SYSTEMD.glob("intake*.*") if path.is_file())
MOST_EXPOSED = 2.0
ANALYZE, TOR, PARSER = find("systemd-analyze"), find("tor"), find("apparmor_parser")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a program, and give back what it printed."""
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_is_hardly_exposed(path: Path) -> None:
    """systemd counts what a service could do to the machine: at most 2.0 of 10."""
    if not ANALYZE:
        pytest.skip("needs systemd: apt-get install systemd")
    done = run(ANALYZE, "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", path)
    assert done.returncode == 0, done.stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level and float(level[1]) <= MOST_EXPOSED


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """No unknown setting, no value that it does not read. The program is not where the units look for it here."""
    if not ANALYZE:
        pytest.skip("needs systemd: apt-get install systemd")
    shutil.copytree(SYSTEMD, tmp_path / "units")
    for path in (tmp_path / "units").glob("*.service"):
        path.write_text(re.sub(r"^(Exec\w+=)/(?:opt|usr)/\S+", r"\1/bin/true", path.read_text(), flags=re.MULTILINE))
    units = (path for path in (tmp_path / "units").glob("intake*.*") if path.is_file())
    done = run(ANALYZE, "verify", "--man=no", "--recursive-errors=no", *sorted(units))
    ours = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line or "intake-" in line]
    assert ours == []
    assert done.returncode == 0


def test_nothing_that_is_in_memory_reaches_a_disk() -> None:
    """No swap and no core dump, for every service; each has its limits of memory and of tasks."""
    hardening = (SYSTEMD / "intake-.service.d/hardening.conf").read_text().splitlines()
    assert {"MemorySwapMax=0", "LimitCORE=0", "PrivateTmp=yes", "ProtectSystem=strict"} <= set(hardening)
    for path in SERVICES:
        assert path.name.startswith("intake-")  # or the drop-in would not hold for it
        names = {line.partition("=")[0] for line in path.read_text().splitlines()}
        assert {"MemoryMax", "TasksMax", "User"} <= names
        assert not names & {"MemorySwapMax", "LimitCORE", "PrivateNetwork", "CapabilityBoundingSet"}


def test_the_target_brings_up_everything_but_the_clearnet() -> None:
    """One command starts the service; whoever wants the second door opens it with another."""
    target = [line for line in (SYSTEMD / "intake.target").read_text().splitlines() if line.startswith("Wants=")]
    for path in UNITS:
        wanted = path.name not in ("intake.target", "intake-export.service") and "clearnet" not in path.name
        assert any(path.name in line for line in target) == wanted, path.name


def test_tor_takes_its_configuration(tmp_path: Path) -> None:
    """Both onions; and it does not take a folder that others can read."""
    if not TOR:
        pytest.skip("needs tor: apt-get install tor")
    (tmp_path / "torrc.d").mkdir()
    for name, place in (("torrc", "torrc"), ("operators.conf", "torrc.d/operators.conf")):
        text = (DEPLOY / "tor" / name).read_text()
        text = text.replace("/var/lib/tor/", f"{tmp_path}/").replace("/etc/tor/torrc.d", f"{tmp_path}/torrc.d")
        (tmp_path / place).write_text(text)
    verify = (TOR, "--verify-config", "-f", tmp_path / "torrc", "--DataDirectory", tmp_path / "data")
    done = run(*verify, "--defaults-torrc", tmp_path / "none", "--ignore-missing-torrc")
    assert done.returncode == 0, done.stdout
    assert "Configuration was valid" in done.stdout
    (tmp_path / "intake").mkdir(mode=0o755)
    assert run(*verify, "--defaults-torrc", tmp_path / "none").returncode != 0


def test_the_public_onion_is_as_it_must_be() -> None:
    """A socket and not a port, proof of work, no proxy, and no address in a log."""
    lines = (DEPLOY / "tor/torrc").read_text().splitlines()
    for line in ("HiddenServicePort 80 unix:/run/intake/onion.sock", "HiddenServicePoWDefensesEnabled 1"):
        assert line in lines
    assert {"SocksPort 0", "SafeLogging 1", "Log warn syslog", "HiddenServiceVersion 3"} <= set(lines)


@pytest.mark.parametrize("name", ["intake", "system_tor"])
def test_apparmor_takes_the_profile(name: str, tmp_path: Path) -> None:
    """The parser reads it, also where the kernel has no AppArmor to load it into."""
    if not PARSER:
        pytest.skip("needs apparmor: apt-get install apparmor")
    path = DEPLOY / "apparmor" / name
    if name == "system_tor":  # a part of Debian's profile of tor, which includes it
        path = tmp_path / "profile"
        path.write_text(f"profile tor {{\n{(DEPLOY / 'apparmor' / name).read_text()}}}\n")
    done = run(PARSER, "--skip-kernel-load", "--skip-cache", path)
    assert done.returncode == 0, done.stderr


def test_every_file_says_what_it_is_for() -> None:
    """Before its first setting."""
    for folder, pattern in ((DEPLOY, "*.conf"), (SYSTEMD, "intake*.*"), (DEPLOY, "nginx/*.conf"), (DEPLOY, "tor/*")):
        for path in folder.glob(pattern):
            assert path.is_dir() or path.read_text().startswith("# "), path
