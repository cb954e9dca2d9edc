"""Shows on a terminal how far something long has come, and nothing at all where there is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

_UPDATES = 200

Follow = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Follows something long: given its name for the reviewer and how many steps it has, gives what is told, again and
again, how many are done."""


@contextlib.contextmanager
def unseen(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show nothing."""
    yield lambda done: None


@contextlib.contextmanager
def on_terminal(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr as long as it lasts, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console  # it takes longer to load than most commands run
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(doing, total=total)
        every = max(1, total // _UPDATES)

        def tell(done: int) -> None:
            if done % every == 0 or done == total:
                bar.update(task, completed=done)

        yield tell
