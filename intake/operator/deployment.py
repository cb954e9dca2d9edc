"""`intake check --deploy`: what a machine that was set up by `deploy/install.sh` lacks, one line for each thing."""

import os
from collections.abc import Iterator
from pathlib import Path

from intake.operator import doors
from intake.operator.machine import Machine
from intake.settings import Settings

_PROGRAM = Path("/opt/intake")
_INSTALL = "run deploy/install.sh"
_SERVICES = ("intake-site.service", "intake-evidence.service", "intake-onion.service")
_SOCKETS = ("intake-site.socket", "intake-evidence.socket", "intake-onion.socket")
_CLEARNET = ("intake-clearnet.socket", "intake-clearnet.service")
_HARDENED = {
    "MemorySwapMax": "0",
    "LimitCORE": "0",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
}


def reasons(settings: Settings, machine: Machine | None = None) -> Iterator[str]:
    """Yield each thing that this machine lacks. Only root can see them all."""
    machine = machine or Machine()
    if machine.command("id", "-u")[1].strip() != "0":
        yield "only root can see what tor, nginx and systemd do: run `intake check --deploy` as root"
        return
    clearnet = machine.unit(_CLEARNET[0], "ActiveState").get("ActiveState") == "active"
    yield from _units(machine, clearnet)
    yield from _memory(machine)
    yield from _folders(settings, machine)
    yield from _apparmor(machine)
    yield from _clock(machine)
    yield from doors.sockets(machine)
    yield from doors.answers(machine)
    yield from doors.nginx(machine, clearnet)
    yield from doors.tor(machine)
    if clearnet:
        yield from doors.certificate(machine)


def become_owner(folder: Path) -> None:
    """If this process is root, go on as whoever owns this folder: what follows is not root's to do."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def _units(machine: Machine, clearnet: bool) -> Iterator[str]:
    if machine.command("systemctl", "is-enabled", "intake.target")[1].strip() != "enabled":
        yield "the service does not start at boot: run `systemctl enable --now intake.target`"
    active = (*_SOCKETS, *_SERVICES, "intake-export.timer", "tor@default.service", *(_CLEARNET if clearnet else ()))
    for unit in active:
        state = machine.unit(unit, "ActiveState", "LoadState")
        if state.get("ActiveState") != "active" and state.get("LoadState") != "masked":  # masked: left to another host
            yield f"{unit} is not running: see `systemctl status {unit}`"
    for unit in (*_SERVICES, "intake-export.service", *(_CLEARNET[1:] if clearnet else ())):
        found = machine.unit(unit, *_HARDENED)
        for name, value in _HARDENED.items():
            if found.get(name) != value:
                yield f"{unit} lacks {name}={value}: {_INSTALL}, and see `systemctl cat {unit}` for what takes it away"
    if machine.unit("intake-export.service", "Result").get("Result", "success") != "success":
        yield "the last export of the night failed: see `journalctl -u intake-export`"
    if machine.unit("nginx.service", "ActiveState").get("ActiveState") == "active":
        yield "Debian's own nginx runs, and keeps logs: run `systemctl disable --now nginx`"


def _memory(machine: Machine) -> Iterator[str]:
    for line in machine.text("/proc/swaps").splitlines()[1:]:
        if not line.startswith("/dev/zram"):
            yield f"swap is on ({line.split()[0]}): run `swapoff -a`, and take it out of /etc/fstab"
    pattern = machine.text("/proc/sys/kernel/core_pattern").strip()
    if pattern.startswith("|") and pattern != "|/bin/false":
        yield f"crashes hand memory to {pattern.split()[0][1:]}: remove the package that it belongs to"


def _folders(settings: Settings, machine: Machine) -> Iterator[str]:
    instance = machine.owned(str(settings.instance))
    if instance is None or instance.user != "intake" or instance.mode & 0o077:
        yield f"{settings.instance} must be for the user intake alone: run `systemd-tmpfiles --create intake.conf`"
    if (settings.instance / "demo").exists():
        yield f"{settings.instance} is a demonstration: set up another one"
    for folder in (settings.keys, _PROGRAM):
        place = machine.path(str(folder))
        loose = next((path for path in (place, *place.rglob("*")) if machine.is_loose(path)), None)
        if loose:
            yield f"{loose} can be changed without root: run `chown -R root: {folder}` and `chmod -R go-w {folder}`"


def _apparmor(machine: Machine) -> Iterator[str]:
    if machine.text("/sys/module/apparmor/parameters/enabled").strip() != "Y":
        return
    loaded = machine.text("/sys/kernel/security/apparmor/profiles")
    for profile in ("intake", "system_tor"):
        if f"{profile} (enforce)" not in loaded:
            yield f"the AppArmor profile {profile} is not in force: {_INSTALL}"


def _clock(machine: Machine) -> Iterator[str]:
    if machine.command("timedatectl", "show", "--property", "NTPSynchronized", "--value")[1].strip() != "yes":
        yield "the clock is not set from the network: run `apt-get install systemd-timesyncd`, and wait a minute"
