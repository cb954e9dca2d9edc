"""A crowd that keeps every door of a server busy: slow bodies, silent connections, heads that never end, wrong codes.

Run as `python flood.py PORT RATE KIND MOST`: opens RATE connections a second of one KIND, up to MOST, holds each as
long as it can, and goes on until it is killed. The KIND `upload` begins with what comes on the standard input.
"""

import asyncio
import contextlib
import sys

HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
FORM = "application/x-www-form-urlencoded"
FILES = "multipart/form-data; boundary=x"
BYTE_SECONDS = 0.5
BEGINNINGS = {
    "silent": "",
    "head": "GET /en/testimonials HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
    "form": HEAD.format(path="/en/testimonials", kind=FORM, length=1_000_000),
    "return": HEAD.format(path="/en/return", kind=FORM, length=100_000),
    "reply": HEAD.format(path="/en/reply", kind=FORM, length=1_000_000),
    "evidence": HEAD.format(path="/en/evidence", kind=FILES, length=500_000_000),
}
"""What each kind sends at once. After that comes a byte now and then, except from the silent."""


async def hold(port: int, kind: str, beginning: bytes) -> None:
    """Open one connection and hold it until the server ends it."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(beginning)
            while not reader.at_eof():
                if kind != "silent":
                    writer.write(b"a")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(4096), BYTE_SECONDS)
        finally:
            writer.close()


async def flood(port: int, kind: str, rate: float, most: int, beginning: bytes) -> None:
    """Open connections at a rate, and stay."""
    held = set()
    for _ in range(most):
        task = asyncio.create_task(hold(port, kind, beginning))
        held.add(task)
        task.add_done_callback(held.discard)
        await asyncio.sleep(1 / rate)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, rate, kind, most = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    beginning = sys.stdin.buffer.read() if kind == "upload" else BEGINNINGS[kind].encode()
    asyncio.run(flood(port, kind, rate, most, beginning))
