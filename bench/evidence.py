"""Measures uploads to the real server: MB/s against gpg and the bare cipher, bytes written, memory.

Run it with `make bench`, or with a larger file: `.venv/bin/python bench/evidence.py --size 500`. Linux only.
Everything it makes is in a temporary folder, on a disk, and gone at the end.
"""

import argparse
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients import BenchError
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from machine import Gpg, session_bytes_written, session_memory
from service import Instance, Server, multipart

MB = 1_000_000
CHUNK = 64 * 1024
ROUNDS = 3
AT_ONCE = (1, 4)
LEAST_MB_A_SECOND = 100
MOST_WRITTEN = 2.2
MOST_MEMORY_MB = 32


@dataclass(frozen=True)
class Measured:
    """One batch of uploads at once."""

    seconds: float
    written: float
    """Bytes that the server's processes wrote, for each byte sent."""
    memory: int
    """Bytes that the server's processes grew by at most, all together."""


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=100, help="size of each file (MB)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="a folder on the disk to measure")  # noqa: S108
    given = parser.parse_args()
    if not 1 <= given.size <= 2000:
        parser.error("--size must be from 1 to 2000")
    size = given.size * MB
    with tempfile.TemporaryDirectory(prefix="intake-bench-", dir=given.folder) as name:
        folder = Path(name)
        file = folder / "file"
        with file.open("wb") as target:
            for start in range(0, size, MB):
                target.write(os.urandom(min(MB, size - start)))
        (folder / "instance").mkdir()
        instance = Instance.create(folder / "instance")
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f};", end=" ")
        print(f"a file of {given.size} MB, {ROUNDS} times")
        with instance.serve(INTAKE_MAX_UPLOAD_MB="2000") as server:
            runs: dict[int, list[Measured]] = {people: [] for people in AT_ONCE}
            cipher, gpg_seconds = [], []
            upload_at_once(server, file, max(AT_ONCE), 2 * MB)  # warm up: each worker has done it before
            with _gpg(folder / "gnupg") as gpg:
                for _ in range(ROUNDS):
                    runs[1].append(upload_at_once(server, file, 1, size))
                    cipher.append(encrypt_barely(file))
                    if gpg:
                        gpg_seconds.append(gpg.encrypt_file(file))
            for people in AT_ONCE[1:]:
                runs[people] = [upload_at_once(server, file, people, size) for _ in range(ROUNDS)]
    compare(size, runs[1], cipher, gpg_seconds)
    weigh(size, runs)
    print(f"\nAgain: .venv/bin/python bench/evidence.py --size {given.size}   (500 takes a few minutes)")


def compare(size: int, runs: list[Measured], cipher: list[float], gpg: list[float]) -> None:
    """Print the speed of one upload beside the yardsticks."""
    rates = [size / MB / run.seconds for run in runs]
    rate = statistics.median(rates)
    print("\nOne upload through gunicorn, encrypted and durable, client on the same machine. Medians.")
    print("                                  MB/s (lowest-highest)    ratio")
    print(f"{'upload':<30}   {_spread(rates)}")
    named = {"ChaCha20-Poly1305, 64 KiB": cipher, "gpg --encrypt": gpg}
    for name, seconds in named.items():
        if seconds:
            others = [size / MB / each for each in seconds]
            print(f"{name:<30}   {_spread(others)}   {rate / statistics.median(others):6.2f}")
        else:
            print(f"{name:<30}   not installed")
    print(f"expected: {rate:.0f} of at least {LEAST_MB_A_SECOND} MB/s: {_verdict(rate >= LEAST_MB_A_SECOND)}")


def weigh(size: int, runs: dict[int, list[Measured]]) -> None:
    """Print what uploads cost in memory and in writing."""
    print("\nuploads at once   MB/s together   written per byte sent   memory grew by (MB)   budget")
    for people, batches in runs.items():
        rate = statistics.median(people * size / MB / run.seconds for run in batches)
        written = max(run.written for run in batches)
        memory = max(run.memory for run in batches) / MB
        good = written <= MOST_WRITTEN and memory <= MOST_MEMORY_MB * people
        budget = f"{MOST_WRITTEN} and {MOST_MEMORY_MB * people} MB: {_verdict(good)}"
        print(f"{people:15}   {rate:13.0f}   {written:21.2f}   {memory:19.1f}   {budget}")


def upload_at_once(server: Server, file: Path, people: int, size: int) -> Measured:
    """Let so many people send the first bytes of a file at the same time."""
    session = server.process.pid
    ready = []
    for number in range(people):
        receipt = server.client.send()
        fields = {name: receipt.hidden(name) for name in ("form_token", "code")}
        body, kind = multipart(fields, [(f"{number}.bin", b"@")])
        ready.append((body.partition(b"@"), kind))
    done = threading.Event()
    before, written = session_memory(session), session_bytes_written(session)
    with ThreadPoolExecutor(people + 1) as pool:
        watching = pool.submit(_watch, session, done)
        began = time.perf_counter()
        sent = list(pool.map(lambda one: _upload(server, file, size, *one), ready))
        seconds = time.perf_counter() - began
        done.set()
        highest = watching.result()
    written = session_bytes_written(session) - written
    return Measured(seconds, written / sum(sent), max(0, highest - before))


def encrypt_barely(file: Path) -> float:
    """Encrypt a file as bare chunks with one key, keep nothing, and return the seconds."""
    cipher = ChaCha20Poly1305(bytes(32))
    began = time.perf_counter()
    with file.open("rb", buffering=0) as source:
        number = 0
        while chunk := source.read(CHUNK):
            cipher.encrypt(number.to_bytes(12, "big"), chunk, None)
            number += 1
    return time.perf_counter() - began


def _upload(server: Server, file: Path, size: int, parts: tuple[bytes, bytes, bytes], kind: str) -> int:
    """Send one form with the file in it, from the page cache without a copy; return its bytes. Raises BenchError."""
    first, _, last = parts
    length = len(first) + size + len(last)
    head = (
        f"POST /en/evidence HTTP/1.1\r\nHost: 127.0.0.1:{server.client.port}\r\nOrigin: {server.address}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.client.port), timeout=600) as connection:
        connection.sendall(head.encode() + first)
        with file.open("rb") as source:
            connection.sendfile(source, 0, size)
        connection.sendall(last)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"an upload was answered with {answer.splitlines()[0].decode()}")
    return length


def _watch(session: int, done: threading.Event) -> int:
    highest = 0
    while not done.wait(0.02):
        highest = max(highest, session_memory(session))
    return highest


@contextmanager
def _gpg(folder: Path) -> Iterator[Gpg | None]:
    if not shutil.which("gpg"):
        yield None
        return
    with closing(Gpg(folder, "")) as gpg:
        yield gpg


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):6.0f} {f'({min(rates):.0f}-{max(rates):.0f})':<14}"


def _verdict(good: bool) -> str:
    return "within" if good else "MISSED"


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
