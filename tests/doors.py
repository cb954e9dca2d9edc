"""The service as it is deployed: sockets that are opened before it, two groups of processes, and nginx at two doors."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from onion.client import SocketClient
from onion.deployed import deployed, find
from person import wait_until
from service import ROOT, Client, Instance

ACTIVATE = find("systemd-socket-activate")
NGINX = find("nginx")
ONION = "intake" * 9 + "ab.onion"
_FILES = ("onion.conf", "clearnet.conf", "common.conf", "http.conf", "server.conf")


class SecretClient(Client):
    """Sends requests through TLS, to a certificate that nobody signed."""

    @property
    def origin(self) -> str:
        """What a browser calls the site."""
        return f"https://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        unverified = ssl._create_unverified_context()  # noqa: S323 - nobody signed it
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=unverified)


@dataclass
class Deployed:
    """Two doors, and the processes behind them."""

    instance: Instance
    folder: Path
    onion: SocketClient
    clearnet: Client
    secret: Client
    site: subprocess.Popen[bytes]
    evidence: subprocess.Popen[bytes]
    nginx: Sequence[subprocess.Popen[bytes]]

    @property
    def log(self) -> str:
        """All that was written to standard output and error, which the journal would keep."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def open_files(self) -> set[str]:
        """The files on a disk that nginx has open, but for our logs: also those that have no name any more."""
        found = set()
        for process in self.nginx:
            for number in [process.pid, *_children(process.pid)]:
                for descriptor in Path(f"/proc/{number}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        found.add(str(descriptor.readlink()))
        return {name for name in found if name.startswith("/") and not name.startswith("/dev/") and ".log" not in name}

    def spooled(self) -> list[Path]:
        """What lies in the folders that nginx would spool to."""
        return [path for path in self.folder.glob("nginx-*/*/**/*") if path.is_file()]

    @contextlib.contextmanager
    def frozen(self, master: subprocess.Popen[bytes]) -> Iterator[None]:
        """Hold a group of processes still, as if it had more to do than it can."""
        numbers = [master.pid, *_children(master.pid)]
        for number in numbers:
            os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            for number in numbers:
                os.kill(number, signal.SIGCONT)


@contextlib.contextmanager
def deployment(instance: Instance, folder: Path) -> Iterator[Deployed]:
    """Serve an instance at both doors. The folder's path is short enough for a unix socket."""
    ports = _free_ports(2)
    configure(folder, ports)
    with contextlib.ExitStack() as running:
        gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:app"]
        site, evidence = (
            running.enter_context(started(folder, name, [str(folder / f"{name}.sock")], gunicorn, instance.environment))
            for name in ("site", "evidence")
        )
        onion = running.enter_context(started(folder, "onion", [str(folder / "onion.sock")], nginx(folder, "onion")))
        ports_listened = [f"127.0.0.1:{port}" for port in ports]
        clearnet = running.enter_context(started(folder, "clearnet", ports_listened, nginx(folder, "clearnet")))
        found = Deployed(
            instance,
            folder,
            SocketClient(folder / "onion.sock", ONION),
            Client(ports[0]),
            SecretClient(ports[1]),
            site,
            evidence,
            [onion, clearnet],
        )
        wait_until(
            lambda: (
                _healthy(found.onion) and _healthy(found.secret) and _healthy(SocketClient(folder / "evidence.sock"))
            )
        )
        yield found


def configure(folder: Path, ports: Sequence[int]) -> None:
    """Write nginx's configuration as it is shipped, but for where things are."""
    places = {
        "/run/intake/": f"{folder}/",
        "/run/intake-onion/": f"{folder}/nginx-onion/",
        "/run/intake-clearnet/": f"{folder}/nginx-clearnet/",
        "/etc/intake/": f"{folder}/etc/",
        "/var/lib/intake-acme": f"{folder}/acme",
        "/opt/intake/dist": f"{folder}/dist",
        "[::]:80 ipv6only=off": f"127.0.0.1:{ports[0]}",
        "[::]:443 ssl ipv6only=off": f"127.0.0.1:{ports[1]} ssl",
    }
    for name in ("nginx-onion", "nginx-clearnet", "dist", "etc/tls", "acme"):
        (folder / name).mkdir(parents=True)
    for name in _FILES:
        (folder / name).write_text(deployed(f"nginx/{name}", places))
    (folder / "etc/onion.conf").write_text(f"set $onion http://{ONION};\n")
    (folder / "dist/error.html").write_bytes(_error_page())
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    certificate += ["-subj", "/CN=127.0.0.1", "-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run(certificate, cwd=folder / "etc/tls", capture_output=True, check=True)


@cache
def _error_page() -> bytes:
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.check_output([sys.executable, ROOT / "deploy/nginx/error_page.py"], cwd=ROOT, env=given)


def nginx(folder: Path, door: str) -> list[str]:
    """Return the command that starts nginx at a door, which may run as root here."""
    also = ["-g", "user root;"] if os.geteuid() == 0 else []
    return [NGINX, "-c", str(folder / f"{door}.conf"), *also]


@contextlib.contextmanager
def started(
    folder: Path, name: str, listening: Sequence[str], command: Sequence[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start what systemd would start with these sockets open: it runs when the first connection comes."""
    given = {**(environment or os.environ), "NGINX": "".join(f"{3 + number};" for number in range(len(listening)))}
    line = [
        ACTIVATE,
        *(f"--listen={address}" for address in listening),
        *(f"--setenv={key}" for key in given),
        *command,
    ]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(line, cwd=ROOT, env=given, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _children(number: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{number}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _healthy(client: Client) -> bool:
    with contextlib.suppress(OSError):
        return client.get("/healthz").status == 200
    return False


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
