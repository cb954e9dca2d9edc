"""Measures the review desk: import of a bundle, the list, searches, memory, and the size of the one file.

Run it with `make bench`, or at full size: `.venv/bin/python bench/review_desk.py --records 100000`. Linux only. The
bundle is made once and stays in bench/.cache; the workspace is in a temporary folder, on a disk, and gone at the end.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients import BenchError
from desk.review.running import Reader, serving
from desk.stick import Desk
from machine import machine_cpu, sync_seconds
from testimonies import DUTY, Bundle, bundle

from intake.desk.access import open_workspace
from intake.desk.finding import triage
from intake.desk.finding.filters import Filter, Sort
from intake.desk.workspace import Workspace

FULL = 100_000
LEAST_A_SECOND = 2000
MOST_LIST_MS = 100
MOST_SEARCH_MS = 200
ROUNDS = 5
ONE_FILE = Path(__file__).parent.parent / "dist" / "intake-desk"

_FILTER = (
    ("state", "new"),
    ("language", "fr"),
    ("language", "en"),
    ("answer", "inc.kind:RANSOM"),
    ("answer", "inc.kind:OUTAGE"),
    ("answer", "care.effects:DELAY"),
    ("answer", "CSTAT:Y"),
    ("risk", "no"),
)
LISTS: dict[str, tuple[tuple[str, str], ...]] = {
    "all": (),
    "eight filters": _FILTER,
    **{f"by {sort}": (("sort", sort),) for sort in Sort},
}
SEARCHES = {
    "a common word": "the",
    "a phrase": '"the hospital"',
    "two Chinese characters": "医院",
    "one": "院",
    "Arabic with vowels": "المُستَشفى",
    "Hindi": "अस्पताल",
    "a beginning": "hos*",
    "everything with e, but one word": "e* -hospital",
}


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=5000, help="how many testimonies")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="a folder on the disk to measure")  # noqa: S108
    given = parser.parse_args()
    if not 100 <= given.records <= 1_000_000:
        parser.error("--records must be from 100 to 1000000")
    made = bundle(given.records)
    with tempfile.TemporaryDirectory(prefix="intake-bench-", dir=given.folder) as name:
        desk = Desk(Path(name), made.key)
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}; a durable write of 4 kB takes", end=" ")
        print(f"{sync_seconds(Path(name)) * 1000:.2f} ms.")
        measure_import(desk, made, given.records)
        with open_workspace(desk.workspace, [DUTY]) as workspace:
            measure_queries(workspace, given.records)
        measure_pages(desk)
        size = sum(path.stat().st_size for path in desk.workspace.iterdir())
        print(
            f"\nThe workspace has {size / 1e6:.0f} MB, {size / given.records / 1000:.1f} kB for each testimony.",
            end=" ",
        )
        one_file = f"{ONE_FILE.stat().st_size / 1e6:.1f} MB" if ONE_FILE.exists() else "not built (`make desk`)"
        print(f"The one file: {one_file}.")
    print(f"\nAgain: .venv/bin/python bench/review_desk.py --records {given.records}   (the budgets are for {FULL})")


def measure_import(desk: Desk, made: Bundle, records: int) -> None:
    """Print how fast `intake-desk open` decrypts, checks, files and indexes, and what memory it takes."""
    place = ["--workspace", str(desk.workspace), "--key", str(desk.key)]
    command = [sys.executable, "-m", "intake.desk.commands", "open", *map(str, made.paths), *place]
    others, began = machine_cpu(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, cpu = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
    if process.returncode or f"{records} record(s) opened, 0 quarantined" not in said:
        raise BenchError(f"open ended with {process.returncode}:\n{said}")
    busy = (machine_cpu() - others - cpu) / seconds / (os.cpu_count() or 1)
    rate = records / seconds
    print(f"\nImport of {records} testimonies, one key, start and end of the process included:")
    print(
        f"{rate:.0f} a second, {cpu / records * 1000:.2f} ms of CPU each, {usage.ru_maxrss / 1024:.0f} MB of memory;",
        end=" ",
    )
    print(f"other processes took {max(100 * busy, 0):.0f} % of the machine.")
    print(f"budget: {rate:.0f} of at least {LEAST_A_SECOND} a second: {_verdict(rate >= LEAST_A_SECOND)}")


def measure_queries(workspace: Workspace, records: int) -> None:
    """Print how long the desk takes to find a page of the list, of what a filter or a search lets through."""
    print(f"\nOne page of 50: median and worst of {ROUNDS}, in ms, without the page around it.")
    print(f"{'':<36}{'found':>8}{'first page':>20}{'last page':>20}")
    for title, pairs in LISTS.items():
        found = _find(workspace, title, Filter.from_pairs(pairs))
        if title == "all" and found != records:
            raise BenchError(f"{records} testimonies were sent and {found} are listed")
    for title, words in SEARCHES.items():
        with workspace.transaction():
            number = triage.keep_search(workspace, words)
        _find(workspace, title, Filter(search=number))
        _find(workspace, f"{title}, by country", Filter(search=number, sort=Sort.COUNTRY))


def measure_pages(desk: Desk) -> None:
    """Print how long the served desk takes for the whole page of the list, over HTTP."""
    with serving(desk) as running:
        reader = running.enter()
        lists = {title: _address(Filter.from_pairs(pairs)) for title, pairs in LISTS.items()}
        searches = {title: _searched(reader, words) for title, words in SEARCHES.items()}
        print(f"\nThe page in the browser: median and worst of {ROUNDS}, in ms, from the request to its last byte.")
        _pages(reader, "list", lists, MOST_LIST_MS)
        _pages(reader, "search", searches, MOST_SEARCH_MS)
        status = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        print(f"The desk that served them took {peak / 1024:.0f} MB of memory at most.")


def _pages(reader: Reader, what: str, addresses: dict[str, str], most: int) -> None:
    medians = {}
    for title, address in addresses.items():
        times = _times(functools.partial(_fetched, reader, address))
        medians[title] = statistics.median(times)
        print(f"{what + ': ' + title:<44}{_shown(times)}")
    slowest = max(medians, key=lambda title: medians[title])
    print(f"budget: {medians[slowest]:.0f} of at most {most} ms ({slowest}): {_verdict(medians[slowest] <= most)}")


def _find(workspace: Workspace, title: str, chosen: Filter) -> int:
    first = _times(lambda: triage.find(workspace, chosen))
    last = _times(lambda: triage.find(workspace, chosen, sys.maxsize))
    total = triage.find(workspace, chosen).total
    print(f"{title:<36}{total:>8}{_shown(first):>20}{_shown(last):>20}")
    return total


def _fetched(reader: Reader, address: str) -> None:
    answer = reader.get(address)
    if answer.status != 200:
        raise BenchError(f"{address} gave {answer.status}")


def _searched(reader: Reader, words: str) -> str:
    return reader.press("/search", {"words": words}).headers["Location"]


def _address(chosen: Filter) -> str:
    return "/?" + "&".join(f"{name}={value}" for name, value in chosen.pairs())


def _times(act: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - began))
    return times[1:]  # the first one fills the cache


def _shown(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.1f} ({max(times):.1f})"


def _verdict(good: bool) -> str:
    return "within" if good else "MISSED"


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
