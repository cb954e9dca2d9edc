"""What the details of entries hold: those that another desk wrote are checked before anything is made from them.

They are signed by a reviewer, and a reviewer may have written anything: what a page or an export cannot be made from
must not come into the trail, from which nothing is ever taken away.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from intake.desk.deciding import STATES
from intake.desk.leaving.gate import QUOTING
from intake.desk.redacting import asking, marks
from intake.desk.study import codebook
from intake.desk.trail import Entry
from intake.encoding import EnvelopeError, parse_json
from intake.envelope import LONGEST_TEXT

_Fits = Callable[[Any], bool]

_MOST_TRANSLATED = 4 * LONGEST_TEXT
_MOST_ASKED = 4 * LONGEST_TEXT
"""Characters: a pseudonym may be longer than what it stands for."""
_MOST_NUMBER = 10**9


def _matches(pattern: str) -> _Fits:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _one_of(values: tuple[str, ...]) -> _Fits:
    return lambda value: isinstance(value, str) and value in values


def _up_to(most: int) -> _Fits:
    return lambda value: isinstance(value, str) and len(value) <= most


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_NUMBER


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(map(_ID, value))


_ID = _matches("[0-9a-f]{32}")
_SHA256 = _matches("[0-9a-f]{64}")
_CODE = _matches("[a-z0-9][a-z0-9._-]{0,63}")
_CODE_OR_NONE = _matches("([a-z0-9][a-z0-9._-]{0,63})?")
_TEXT = _up_to(LONGEST_TEXT)
_NAME = _matches(f"[^\\r\\n]{{1,{codebook.LONGEST_NAME}}}")
_COLOUR = _one_of(("", *codebook.COLOURS))
_KIND = _one_of(marks.KINDS)
_PSEUDONYM = _matches(r"[A-Z][a-z]{1,30} [0-9]{1,6}")
_PASSAGE = {
    "part": _matches("([0-9a-f]{32})?"),
    "question": _matches("([A-Za-z][A-Za-z0-9_.]{0,63})?"),
    "first": _is_number,
    "last": _is_number,
}
_ENTRY: Mapping[str, _Fits] = {
    "number": _is_number,
    "previous": _matches("([0-9a-f]{64}( [0-9a-f]{64})*)?"),
    "at": _matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
    "event": _matches("[a-z ]{1,40}"),
    "record": _matches("([0-9a-f]{32})?"),
    "reviewer": _up_to(64),
    "detail_sha256": _SHA256,
    "signature": _matches("[A-Za-z0-9+/]{85}[AQgw]=="),  # one text for one signature: else one entry has many names
    "text": lambda value: value is None or isinstance(value, str),
}
_DETAILS: Mapping[str, Mapping[str, _Fits]] = {
    "decided": {"state": _one_of(STATES), "before": _one_of(STATES)},
    "code added": {
        "id": _ID, "parent": _CODE_OR_NONE, "name": _NAME, "colour": _COLOUR, "memo": _TEXT,
    },
    "code changed": {"id": _CODE},
    "code moved": {"id": _CODE, "parent": _CODE_OR_NONE},
    "code merged": {"id": _CODE, "into": _CODE},
    "coded": {**_PASSAGE, "id": _ID, "code": _CODE},
    "coding removed": {"id": _ID},
    "memo written": {**_PASSAGE, "id": _ID, "code": _CODE_OR_NONE, "text": _TEXT},
    "memo changed": {"id": _ID, "text": _TEXT},
    "memo deleted": {"id": _ID},
    "translated": {
        "part": _ID, "question": _PASSAGE["question"], "language": _matches("[A-Za-z0-9-]{2,40}"),
        "text": _up_to(_MOST_TRANSLATED),
    },
    "linked": {"other": _ID},
    "unlinked": {"other": _ID},
    "redaction marked": {**_PASSAGE, "id": _ID, "kind": _KIND, "pseudonym": _PSEUDONYM},
    "redaction changed": {"id": _ID, "kind": _KIND, "pseudonym": _PSEUDONYM},
    "redaction removed": {"id": _ID},
    "redaction confirmed": {"sha256": _SHA256},
    "confirmation taken back": {"sha256": _SHA256},
    "quote chosen": {**_PASSAGE, "id": _ID},
    "quote dropped": {"id": _ID},
    "asked again": {
        "id": _ID, "quote": _ID, "use": _one_of(tuple(QUOTING)), "name": _up_to(asking.LONGEST_NAME),
        "text": _up_to(_MOST_ASKED), "before": _are_ids,
    },
    "answer read as a yes": {"asked": _ID, "answer": _ID, "sha256": _SHA256},
    "answer no longer read as a yes": {"asked": _ID},
    "suggestion dismissed": _PASSAGE,
}  # fmt: skip
_MAY_HAVE: Mapping[str, Mapping[str, _Fits]] = {
    "code changed": {"name": _NAME, "colour": _COLOUR, "memo": _TEXT, "retired": lambda value: isinstance(value, bool)},
}


def check(entry: Entry) -> None:
    """Raise EnvelopeError unless an entry is one that this program could have written.

    Of an event that it does not know, only that it is well formed: a newer program may have written it.
    """
    if not all(fits(getattr(entry, name)) for name, fits in _ENTRY.items()):
        raise EnvelopeError("an entry is malformed")
    if entry.text is None:
        return
    if not isinstance(parse_json(entry.text.encode()), dict):
        raise EnvelopeError("the detail of an entry is malformed")
    detail = entry.detail
    must, may = _DETAILS.get(entry.event, {}), _MAY_HAVE.get(entry.event, {})
    there = {name: fits for name, fits in may.items() if name in detail}
    if not all(name in detail and fits(detail[name]) for name, fits in {**must, **there}.items()):
        raise EnvelopeError("the detail of an entry is malformed")
