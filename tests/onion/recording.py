"""What went over the loopback interface of a namespace."""

import contextlib
import re
import struct
import subprocess
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onion.namespace import Namespace

_RECORDER = Path(__file__).with_name("recorder.py")
_SEND = "import socket, sys; socket.socket(type=socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), ('127.0.0.1', 9))"
_LINK_HEADER, _IPV6_HEADER, _TCP = 14, 40, 6
_GZIP = re.compile(rb"\x1f\x8b\x08")


@dataclass
class Recording:
    """A recording; it can be searched when it has ended."""

    seen: bytes = b""

    def holding(self, secrets: Mapping[str, str | bytes]) -> list[str]:
        """Return the names of those that went over the interface: in one packet or several, compressed or not."""
        return [
            name
            for name, secret in secrets.items()
            if (secret.encode() if isinstance(secret, str) else secret) in self.seen
        ]


@contextlib.contextmanager
def recorded(namespace: Namespace, folder: Path) -> Iterator[Recording]:
    """Record what goes over the interface meanwhile: every packet, or the test fails."""
    path = folder / "packets"
    line = namespace.line(sys.executable, _RECORDER, path)
    recording = Recording()
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdin and recorder.stdout
        assert recorder.stdout.readline() == "recording\n"
        yield recording
        recorder.stdin.close()
        missed = recorder.stdout.read()
    assert missed == "0\n", "the recorder has missed packets"
    recording.seen = _everything(path.read_bytes())


def send_in_the_clear(namespace: Namespace, text: str) -> None:
    """Send a text over the interface, for the recorder to see."""
    subprocess.run(namespace.line(sys.executable, "-c", _SEND, text), check=True)


def _everything(packets: bytes) -> bytes:
    """Put each direction of each connection together, and what is compressed beside it. Loopback reorders nothing."""
    directions: dict[bytes, list[bytes]] = defaultdict(list)
    place = 0
    while place < len(packets):
        (length,) = struct.unpack_from("I", packets, place)
        ends, data = _read(packets[place + 4 + _LINK_HEADER : place + 4 + length])
        directions[ends].append(data)
        place += 4 + length
    streams = [b"".join(parts) for parts in directions.values()]
    unpacked = [_unpack(stream[found.start() :]) for stream in streams for found in _GZIP.finditer(stream)]
    return b"\n".join([packets, *streams, *unpacked])


def _read(packet: bytes) -> tuple[bytes, bytes]:
    """Return the addresses and ports of a packet, and what it carries."""
    if packet[0] >> 4 == 6:
        start, protocol, addresses = _IPV6_HEADER, packet[6], packet[8:40]
    else:
        start, protocol, addresses = (packet[0] & 15) * 4, packet[9], packet[12:20]
    if protocol != _TCP:
        return addresses, packet[start:]
    return addresses + packet[start : start + 4], packet[start + (packet[start + 12] >> 4) * 4 :]


def _unpack(compressed: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(compressed)
    except zlib.error:  # these three bytes came by chance
        return b""
