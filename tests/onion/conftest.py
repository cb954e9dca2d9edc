"""A private Tor network, and the service as an onion in it. Both serve all tests of a process."""

import contextlib
import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ProxySettings
from service import CHROMIUM, ROOT, Instance, Server

sys.path.insert(0, str(ROOT / "tests" / "site"))

from doors import ACTIVATE, NGINX, Deployed, deployment

from onion.client import OnionClient
from onion.deployed import deployed
from onion.namespace import Namespace, namespace
from onion.network import SOCKS_PORTS, SOURCE, TOR, Network, StartError

SSH_GREETING = b"SSH-2.0-test\r\n"
_TRIES = 2


@pytest.fixture(scope="session")
def loopback() -> Iterator[Namespace]:
    """A network with nothing but a loopback interface."""
    with namespace() as found:
        yield found


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sockets, as /run/intake is where the service is deployed."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def ssh(run: Path) -> Iterator[None]:
    """What the private onion leads to, in place of a machine's SSH server: it greets, and hangs up."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / "ssh.sock"))
        listening.listen()
        threading.Thread(target=_greet, args=(listening,), daemon=True).start()
        yield
        listening.shutdown(socket.SHUT_RDWR)


def _greet(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):  # when it is shut down
        while True:
            with listening.accept()[0] as connection, contextlib.suppress(BrokenPipeError):
                connection.sendall(SSH_GREETING)


@pytest.fixture(scope="session")
def door(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The service as it is deployed, at the socket that the public onion leads to."""
    if not NGINX or not ACTIVATE:
        pytest.skip("nginx or systemd is missing. To install them: sudo apt-get install nginx-light systemd")
    with deployment(Instance.create(tmp_path_factory.mktemp("site")), run) as found:
        yield found


@pytest.fixture(scope="session")
def network(
    loopback: Namespace, run: Path, door: Deployed, ssh: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    """The Tor network. Its host runs the torrc of `deploy/`."""
    if not TOR:
        pytest.skip("Tor is missing. To install it: sudo apt-get install tor")
    for left in reversed(range(_TRIES)):
        folder = tmp_path_factory.mktemp("tor")
        more = folder / "operators.conf"
        places = {
            "/etc/tor/torrc.d/*.conf": str(more),
            "/var/lib/tor/": f"{folder}/host/",
            "/run/intake/": f"{run}/",
            "127.0.0.1:22": f"unix:{run}/ssh.sock",
        }
        more.write_text(deployed("tor/operators.conf", places))
        started = Network(folder, loopback, deployed("tor/torrc", places), "intake", "intake-operators")
        try:
            started.start()
            yield started
            return
        except StartError:
            if not left:
                raise
        finally:
            started.stop()


@pytest.fixture(scope="session")
def server(network: Network, door: Deployed) -> Server:
    """The service, for a client that knows its onion address."""
    client = OnionClient(network.socks(SOURCE), network.address(network.public))
    return Server(door.site, client, door.instance)


@pytest.fixture(scope="session")
def browser(chromium: Browser, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium inside the namespace, with Tor for everything but 127.0.0.1."""
    assert CHROMIUM
    script = tmp_path_factory.mktemp("browser") / "chromium"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(network.namespace.line(CHROMIUM))} "$@"\n')
    script.chmod(0o700)
    arguments = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
    proxy = ProxySettings(server=f"socks5://127.0.0.1:{SOCKS_PORTS[SOURCE]}", bypass="127.0.0.1")
    inside = chromium.browser_type.launch(executable_path=script, args=arguments, proxy=proxy)
    yield inside
    inside.close()
