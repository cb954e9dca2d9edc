"""Every input that the fuzzer kept, and every one that once broke a target, goes through its target again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
_MOST = 300_000  # bytes, in all


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept_breaks_nothing(name: str) -> None:
    """Only the errors that a docstring promises come out of it."""
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for path in kept:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name} breaks the target {name}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_cut_and_changed_it_breaks_nothing_either(name: str) -> None:
    """A little of what the fuzzer does, for those who do not run it."""
    for data in _changed(CORPUS / name):
        TARGETS[name](data)


def test_the_corpus_is_small_and_has_a_target_for_each_folder() -> None:
    """It is for finding what breaks, not for filling the repository."""
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.glob("*/*")) < _MOST


def _changed(folder: Path) -> Iterator[bytes]:
    kept = [path.read_bytes() for path in sorted(folder.iterdir())][:20]
    for number, data in enumerate(kept):
        middle = len(data) // 2
        yield data[:middle]
        yield data[middle:]
        yield data[:middle] + kept[number - 1][-middle:]
        if data:
            yield data[:middle] + bytes([data[middle] ^ 1 << number % 8]) + data[middle + 1 :]
