"""Weighs the pages of the real server: bytes on the wire, compressed, in every language, beside their budgets.

Run it with `make bench`, or `.venv/bin/python bench/pages.py`.
"""

import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients import BenchError, Connection
from service import CALL, Instance

from intake.settings import load_settings

PAGE_BUDGETS = {"landing": 14_000, "form": 35_000}
SCRIPT_BUDGET = 60_000
_STYLESHEET = re.compile(rb'<link rel="stylesheet" href="([^"]+)"')
_SCRIPT = re.compile(rb'<script src="([^"]+)"')


def main() -> None:
    """Start a server and weigh its pages."""
    with tempfile.TemporaryDirectory() as folder, Instance.create(Path(folder)).serve() as server:
        weigh_pages(Connection(server.client.port))


def weigh_pages(connection: Connection) -> None:
    """Print the bytes of the pages on the wire, compressed, headers included. The form is usable without its script."""
    print("\nBytes on the wire, compressed, with headers and stylesheet; the landing page with its script.")
    print("page      language   document   stylesheet   script    total   budget")
    script = 0
    with closing(connection):
        for page, path in (("landing", ""), ("form", CALL.rpartition("/")[2])):
            for language in load_settings({}).languages:
                document = connection.get(f"/{language}/{path}")
                style, script = (
                    sum(connection.get(link.decode()).size for link in set(pattern.findall(document.text)))
                    for pattern in (_STYLESHEET, _SCRIPT)
                )
                total = document.size + style + (script if page == "landing" else 0)
                budget = PAGE_BUDGETS[page]
                print(f"{page:<10}{language:<8}   {document.size:8}   {style:10}   {script:6}   {total:6}", end="   ")
                print(f"{budget:6} {_verdict(total <= budget)}")
    print(f"the script of the form: {script} of at most {SCRIPT_BUDGET}: {_verdict(script <= SCRIPT_BUDGET)}")


def _verdict(good: bool) -> str:
    return "within" if good else "MISSED"


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
