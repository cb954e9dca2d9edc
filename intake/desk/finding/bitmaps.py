"""Who gave which answer, as bitmaps: bit n stands for the testimony whose `number` is n. `index` writes them.

They are kept in blocks, so that one new testimony changes a few hundred bytes for each of its answers.
"""

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from intake.desk.workspace import Workspace

STATE, CALL, LANGUAGE, COUNTRY, MONTH = ":state", ":call", ":language", ":country", ":month"
INCIDENT = ":incident"
"""The month in which it happened; MONTH is that in which it was received."""
RISK, HARD, TEST = ":risk", ":hard", ":test"
"""What is known besides answers, under names that no question of a call can have. The last three are YES or NO."""
YES, NO = "yes", "no"

_BLOCK = 4096  # testimonies
_FLAGS = bytes(place == ord("1") for place in range(256))


def having(workspace: Workspace, question: str, code: str) -> int:
    """Return who gave an answer, in the testimony or an addition to it. Consents are those in force."""
    query = "SELECT block, bits FROM facets WHERE term = (SELECT id FROM terms WHERE question = ? AND code = ?)"
    return _joined(workspace.execute(query, (question, code)))


def answers(workspace: Workspace, question: str) -> dict[str, int]:
    """Return each answer that there is to a question, with who gave it."""
    query = "SELECT code, block, bits FROM terms JOIN facets ON term = id WHERE question = ? ORDER BY code"
    grouped = itertools.groupby(workspace.execute(query, (question,)), lambda row: str(row[0]))
    found = {code: _joined((block, bits) for _, block, bits in rows) for code, rows in grouped}
    return {code: members for code, members in found.items() if members}


def everything(workspace: Workspace) -> int:
    """Return all testimonies."""
    return having(workspace, TEST, YES) | having(workspace, TEST, NO)


def of_records(workspace: Workspace, records: Collection[str]) -> int:
    """Return the testimonies with these ids."""
    rows = workspace.execute("SELECT record, number FROM testimonies").fetchall()
    return of_numbers(number for record, number in rows if record in records)


def of_numbers(found: Iterable[int]) -> int:
    """Return the bitmap of some numbers."""
    every = list(found)
    digits = bytearray(b"0") * (max(every, default=0) + 1)
    for number in every:
        digits[-1 - number] = ord("1")
    return int(digits, 2)


def numbers(bitmap: int) -> list[int]:
    """Return the numbers in a bitmap, the lowest first."""
    members = flags(bitmap)
    return list(itertools.compress(range(len(members)), members))


def flags(bitmap: int) -> bytes:
    """Return a byte for each number: 1 if the bitmap has it, or 0."""
    return bin(bitmap)[:1:-1].encode().translate(_FLAGS)


def clear(workspace: Workspace, gone: Iterable[int]) -> None:
    """Take testimonies out of all bitmaps, in the caller's transaction."""
    for block, bits in _blocks(gone).items():
        query = "SELECT term, bits FROM terms JOIN facets ON term = terms.id AND block = ?"
        rows = [(term, int.from_bytes(old, "little")) for term, old in workspace.execute(query, (block,))]
        _write(workspace, block, {term: old & ~bits for term, old in rows if old & bits})


def add(workspace: Workspace, members: Mapping[tuple[str, str], Iterable[int]]) -> None:
    """Put testimonies into the bitmaps of (question, code), in the caller's transaction."""
    workspace.execute_many("INSERT OR IGNORE INTO terms (question, code) VALUES (?, ?)", members)
    terms = {
        (question, code): term for term, question, code in workspace.execute("SELECT id, question, code FROM terms")
    }
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for key, each in members.items():
        for block, bits in _blocks(each).items():
            found[block][terms[key]] = bits
    for block, added in found.items():
        query = "SELECT term, bits FROM terms JOIN facets ON term = terms.id AND block = ?"
        for term, old in workspace.execute(query, (block,)):
            if term in added:
                added[term] |= int.from_bytes(old, "little")
        _write(workspace, block, added)


def _write(workspace: Workspace, block: int, changed: Mapping[int, int]) -> None:
    rows = [(term, block, bits.to_bytes((bits.bit_length() + 7) // 8, "little")) for term, bits in changed.items()]
    workspace.execute_many("INSERT OR REPLACE INTO facets VALUES (?, ?, ?)", rows)


def _blocks(found: Iterable[int]) -> dict[int, int]:
    """Return the bits of some numbers in each block."""
    blocks: defaultdict[int, int] = defaultdict(int)
    for number in found:
        blocks[number // _BLOCK] |= 1 << number % _BLOCK
    return blocks


def _joined(blocks: Iterable[tuple[int, bytes]]) -> int:
    return sum(int.from_bytes(bits, "little") << block * _BLOCK for block, bits in blocks)
