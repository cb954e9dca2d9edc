"""Records every packet on the loopback interface: `python recorder.py FILE`, inside of the network to be recorded.

It says `recording`, and records until its input ends. Then it writes the packets, each after its length, and says how
many it missed. The kernel puts them straight into memory that both share (see packet(7), TPACKET_V3): while there is
room, none is missed on a machine that is busy.
"""

import mmap
import secrets
import select
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_BLOCK, _BLOCKS = 1 << 20, 64
_SOL_PACKET, _ETH_P_ALL = 263, 3
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION, _PACKET_IGNORE_OUTGOING, _TPACKET_V3 = 5, 6, 10, 23, 2
_MILLISECONDS = 500  # a block that is not full is handed over after this long
_STATUS = 8  # where a block says whose it is
_KERNEL, _OURS = struct.pack("I", 0), 1


class Recorder:
    """A socket that gets every packet, and the memory where the kernel puts them."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)  # on loopback each goes out and comes in
        frames = _BLOCK // mmap.PAGESIZE * _BLOCKS
        ring = struct.pack("7I", _BLOCK, _BLOCKS, mmap.PAGESIZE, frames, _MILLISECONDS, 0, 0)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
        self.socket.bind(("lo", 0))
        self._memory = mmap.mmap(self.socket.fileno(), _BLOCK * _BLOCKS)
        self._next = 0

    def packets(self) -> Iterator[bytes]:
        """Take what the kernel has handed over: struct tpacket_block_desc, struct tpacket3_hdr."""
        while True:
            start = self._next * _BLOCK
            status, count, first = struct.unpack_from("3I", self._memory, start + _STATUS)
            if not status & _OURS:
                return
            place = start + first
            for _ in range(count):
                following, _, _, length, _, _, link_header = struct.unpack_from("6IH", self._memory, place)
                yield self._memory[place + link_header : place + link_header + length]
                place += following
            self._memory[start + _STATUS : start + _STATUS + len(_KERNEL)] = _KERNEL
            self._next = (self._next + 1) % _BLOCKS

    def missed(self) -> int:
        """Return how many packets found no room since this was asked last: struct tpacket_stats_v3."""
        _, missed, _ = struct.unpack("3I", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12))
        return int(missed)


def main(path: Path) -> None:
    """Record."""
    recorder = Recorder()
    print("recording", flush=True)
    last, missed, ending = secrets.token_bytes(32), 0, False
    with path.open("wb") as file:
        while not missed:
            ready, _, _ = select.select([recorder.socket, *([] if ending else [sys.stdin])], [], [], 60)
            if sys.stdin in ready:
                ending = True
                with socket.socket(type=socket.SOCK_DGRAM) as sending:
                    sending.sendto(last, ("127.0.0.1", 9))
            seen = list(recorder.packets())
            file.writelines(struct.pack("I", len(packet)) + packet for packet in seen)
            missed = recorder.missed()
            if any(last in packet for packet in seen):
                break
    print(missed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
