"""`intake check --deploy` on a machine that is set up well, and on the same with one thing wrong: it names that one."""

import shutil
import subprocess
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest
from service import ROOT, Instance

from intake.operator.deployment import reasons
from intake.operator.machine import Machine, Owned
from intake.settings import load_settings

ONION = "a" * 56 + ".onion"
CLIENT = "descriptor:x25519:" + "A" * 52
UNIT = "ActiveState=active\nMemorySwapMax=0\nLimitCORE=0\nNoNewPrivileges=yes\nProtectSystem=strict\nPrivateTmp=yes\n"
UNIT += "PrivateDevices=yes\nResult=success\nExecStart=nginx -c /opt/intake/deploy/nginx/{}.conf\n"


class Pretended(Machine):
    """A machine in a folder, whose commands print what a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.units = {"nginx.service": "ActiveState=inactive\n", "intake-clearnet.socket": "ActiveState=inactive\n"}
        self.commands = {
            "id": "0",
            "systemctl is-enabled": "enabled",
            "timedatectl": "yes",
            "tor": "Configuration was valid",
        }
        self.codes: dict[str, int] = {}
        self.owners = {
            "/var/lib/intake": Owned("intake", "intake", 0o700),
            "/run/intake/site.sock": Owned("root", "intake-web", 0o660),
            "/run/intake/evidence.sock": Owned("root", "intake-web", 0o660),
            "/run/intake/onion.sock": Owned("root", "debian-tor", 0o660),
            "/var/lib/tor/intake": Owned("debian-tor", "debian-tor", 0o2700),
            "/var/lib/tor/intake-operators": Owned("debian-tor", "debian-tor", 0o700),
        }
        self.owners["/var/lib/tor/intake"] = Owned("debian-tor", "debian-tor", 0o700)
        self.answers: dict[str, int | OSError] = {}
        self.sent = {"Server": "nginx", "Content-Security-Policy": "x", "X-Frame-Options": "DENY"}
        self.loose = ""
        self.plain, self.onion_location = 301, f"http://{ONION}/en/"

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def owned(self, name: str) -> Owned | None:
        return self.owners.get(name)

    def is_loose(self, path: Path) -> bool:
        return path.name == self.loose

    def command(self, *arguments: str) -> tuple[int, str]:
        if arguments[:2] == ("systemctl", "show"):
            return 0, self.units.get(arguments[-1], UNIT.format("clearnet" if "clearnet" in arguments[-1] else "onion"))
        name = " ".join(arguments[:2]) if arguments[0] == "systemctl" else arguments[0]
        return self.codes.get(name, 0), self.commands[name]

    def answer(self, socket_name: str, path: str, method: str = "GET") -> tuple[int, Message]:
        given = self.answers.get(socket_name, 200)
        if isinstance(given, OSError):
            raise given
        message = Message()
        for name, value in self.sent.items():
            message[name] = value
        return given, message

    def clearnet_answer(self, path: str, *, secret: bool) -> tuple[int, Message]:
        message = Message()
        message["Onion-Location"] = self.onion_location
        return (200 if secret else self.plain), message

    def write(self, name: str, text: str) -> None:
        """Put a file there."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file there."""
        assert old in self.text(name)
        self.write(name, self.text(name).replace(old, new))


@pytest.fixture
def machine(tmp_path: Path) -> Pretended:
    """A machine as `install.sh` leaves it, with an operators' onion."""
    found = Pretended(tmp_path)
    shutil.copytree(ROOT / "deploy/nginx", found.path("/opt/intake/deploy/nginx"))
    found.write("/etc/tor/torrc", (ROOT / "deploy/tor/torrc").read_text())
    found.write("/etc/tor/torrc.d/operators.conf", (ROOT / "deploy/tor/operators.conf").read_text())
    for onion in ("intake", "intake-operators"):
        found.write(f"/var/lib/tor/{onion}/hostname", ONION)
    found.write("/var/lib/tor/intake-operators/authorized_clients/ann.auth", CLIENT)
    found.write("/proc/swaps", "Filename Type Size Used Priority\n")
    found.write("/proc/sys/kernel/core_pattern", "core\n")
    found.write("/etc/intake/keys/duty.pub", "")
    return found


def found(machine: Pretended) -> list[str]:
    """Return what `check --deploy` says of a machine."""
    return list(
        reasons(load_settings({"INTAKE_INSTANCE": "/var/lib/intake", "INTAKE_KEYS": "/etc/intake/keys"}), machine)
    )


def test_a_machine_that_was_set_up_well_lacks_nothing(machine: Pretended) -> None:
    """Also with AppArmor, and with memory that is swapped to memory."""
    assert found(machine) == []
    machine.write("/sys/module/apparmor/parameters/enabled", "Y\n")
    machine.write("/sys/kernel/security/apparmor/profiles", "intake (enforce)\nsystem_tor (enforce)\n")
    machine.write("/proc/swaps", "Filename\n/dev/zram0 partition 1 0 1\n")
    machine.units["intake-export.timer"] = "ActiveState=inactive\nLoadState=masked"  # another host exports
    assert found(machine) == []


def _without(name: str) -> Callable[[Pretended], None]:
    return lambda machine: machine.path(name).unlink()


AUTH = "/var/lib/tor/intake-operators/authorized_clients"
TORRC, NGINX = "/etc/tor/torrc", "/opt/intake/deploy/nginx"
SERVER = f"{NGINX}/server.conf"
BROKEN: dict[str, tuple[Callable[[Pretended], object], str]] = {
    "not root": (lambda m: m.commands.update(id="1000"), "as root"),
    "not at boot": (lambda m: m.commands.update({"systemctl is-enabled": "disabled"}), "does not start at boot"),
    "stopped": (
        lambda m: m.units.update({"intake-evidence.service": UNIT.replace("=active", "=failed")}),
        "is not running",
    ),
    "may swap": (
        lambda m: m.units.update({"intake-site.service": UNIT.replace("Max=0", "Max=infinity")}),
        "lacks MemorySwapMax=0",
    ),
    "may dump": (
        lambda m: m.units.update({"intake-export.service": UNIT.replace("CORE=0", "CORE=1")}),
        "lacks LimitCORE=0",
    ),
    "no timer": (
        lambda m: m.units.update({"intake-export.timer": "ActiveState=inactive"}),
        "intake-export.timer is not running",
    ),
    "failed export": (
        lambda m: m.units.update({"intake-export.service": UNIT.replace("success", "exit-code")}),
        "last export",
    ),
    "Debian's nginx": (lambda m: m.units.update({"nginx.service": "ActiveState=active"}), "disable --now nginx"),
    "another nginx": (
        lambda m: m.units.update({"intake-onion.service": UNIT.replace("/opt/", "/srv/")}),
        "does not start nginx with",
    ),
    "swap": (lambda m: m.write("/proc/swaps", "Filename\n/dev/sda2 partition 1 0 -2\n"), "swapoff"),
    "core dumps": (lambda m: m.write("/proc/sys/kernel/core_pattern", "|/usr/lib/crash %p"), "/usr/lib/crash"),
    "open instance": (
        lambda m: m.owners.update({"/var/lib/intake": Owned("intake", "intake", 0o755)}),
        "user intake alone",
    ),
    "keys not root's": (lambda m: setattr(m, "loose", "duty.pub"), "can be changed without root"),
    "program not root's": (lambda m: setattr(m, "loose", "server.conf"), "can be changed without root"),
    "no profile": (lambda m: m.write("/sys/module/apparmor/parameters/enabled", "Y\n"), "AppArmor profile intake"),
    "no clock": (lambda m: m.commands.update(timedatectl="no"), "systemd-timesyncd"),
    "no socket": (lambda m: m.owners.pop("/run/intake/site.sock"), "intake-site.socket"),
    "open socket": (
        lambda m: m.owners.update({"/run/intake/onion.sock": Owned("root", "debian-tor", 0o666)}),
        "mode 660",
    ),
    "no answer": (
        lambda m: m.answers.update({"/run/intake/evidence.sock": ConnectionRefusedError(111, "refused")}),
        "does not answer",
    ),
    "not ready": (lambda m: m.answers.update({"/run/intake/site.sock": 503}), "answers 503"),
    "version": (lambda m: m.sent.update(Server="nginx/1.22.1"), "version"),
    "cookie": (lambda m: m.sent.update({"Set-Cookie": "a=b"}), "Set-Cookie"),
    "nginx answers": (lambda m: m.sent.pop("Content-Security-Policy"), "Content-Security-Policy"),
    "spools": (lambda m: m.replace(SERVER, "proxy_max_temp_file_size 0;", ""), "lacks `proxy_max_temp_file_size 0;`"),
    "buffers files": (lambda m: m.replace(SERVER, "proxy_request_buffering off;", ""), "proxy_request_buffering"),
    "logs": (lambda m: m.replace(SERVER, "merge_slashes off;", "access_log /var/log/a.log;"), "take out `access_log"),
    "commented out": (lambda m: m.replace(SERVER, "proxy_max_temp", "#proxy_max_temp"), "proxy_max_temp_file_size"),
    "tor refuses": (
        lambda m: (m.codes.update(tor=1), m.commands.update(tor="Nov 1 [warn] Unknown option 'X'.")),
        "Unknown option",
    ),
    "proxy": (lambda m: m.replace(TORRC, "SocksPort 0", "SocksPort 9050"), "SocksPort 0"),
    "addresses in the log": (lambda m: m.replace(TORRC, "SafeLogging 1", "SafeLogging 0"), "safelogging"),
    "no proof of work": (lambda m: m.replace(TORRC, "PoWDefensesEnabled 1", "PoWDefensesEnabled 0"), "PoWDefenses"),
    "no onion": (lambda m: m.replace(TORRC, "unix:/run/intake/onion.sock", "127.0.0.1:8000"), "no onion that leads"),
    "no address": (_without("/var/lib/tor/intake/hostname"), "has no address yet"),
    "open onion folder": (
        lambda m: m.owners.update({"/var/lib/tor/intake": Owned("debian-tor", "debian-tor", 0o750)}),
        "chmod 700",
    ),
    "operators' onion without clients": (_without(f"{AUTH}/ann.auth"), "open to EVERYONE"),
    "a private key for a client": (
        lambda m: m.write(f"{AUTH}/ann.auth", CLIENT.replace("descriptor", ONION)),
        "open to EVERYONE",
    ),
    "a client cut short": (lambda m: m.write(f"{AUTH}/ann.auth", CLIENT[:-1]), "open to EVERYONE"),
    "a client with another ending": (lambda m: m.write(f"{AUTH}/bob.txt", CLIENT), "bob.txt admits nobody"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_thing_that_is_wrong_is_named(machine: Pretended, name: str) -> None:
    """In one line, that says what to do."""
    breaking, words = BROKEN[name]
    breaking(machine)
    lines = found(machine)
    assert any(words in line for line in lines), lines
    assert all("\n" not in line for line in lines)


def _certificate(machine: Pretended, days: int) -> None:
    folder = machine.path("/etc/intake/tls")
    folder.mkdir(exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"]
    command += ["/CN=x", "-days", str(days), "-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)


CLEARNET: dict[str, tuple[Callable[[Pretended], object], str]] = {
    "certificate ends": (lambda m: _certificate(m, 5), "ends in"),
    "no certificate": (_without("/etc/intake/tls/fullchain.pem"), "is no certificate"),
    "key for all": (
        lambda m: m.owners.update({"/etc/intake/tls/privkey.pem": Owned("root", "root", 0o644)}),
        "can be read by all",
    ),
    "plain pages": (lambda m: setattr(m, "plain", 200), "without TLS"),
    "another onion": (lambda m: setattr(m, "onion_location", "http://other.onion/en/"), "other.onion"),
    "logs there": (lambda m: m.replace(f"{NGINX}/clearnet.conf", "ssl_session_cache   off;", "error_log x;"), "logs"),
}


@pytest.mark.parametrize("name", ["", *CLEARNET])
def test_the_clearnet_door_is_looked_at_where_it_is_open(machine: Pretended, name: str) -> None:
    """Its certificate, the way to TLS, and the way to the onion."""
    machine.units["intake-clearnet.socket"] = UNIT
    _certificate(machine, 60)
    assert found(machine) == []
    if name:
        breaking, words = CLEARNET[name]
        breaking(machine)
        assert any(words in line for line in found(machine)), found(machine)


def test_the_commands_of_a_real_machine(tmp_path: Path) -> None:
    """What is not there is no failure of the check itself; files are told by name."""
    machine = Machine()
    assert machine.command("a-command-that-is-nowhere") == (127, "")
    assert machine.command("id", "-u")[0] == 0
    assert machine.text(str(tmp_path / "none")) == ""
    assert machine.owned(str(tmp_path / "none")) is None
    (tmp_path / "file").touch(mode=0o640)
    owned = machine.owned(str(tmp_path / "file"))
    assert owned and owned.mode == 0o640
    (tmp_path / "file").chmod(0o666)
    assert machine.is_loose(tmp_path / "file")


def test_an_operator_reads_every_reason_and_the_exit_code_is_1(instance: Instance) -> None:
    """On this machine, which was not set up by `install.sh`."""
    done = instance.intake("check", "--deploy")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert all(": run `" in line or ":" in line for line in done.stderr.splitlines())
    assert len(done.stderr.splitlines()) >= 1
