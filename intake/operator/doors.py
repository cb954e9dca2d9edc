"""The two doors, as `intake check --deploy` looks at them: sockets, nginx, tor, and what they answer."""

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509

from intake.operator.machine import Machine

NGINX = "/opt/intake/deploy/nginx/{}.conf"
TORRC = "/etc/tor/torrc"
TOR_DEFAULTS = "/usr/share/tor/tor-service-defaults-torrc"
ONION_SOCKET = "/run/intake/onion.sock"
_SOCKETS = {
    "/run/intake/site.sock": ("intake-site", "intake-web"),
    "/run/intake/evidence.sock": ("intake-evidence", "intake-web"),
    ONION_SOCKET: ("intake-onion", "debian-tor"),
}
_NGINX_NEEDS = (
    "access_log off;",
    "error_log stderr emerg;",
    "server_tokens off;",
    "client_body_in_single_buffer on;",
    "proxy_pass_request_headers off;",
    "proxy_max_temp_file_size 0;",
    "proxy_request_buffering off;",
    "proxy_pass http://evidence;",
)
_CERTIFICATE_DAYS = 14
_KEY_BYTES = 32


def sockets(machine: Machine) -> Iterator[str]:
    """Yield what is wrong with the sockets: each is for one group alone."""
    for name, (unit, group) in _SOCKETS.items():
        found = machine.owned(name)
        if found is None:
            yield f"{name} is not there: run `systemctl start {unit}.socket`"
        elif (found.user, found.group, found.mode) != ("root", group, 0o660):
            yield f"{name} must be root:{group}, mode 660: run `systemctl restart {unit}.socket {unit}.service`"


def answers(machine: Machine) -> Iterator[str]:
    """Yield what is wrong with what the service answers, directly and through the onion door."""
    for name, (unit, _) in _SOCKETS.items():
        try:
            status, _headers = machine.answer(name, "/healthz")
        except FileNotFoundError:
            continue  # said already
        except OSError as error:
            yield f"{name} does not answer ({error.strerror or error}): see `journalctl -u {unit}`"
            continue
        if status != 200:
            yield f"{name} answers {status} to /healthz: see `intake check` and `journalctl -u {unit}`"
    try:
        page = machine.answer(ONION_SOCKET, "/en/")[1]
        files = machine.answer(ONION_SOCKET, "/en/evidence", "POST")[1]
    except OSError:
        return  # said already
    if re.search(r"\d", page.get("Server", "")):
        yield f"the onion door tells the version of its server: {page['Server']}"
    for header in ("Set-Cookie", "Onion-Location", "Via", "X-Powered-By"):
        if header in page:
            yield f"the onion door sends {header}: see {NGINX.format('onion')}"
    for header in ("Content-Security-Policy", "X-Frame-Options"):
        if header not in page or header not in files:
            yield f"the onion door takes {header} away, or nginx answers instead of the service"


def nginx(machine: Machine, clearnet: bool) -> Iterator[str]:
    """Yield what nginx's configuration lacks, or has too much."""
    for door in ("onion", "clearnet") if clearnet else ("onion",):
        name = NGINX.format(door)
        unit = f"intake-{door}.service"
        if name not in machine.unit(unit, "ExecStart").get("ExecStart", ""):
            yield f"{unit} does not start nginx with {name}: run deploy/install.sh"
        lines = list(machine.lines(name, "include"))
        for needed in _NGINX_NEEDS:
            if needed not in lines:
                yield f"{name} lacks `{needed}`: take it as the project has it"
        for line in lines:
            if line.split()[0] in ("access_log", "error_log") and line not in _NGINX_NEEDS:
                yield f"{name} logs: take out `{line}`"


def tor(machine: Machine) -> Iterator[str]:
    """Yield what is wrong with tor: its configuration, its onions, and who may enter that of the operators."""
    code, printed = machine.command(
        "tor", "--defaults-torrc", str(machine.path(TOR_DEFAULTS)), "-f", str(machine.path(TORRC)), "--verify-config"
    )
    if code:
        bad = next((line for line in printed.splitlines() if "[warn]" in line or "[err]" in line), "tor is missing")
        yield f"tor does not take {TORRC}: {bad.partition('] ')[2] or bad}"
    options = [line.split(" ", 1) for line in machine.lines(TORRC, "%include")]
    options = [[option[0].lower(), option[-1]] for option in options]
    if ["socksport", "0"] not in options:
        yield f"{TORRC} lacks `SocksPort 0`"
    for name, bad in (("safelogging", "0"), ("hiddenservicenonanonymousmode", "1")):
        if [name, bad] in options:
            yield f"{TORRC} has {name} {bad}: take it out"
    starts = [number for number, option in enumerate(options) if option[0] == "hiddenservicedir"]
    blocks = [options[start:end] for start, end in pairwise([*starts, len(options)])]
    public = [block for block in blocks if any(ONION_SOCKET in value for _, value in block)]
    if not public:
        yield f"{TORRC} has no onion that leads to {ONION_SOCKET}"
    for block in blocks:
        yield from _onion(machine, block, block in public)


def _onion(machine: Machine, block: list[list[str]], public: bool) -> Iterator[str]:
    folder = block[0][1].rstrip("/")
    owned = machine.owned(folder)
    if owned is None or not machine.text(f"{folder}/hostname").strip().endswith(".onion"):
        yield f"{folder} has no address yet: run `systemctl restart tor@default`"
    elif owned.user != "debian-tor" or owned.mode & 0o077:
        yield f"{folder} must be for debian-tor alone: run `chown -R debian-tor: {folder}; chmod 700 {folder}`"
    if public and ["hiddenservicepowdefensesenabled", "1"] not in block:
        yield f"{TORRC} lacks `HiddenServicePoWDefensesEnabled 1` for {folder}"
    if not public:
        yield from _clients(machine, folder)


def _clients(machine: Machine, folder: str) -> Iterator[str]:
    """Yield what makes tor let everyone in: no file of a client that it can read."""
    good = 0
    for path in sorted(machine.path(f"{folder}/authorized_clients").glob("*")):
        if path.suffix == ".auth" and _is_client(path.read_text(errors="replace")):
            good += 1
        else:
            yield f"{path} admits nobody: NAME.auth has one line, descriptor:x25519:KEY"
    if not good:
        yield f"{folder} is open to EVERYONE: put a good NAME.auth into {folder}/authorized_clients, and restart tor"


def _is_client(text: str) -> bool:
    kind, _, rest = text.strip().partition(":")
    curve, _, key = rest.partition(":")
    with contextlib.suppress(binascii.Error, ValueError):
        padded = key.upper() + "=" * (-len(key) % 8)
        return (kind, curve) == ("descriptor", "x25519") and len(base64.b32decode(padded)) == _KEY_BYTES
    return False


def certificate(machine: Machine) -> Iterator[str]:
    """Yield what is wrong with the clearnet door: its certificate, its redirect, and the way to the onion."""
    key = machine.owned("/etc/intake/tls/privkey.pem")
    if key and key.mode & 0o007:
        yield "/etc/intake/tls/privkey.pem can be read by all: run `chmod o= /etc/intake/tls/privkey.pem`"
    try:
        found = x509.load_pem_x509_certificate(machine.path("/etc/intake/tls/fullchain.pem").read_bytes())
        days = (found.not_valid_after_utc - datetime.now(UTC)).days
        if days < _CERTIFICATE_DAYS:
            yield f"the certificate ends in {days} days: run `certbot renew`"
    except (OSError, ValueError):
        yield "/etc/intake/tls/fullchain.pem cannot be read, or is no certificate"
    yield from _clearnet_answers(machine)


def _clearnet_answers(machine: Machine) -> Iterator[str]:
    try:
        if machine.clearnet_answer("/en/", secret=False)[0] != 301:
            yield "the clearnet door answers without TLS, instead of leading there"
        status, headers = machine.clearnet_answer("/en/", secret=True)
    except OSError as error:
        yield f"the clearnet door does not answer ({error}): see `journalctl -u intake-clearnet`"
        return
    where = headers.get("Onion-Location", "")
    onion = machine.text("/var/lib/tor/intake/hostname").strip()
    if status != 200 or not where.startswith(f"http://{onion}/"):
        yield f"the clearnet door answers {status} and leads to {where or 'no onion'}: see /etc/intake/onion.conf"
