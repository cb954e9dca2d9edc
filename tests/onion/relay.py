"""Passes on what comes to a TCP port to a unix socket, and back: `python relay.py PORT SOCKET`."""

import contextlib
import socket
import sys
import threading


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def main(port: int, path: str) -> None:
    """Pass on."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        print("listening", flush=True)
        while True:
            here, there = listening.accept()[0], socket.socket(socket.AF_UNIX)
            there.connect(path)
            for ends in ((here, there), (there, here)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
