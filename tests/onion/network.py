"""A private Tor network: authorities, relays, the host of the onions, and two clients. All of them are Debian's tor."""

import base64
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from onion.client import connect, connect_through
from onion.deployed import find
from onion.namespace import Namespace

TOR = find("tor")
_SECONDS = 120
_AUTHORITIES = ("authority0", "authority1", "authority2")
_RELAYS = (*_AUTHORITIES, "relay0", "relay1", "relay2", "relay3")
_PORTS = {name: 5000 + 10 * number for number, name in enumerate(_RELAYS)}
_FLAGS = {"Fast", "Guard", "HSDir", "Running", "Stable", "Valid"}
HOST, SOURCE, OPERATOR = "host", "source", "operator"
"""Who has the onions, who has no key for the operators' onion, and who has one."""
SOCKS_PORTS = {SOURCE: 9150, OPERATOR: 9151}
"""The clients' ports inside the namespace, for browsers."""

_EVERYONE = """
TestingTorNetwork 1
DataDirectory {folder}
Nickname {name}
Log notice file {folder}/log
ControlPort unix:{folder}/control
CookieAuthentication 1
__OwningControllerProcess {tests}
Schedulers Vanilla
Address 127.0.0.1
OutboundBindAddress 127.0.0.1
EnforceDistinctSubnets 0
UseDefaultFallbackDirs 0
V3AuthNIntervalsValid 2
"""
_RELAY = """
ORPort 127.0.0.1:{onion_routing}
DirPort 127.0.0.1:{directory}
SocksPort 0
AssumeReachable 1
ExitPolicy reject *:*
ServerDNSDetectHijacking 0
ServerDNSAllowBrokenConfig 1
ServerDNSResolvConfFile /dev/null
ContactInfo tests@example.invalid
"""
# Equal bandwidths and all flags from the first vote on: otherwise so few relays are of use that paths double back.
_AUTHORITY = """
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingV3AuthInitialVotingInterval 10
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 30
V3AuthVoteDelay 6
V3AuthDistDelay 6
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
AuthDirVoteStableGuaranteeMinUptime 0
AuthDirVoteStableGuaranteeMTBF 0
AuthDirFastGuarantee 0
AuthDirGuardBWGuarantee 0
V3BandwidthsFile {bandwidths}
"""
_CLIENT = """
SocksPort unix:{folder}/socks ExtendedErrors
SocksPort 127.0.0.1:{port}
ClientOnly 1
ClientOnionAuthDir {folder}/keys-of-onions
"""


class StartError(Exception):
    """The network did not come up."""


@dataclass
class Network:
    """The network in a folder. `torrc` is for the host: its onions have their folders in the folder of the host.

    Whoever runs this must be able to connect to what the onions lead to before `start`.
    """

    folder: Path
    namespace: Namespace
    torrc: str
    public: str
    """The folder of the onion for everyone."""
    private: str
    """The folder of the onion that needs a key."""
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _end: float = 0

    def start(self) -> None:
        """Start everything and wait until both onions answer. Raises StartError."""
        self._end = time.monotonic() + _SECONDS
        for _, folder in self._folders():
            folder.mkdir(mode=0o700)
        self._configure()
        key = self._make_client_key()
        for name in (*_AUTHORITIES, HOST):
            self._spawn(name)
        for name in (*_AUTHORITIES, HOST):  # a relay that cannot announce itself at once waits a minute
            self._until((self.folder / name / "control").exists, f"{name} listens")
        for name in _RELAYS[len(_AUTHORITIES) :]:
            self._spawn(name)
        self._until(self._all_listed, "the authorities list all relays")
        self._spread_descriptions()
        self._give_key(key)
        for name in (SOURCE, OPERATOR):
            self._spawn(name)
        self.control(HOST, "SETCONF DisableNetwork=0")
        self._until(lambda: self._answers(SOURCE, self.public, 80), "the public onion answers")
        self._until(lambda: self._answers(OPERATOR, self.private, 22), "the private onion answers")

    def stop(self) -> None:
        """End every process."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait(20)

    def address(self, onion: str) -> str:
        """Return the address of an onion."""
        return (self.folder / HOST / onion / "hostname").read_text().strip()

    def socks(self, client: str) -> Path:
        """Return the unix socket through which one can speak SOCKS with a client, from outside of the namespace."""
        return self.folder / client / "socks"

    def control(self, name: str, command: str) -> str:
        """Give a process a command through its control port, and return what it answers."""
        cookie = (self.folder / name / "control_auth_cookie").read_bytes().hex()
        with connect(self.folder / name / "control") as connection, connection.makefile("rw", newline="\r\n") as lines:
            lines.write(f"AUTHENTICATE {cookie}\n{command}\nQUIT\n")
            lines.flush()
            return lines.read()

    def _configure(self) -> None:
        with ThreadPoolExecutor() as pool:
            identities = dict(zip(_AUTHORITIES, pool.map(self._make_authority, _AUTHORITIES), strict=True))
            fingerprints = dict(zip(_RELAYS, pool.map(self._make_relay, _RELAYS), strict=True))
        everyone = _EVERYONE + "".join(
            f"DirAuthority {name} orport={_PORTS[name]} no-v2 v3ident={identity} "
            f"127.0.0.1:{_PORTS[name] + 1} {fingerprints[name]}\n"
            for name, identity in identities.items()
        )
        bandwidths = self.folder / "bandwidths"
        equal = "".join(f"node_id=${fingerprint} bw=20\n" for fingerprint in fingerprints.values())
        bandwidths.write_text(f"{int(time.time())}\n{equal}")
        for name, folder in self._folders():
            given = {"name": name, "folder": folder, "bandwidths": bandwidths, "tests": os.getpid()}
            if name == HOST:
                text = everyone.format(**given) + "DisableNetwork 1\n" + self.torrc
            elif name in SOCKS_PORTS:
                text = (everyone + _CLIENT).format(**given, port=SOCKS_PORTS[name])
            else:
                own = _RELAY + (_AUTHORITY if name in _AUTHORITIES else "")
                text = (everyone + own).format(**given, onion_routing=_PORTS[name], directory=_PORTS[name] + 1)
            (folder / "torrc").write_text(text)

    def _folders(self) -> Iterator[tuple[str, Path]]:
        return ((name, self.folder / name) for name in (*_RELAYS, HOST, *SOCKS_PORTS))

    def _make_authority(self, name: str) -> str:
        """Make an authority's keys, and return what it is known by."""
        keys = self.folder / name / "keys"
        keys.mkdir(mode=0o700)
        names = ("identity_key", "signing_key", "certificate")
        identity, signing, certificate = (f"{keys}/authority_{of}" for of in names)
        key = rsa.generate_private_key(65537, 2048)  # tor-gencert would make a larger one, and take ten times as long
        Path(identity).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        line = ["tor-gencert", "-i", identity, "-s", signing, "-c", certificate, "-m", "12", "--passphrase-fd", "0"]
        subprocess.run([*line, "-a", f"127.0.0.1:{_PORTS[name] + 1}"], input=b"none\n", check=True, capture_output=True)
        found = re.search(r"^fingerprint (\w+)$", Path(certificate).read_text(), re.MULTILINE)
        assert found
        return found[1]

    def _make_relay(self, name: str) -> str:
        """Make a relay's keys, and return what it is known by."""
        anything = ["-f", "none", "--ignore-missing-torrc", "--defaults-torrc", "none", "--quiet"]
        anything += ["--ORPort", "127.0.0.1:1", "--DirAuthority", f"x 127.0.0.1:1 {'F' * 40}", "--Address", "127.0.0.1"]
        line = [TOR, "--list-fingerprint", *anything, "--Nickname", name, "--DataDirectory", str(self.folder / name)]
        done = subprocess.run(line, check=True, capture_output=True, text=True)
        return done.stdout.split(" ", 1)[1].replace(" ", "").strip()

    def _make_client_key(self) -> str:
        """Make the key for the private onion, let the host know it, and return it."""
        key = x25519.X25519PrivateKey.generate()
        folder = self.folder / HOST / self.private / "authorized_clients"
        folder.parent.mkdir(mode=0o700)
        folder.mkdir(mode=0o700)
        (folder / "operator.auth").write_text(f"descriptor:x25519:{_base32(key.public_key().public_bytes_raw())}\n")
        return _base32(key.private_bytes_raw())

    def _give_key(self, key: str) -> None:
        """Give the operator the key for the private onion, and the source none."""
        self._until((self.folder / HOST / self.private / "hostname").exists, "the host has made its onions")
        for name in SOCKS_PORTS:
            (self.folder / name / "keys-of-onions").mkdir(mode=0o700)
        line = f"{self.address(self.private).removesuffix('.onion')}:descriptor:x25519:{key}\n"
        (self.folder / OPERATOR / "keys-of-onions" / "host.auth_private").write_text(line)

    def _spawn(self, name: str) -> None:
        line = [TOR, "--defaults-torrc", "none", "-f", self.folder / name / "torrc", "--quiet"]
        with (self.folder / name / "output").open("wb") as output:
            self._processes[name] = subprocess.Popen(self.namespace.line(*line), stdout=output, stderr=output)

    def _all_listed(self) -> bool:
        consensus = _text(self.folder / _AUTHORITIES[0] / "cached-microdesc-consensus")
        listed = [set(line.split()[1:]) for line in consensus.splitlines() if line.startswith("s ")]
        return sum(flags >= _FLAGS for flags in listed) == len(_RELAYS)

    def _spread_descriptions(self) -> None:
        """Wait until each relay has the descriptions of all: a client that asks for one too early waits ten seconds."""
        asked = 0.0

        def all_have_all() -> bool:
            nonlocal asked
            descriptions = {name: _text(self.folder / name / "cached-microdescs.new") for name in _RELAYS}
            lacking = [name for name, text in descriptions.items() if text.count("ntor-onion-key ") < len(_RELAYS)]
            if lacking and time.monotonic() - asked > 3:
                asked = time.monotonic()
                for name in lacking:
                    self._processes[name].send_signal(signal.SIGHUP)  # look again now
            return not lacking

        self._until(all_have_all, "each relay has the descriptions of all")

    def _answers(self, client: str, onion: str, port: int) -> bool:
        try:
            connect_through(self.socks(client), self.address(onion), port).close()
        except OSError:
            return False
        return True

    def _until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true."""
        while not true():
            ended = [name for name, process in self._processes.items() if process.poll() is not None]
            if ended or time.monotonic() > self._end:
                logs = "".join(f"\n{name}: {_text(folder / 'log')[-1000:]}" for name, folder in self._folders())
                raise StartError(f"not so: {what}; ended: {ended}{logs}")
            time.sleep(0.2)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _base32(key: bytes) -> str:
    return base64.b32encode(key).decode().rstrip("=")
