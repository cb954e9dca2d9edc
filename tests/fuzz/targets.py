"""What is fuzzed: everything that reads bytes which a stranger may have made.

Each target takes any bytes at all. It lets through the errors that the docstrings promise, and nothing else may come
out of it; where something can be written again as it was read, it compares. `fuzz.py` looks for bytes that break this,
and `test_corpus.py` tries those that were kept.
"""

import contextlib
import io
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.datastructures import MultiDict
from werkzeug.sansio.multipart import Data, Field, File

from intake import bundle, code, dispatch, envelope
from intake.age.armor import ArmorReader, ArmorWriter
from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.errors import AgeError, ArmorError, KeyFormatError
from intake.age.header import encode_header, read_header
from intake.age.identities import HybridIdentity, ScryptIdentity, X25519Identity, parse_identities
from intake.age.recipients import parse_recipients
from intake.calls.answers import check, from_form, same_as_sent
from intake.calls.edition import CALL_FILE, CALLS, Edition, read_catalogue, rich
from intake.calls.load import CallError, load_call
from intake.desk.bundles.judging import Grounds, fault
from intake.desk.bundles.reading import Bundle
from intake.encoding import EnvelopeError, canonical, encode_base64, parse_json, signing_input
from intake.site.catalogue import usable
from intake.site.evidence import first_fields
from intake.site.incoming import BrokenFormError, Form
from intake.site.sealed import Posting, SealedError, header_size, payload_size
from intake.tar import BundleError, Tar, add, end

Target = Callable[[bytes], None]

FILE_KEY = bytes(range(16))
BOUNDARY = b"intake"
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
HYBRID = HybridIdentity(bytes(32))
CLASSIC = X25519Identity(bytes(range(32)))
IDENTITIES = (HYBRID, CLASSIC, ScryptIdentity("synthetic", max_work_factor=4))
_PLAIN_TAGS = re.compile(r"</?(p|strong|em|ul|li)>")


def age(data: bytes) -> None:
    """An age file, armored or not. A header that is read is written again as it was, and a file opens what it seals."""
    with contextlib.suppress(AgeError):
        decrypt(data, IDENTITIES)
    with contextlib.suppress(AgeError):
        header = read_header(io.BytesIO(data))
        written = encode_header(header.stanzas, FILE_KEY)
        assert written.startswith(header.authenticated)
        for identity in IDENTITIES:
            with contextlib.suppress(AgeError):
                identity.unwrap(header.stanzas)
    sealed = encrypt(data, [CLASSIC.recipient()])
    assert decrypt(sealed, IDENTITIES) == data
    with contextlib.suppress(ArmorError):
        inside = ArmorReader(io.BytesIO(data)).read(len(data) + 1)
        out = io.BytesIO()
        with ArmorWriter(out) as writer:
            writer.write(inside)
        assert out.getvalue().strip() == data.replace(b"\r\n", b"\n").strip()


def keys(data: bytes) -> None:
    """A file of recipients, and one of identities. No message repeats a line of it; what is read is written again."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_recipients, parse_identities):
        try:
            found = [str(key) for key in parse(text)]
        except KeyFormatError as error:
            assert not any(line.strip() in str(error) for line in text.split("\n") if len(line.strip()) > 20)
            continue
        lines = [line.strip() for line in text.split("\n")]
        assert [key.lower() for key in found] == [line.lower() for line in lines if line and not line.startswith("#")]


def multipart(data: bytes) -> None:
    """A form with files. However the network cuts it, the same parts come out of it."""
    whole = _parts(io.BytesIO(data), trusted=True)
    cut = _parts(_Torn(data), trusted=True)
    assert whole == cut
    sipped = _parts(_Torn(data), trusted=False)
    assert sipped is None or sipped == whole
    with contextlib.suppress(BrokenFormError):
        assert all(isinstance(value, str) for value in first_fields(Form(_Torn(data), BOUNDARY).events()).values())


class _Torn:
    """A stream that gives between one byte and what was asked for, always in the same places."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)
        self._chance = random.Random(len(data))

    def read(self, size: int, /) -> bytes:
        return self._source.read(self._chance.randint(1, min(size, 40)))


def _parts(stream: Any, *, trusted: bool) -> list[tuple[str, str, bytes]] | None:
    """Return kind, name and content of each part, or None for what is no form."""
    form = Form(stream, BOUNDARY)
    form.trusted = trusted
    found: list[tuple[str, str, bytes]] = []
    try:
        for event in form.events():
            if isinstance(event, Data):
                kind, name, content = found.pop()
                found.append((kind, name, content + event.data))
            elif isinstance(event, File):
                found.append(("file", f"{event.name}/{event.filename}", b""))
            elif isinstance(event, Field):
                found.append(("field", event.name, b""))
    except BrokenFormError:
        return None
    return found


def sealed(data: bytes) -> None:
    """What a browser says it sealed: the start of an age file, and the fields beside it."""
    for recipients in (1, 2):
        with contextlib.suppress(SealedError):
            assert header_size(data, recipients) <= len(data)
    with contextlib.suppress(SealedError):
        assert 0 <= payload_size(len(data)) <= len(data)
    names = ("access", "id", "mailbox", "authority")
    fields = dict(zip(names, data.decode("utf-8", "replace").split("\n"), strict=False))
    posting = Posting(fields, {"choices": data, "sealed": data})
    for take in (posting.identifier, posting.choices, posting.new_mailbox, lambda: posting.mailbox_id):
        with contextlib.suppress(SealedError):
            take()


def tar(data: bytes) -> None:
    """A tar from the stick. Its files lie within it."""
    with _file(data) as source:
        for read in (Tar, Bundle, lambda file: dispatch.Dispatch(file, bytes(32))):
            with contextlib.suppress(BundleError):
                read(source)
        with contextlib.suppress(BundleError):
            found = Tar(source)
            for member in found.members.values():
                assert len(found.read(member)) == member.size <= len(data)


def signed(data: bytes) -> None:
    """The files of a bundle or a dispatch, one after the other, with a signature that fits: a server that is hostile.

    The first line is the manifest, the others are the log; each record and message that is named has the last line.
    """
    line, _, log = data.partition(b"\n")
    try:
        manifest = parse_json(line)
    except EnvelopeError:
        return
    if not isinstance(manifest, dict):
        return
    last = log.rpartition(b"\n")[2]
    records = [name for name in _keys(manifest.get("records")) if len(name) == 32]
    messages = [name for name in _keys(manifest.get("messages")) if len(name) == 32]
    files = {bundle.LOG: log} | {bundle.record_member(name): last for name in records}
    files |= {f"messages/{name}.age": last for name in messages}
    for purpose, key_name in ((bundle.PURPOSE, "server_key"), (dispatch.PURPOSE, "desk_key")):
        with _file(_signed_tar(purpose, key_name, manifest, files)) as source, contextlib.suppress(BundleError):
            if purpose == bundle.PURPOSE:
                _read_bundle(Bundle(source))
            else:
                list(dispatch.Dispatch(source, SIGNING_KEY.public_key().public_bytes_raw()).messages())
    for entry in log.split(b"\n"):
        with contextlib.suppress(BundleError):
            assert bundle.Entry.parse(entry).line == entry


def _read_bundle(found: Bundle) -> None:
    verified = found.verify()
    for record in verified.records:
        assert len(found.read(record)) == found.size(record)
    str(verified.troubles)


def _keys(value: object) -> list[str]:
    return [name for name in value if name.isascii() and name.isalnum()] if isinstance(value, dict) else []


def _signed_tar(purpose: str, key_name: str, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    whole = {
        "manifest": manifest,
        key_name: encode_base64(SIGNING_KEY.public_key().public_bytes_raw()),
        "signature": encode_base64(SIGNING_KEY.sign(signing_input(purpose, manifest))),
    }
    out = io.BytesIO()
    add(out, bundle.MANIFEST, canonical(whole))
    for name, content in files.items():
        add(out, name, content)
    end(out)
    return out.getvalue()


def call(data: bytes) -> None:
    """A call's YAML. One that is read can be asked, answered and translated."""
    try:
        found = load_call(data)
    except CallError:
        return
    edition = Edition({CALL_FILE: data})
    assert all(found.messages())
    assert edition.untranslated("en") == []
    edition.notice_sha256("en")
    sorted(found.deciding_consents)
    check(found, {})


def catalogue(data: bytes) -> None:
    """A file of translations, and a text from it as it is shown: no markup but the plainest."""
    shown = rich(data.decode("utf-8", "replace"))
    assert "<" not in _PLAIN_TAGS.sub("", shown)
    with contextlib.suppress(CallError):
        found = read_catalogue(data, usable)
        found.gettext("Send")


def opened(data: bytes) -> None:
    """What was inside a sealed record, a message or a copy of the consents. What is read is built again the same."""
    with contextlib.suppress(EnvelopeError):
        found = envelope.parse(data)
        assert envelope.parse(envelope.build(found)) == found
        ours = frozenset(found.recipients)
        fault(found, "received", 1, Grounds(ours, ours, {found.edition: testimonials()}))
        if not isinstance(found, envelope.Testimony):
            with contextlib.suppress(EnvelopeError):
                found.verify(encode_base64(bytes(32)))
    with contextlib.suppress(EnvelopeError):
        message = envelope.parse_message(data)
        assert envelope.parse_message(envelope.build_message(message)) == message
    with contextlib.suppress(EnvelopeError):
        choices = envelope.parse_choices(data)
        assert envelope.parse_choices(envelope.build_choices(choices)) == choices


def answers(data: bytes) -> None:
    """What a form posts, as lines `name=value`. What may be kept of it is kept when it is checked again."""
    fields = [line.partition("=") for line in data.decode("utf-8", "replace").split("\n")]
    form = MultiDict((name, value) for name, _, value in fields)
    questions = testimonials().call
    checked = check(questions, from_form(questions, form))
    if not checked.problems and not checked.stopped:
        assert same_as_sent(questions, checked.answers, checked.consent)


def typed_code(data: bytes) -> None:
    """A return code as a person typed it."""
    text = data.decode("utf-8", "replace")
    code.count_digits(text)
    with contextlib.suppress(code.CodeError):
        found = code.read(text)
        assert found.isascii() and found.isdigit() and len(found) == code.LENGTH
        assert code.read(code.groups(found)) == found


@cache
def testimonials() -> Edition:
    """The call that is shipped, in English."""
    return Edition({CALL_FILE: (CALLS / "testimonials.yaml").read_bytes()})


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[BinaryIO]:
    """An open file without a name, in memory."""
    with os.fdopen(os.memfd_create("fuzz"), "w+b") as file:
        file.write(data)
        file.flush()
        yield file


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (age, keys, multipart, sealed, tar, signed, call, catalogue, opened, answers, typed_code)
}
