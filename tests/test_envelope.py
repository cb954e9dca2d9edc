"""What is inside a sealed record: padded, canonical, and never believed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from intake import envelope
from intake.encoding import EnvelopeError, encode_base64, parse_json
from intake.envelope import (
    Addition,
    Answer,
    build,
    pad,
    parse,
)

KEY = Ed25519PrivateKey.generate()
TESTIMONY = envelope.Testimony(
    id="0" * 32,
    call="testimonials",
    edition="1" * 64,
    language="fr",
    day="2026-11-21",
    answers={"story.text": "Café 🩺", "care.effects": ["DELAY"], "inc.days_number": 3},
    consent={"CINT": "Y"},
    recipients=("2" * 64,),
    client="server",
    mailbox="age1pq1qqqq",
    authority=encode_base64(KEY.public_key().public_bytes_raw()),
)
ADDITION = Addition(
    **{name: value for name, value in vars(TESTIMONY).items() if name not in ("mailbox", "authority", "kind")},
    parent="3" * 32,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
answers: st.SearchStrategy[Answer] = st.one_of(texts, st.integers(0, 10**14), st.lists(texts))


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_.]{0,20}", fullmatch=True), answers), st.booleans())
def test_what_is_built_is_what_is_read(given_answers: dict[str, Answer], test: bool) -> None:
    """Any answers survive the way through the bytes, and the bytes have one of the few sizes."""
    testimony = replace(TESTIMONY, answers=given_answers, test=test)
    data = build(testimony)
    assert parse(data) == testimony
    assert len(data) in (32 * 1024, 128 * 1024) or len(data) % (128 * 1024) == 0


@pytest.mark.parametrize(("length", "size"), [(0, 32), (32, 32), (32.001, 128), (128, 128), (128.001, 256), (300, 384)])
def test_padding_is_in_bytes_and_still_json(length: float, size: int) -> None:
    """A text is padded to 32 KiB, 128 KiB, or a multiple of that; the padding is spaces."""
    data = b'"' + b"x" * max(0, int(length * 1024 + 0.999) - 2) + b'"'
    padded = pad(data)
    assert len(padded) == size * 1024
    assert json.loads(padded) == json.loads(data)


def changed(**fields: Any) -> bytes:
    """A testimony with some fields set to something else; a field set to Ellipsis is left out."""
    found = {**json.loads(build(TESTIMONY)), **fields}
    return json.dumps({name: value for name, value in found.items() if value is not ...}).encode()


BAD_FIELDS: list[dict[str, Any]] = [
    {"format": "intake/2"},
    {"kind": "reply"},
    {"kind": ["testimony"]},
    {"id": "../../etc/passwd"},
    {"id": 7},
    {"call": "Testimonials"},
    {"edition": "1" * 63},
    {"language": "f" * 90},
    {"day": "yesterday"},
    {"day": "٢٠٢٦-١١-٢١"},
    {"answers": []},
    {"answers": {"story.text": None}},
    {"answers": {"story.text": {"a": "b"}}},
    {"answers": {"story.text": True}},
    {"answers": {"care.effects": [1]}},
    {"answers": {"": "x"}},
    {"consent": {"CINT": ["Y"]}},
    {"recipients": []},
    {"recipients": "2" * 64},
    {"recipients": ["2" * 64] * 65},
    {"client": "telnet"},
    {"test": "yes"},
    {"mailbox": "age1xyz"},
    {"authority": "not base64!"},
    {"authority": "AAAA"},
    {"mailbox": ...},
    {"surprise": 1},
    {"parent": "3" * 32},
]


@pytest.mark.parametrize("fields", BAD_FIELDS)
def test_a_field_that_is_not_as_it_must_be_is_refused(fields: dict[str, Any]) -> None:
    """Each field has one form, and no field is extra or missing."""
    with pytest.raises(EnvelopeError):
        parse(changed(**fields))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": -' + b"9" * 5_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": 1, "a": 2}',
        b" " * (17 * 1024 * 1024),
    ],
)
def test_hostile_json_is_refused(data: bytes) -> None:
    """Deep nesting, long numbers, lone surrogates, doubled keys: each an EnvelopeError, nothing else."""
    with pytest.raises(EnvelopeError):
        parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(data: bytes) -> None:
    """No bytes make the reader fail in another way."""
    with pytest.raises(EnvelopeError):
        parse(data)
    try:
        parse_json(data)
    except EnvelopeError as error:
        assert str(error)


@given(st.integers(0), st.integers(0, 7))
def test_an_addition_holds_only_as_it_was_signed(position: int, bit: int) -> None:
    """A signed addition verifies after the way through the bytes, and not after any single bit changed."""
    signed = ADDITION.signed(KEY)
    data = bytearray(build(signed).rstrip())
    again = parse(bytes(data))
    assert isinstance(again, Addition)
    again.verify(TESTIMONY.authority)
    data[position % len(data)] ^= 1 << bit
    try:
        forged = parse(bytes(data))
        if isinstance(forged, Addition) and forged != signed:
            with pytest.raises(EnvelopeError):
                forged.verify(TESTIMONY.authority)
    except EnvelopeError:
        pass


def test_another_key_signs_nothing_for_this_source() -> None:
    """A stranger's signature, and none at all, are refused."""
    for addition in (ADDITION.signed(Ed25519PrivateKey.generate()), ADDITION):
        with pytest.raises(EnvelopeError):
            addition.verify(TESTIMONY.authority)
