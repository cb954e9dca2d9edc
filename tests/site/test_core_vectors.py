"""Known answers, for Python and the browser alike; and what one seals and signs, the other opens and believes."""

import hashlib
import os
from typing import Any

from core import VECTORS, Refused, core, encoded, needs_node
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stdnum import damm

from intake import code, envelope
from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity, ScryptIdentity
from intake.age.recipients import HybridRecipient, parse_recipient
from intake.encoding import canonical, decode_base64, signing_input

pytestmark = needs_node
SIZES = [0, 1, 65535, 65536, 65537, 131072, 300_001]
SEED = bytes(range(32))
KEYS = ("access", "mailbox", "authority", "draft", "retry")
COMMON = {
    "call": "testimonials",
    "edition": "ab" * 32,
    "language": "ar",
    "recipients": [str(HybridRecipient.from_seed(SEED))],
}


def in_the_browser(call: str, vectors: str) -> list[tuple[dict[str, Any], Any]]:
    """Return each vector with what the browser makes of it."""
    found = VECTORS[vectors]
    return list(zip(found, core({"call": call, **vector} for vector in found), strict=True))


def test_a_code_gives_the_same_keys() -> None:
    """The derivation step by step: scrypt by the standard library alone, then each key."""
    for vector, found in in_the_browser("derive", "derive"):
        instance = bytes.fromhex(vector["instance"])
        master = hashlib.scrypt(vector["code"].encode(), salt=instance, n=1024, r=8, p=1, dklen=32)
        keys = code.derive(vector["code"], instance)
        recipient = HybridRecipient.from_seed(keys.mailbox)
        ours = {name: getattr(keys, name).hex() for name in KEYS}
        ours |= {
            "mailbox_fingerprint": recipient.fingerprint,
            "authority_public": encoded(
                Ed25519PrivateKey.from_private_bytes(keys.authority).public_key().public_bytes_raw()
            ),
        }
        assert master.hex() == vector["master"]
        assert keys.mailbox_id == vector["mailbox_id"]
        assert ours == found
        assert ours.items() <= vector.items()


def test_a_code_is_read_the_same() -> None:
    """In the digits of ten scripts, with marks between them; and refused for the same reason."""
    for vector, found in in_the_browser("read", "read"):
        try:
            ours = {"code": code.read(vector["typed"])}
        except code.CodeError as error:
            ours = {"rule": error.rule.name}
        assert {"typed": vector["typed"], **ours} == {"typed": vector["typed"], **found} == vector
    counted = core({"call": "countDigits", **vector} for vector in VECTORS["read"])
    assert counted == [code.count_digits(vector["typed"]) for vector in VECTORS["read"]]


def test_the_check_digit_is_damms() -> None:
    """572 and its check digit 4 are Damm's own example."""
    assert {"digits": "572", "check": "4"} in VECTORS["damm"]
    for vector in VECTORS["damm"]:
        assert damm.calc_check_digit(vector["digits"]) == vector["check"]


def test_the_browser_makes_good_codes() -> None:
    """Each is valid, no two are the same, and every digit comes about as often as any other."""
    codes = core([{"call": "make"}] * 500)
    assert len({code.read(made) for made in codes}) == 500
    digits = "".join(made[:-1] for made in codes)
    assert all(900 < digits.count(str(digit)) < 1400 for digit in range(10))
    assert core([{"call": "groups", "code": codes[0]}]) == [code.groups(codes[0])]


def test_json_is_written_the_same() -> None:
    """One text for one value: order of keys, escapes, other scripts."""
    for vector, found in in_the_browser("canonical", "canonical"):
        assert canonical(vector["value"]).decode() == found == vector["json"]


def test_signatures_are_the_same() -> None:
    """Ed25519 is deterministic: both make the very same, and the browser believes it and no other."""
    tries: list[tuple[dict[str, Any], str]] = []
    for vector, found in in_the_browser("sign", "signature"):
        fields = {"format": "intake/1", "kind": vector["kind"], **vector["fields"]}
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
        assert encoded(key.sign(signing_input(vector["kind"], fields))) == found == vector["signature"]
        signed = {**fields, "signature": vector["signature"]}
        other = encoded(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
        tries += [
            (signed, vector["public"]),
            ({**signed, "day": "2026-11-22"}, vector["public"]),
            ({**signed, "more": ""}, vector["public"]),
            ({**signed, "signature": "x"}, vector["public"]),
            (signed, other),
            (signed, "x"),
        ]
    believed = core({"call": "verify", "fields": fields, "key": key} for fields, key in tries)
    assert believed == [True, False, False, False, False, False] * len(VECTORS["signature"])


def test_padding_is_the_same() -> None:
    """Envelopes, copies of consents, and files."""
    builds = []
    for vector in VECTORS["padding"]:
        sizes = envelope.SOURCE_SIZES if vector["of"] == "testimony" else envelope.CHOICES_SIZES
        assert len(envelope.pad(b"x" * vector["length"], sizes)) == vector["padded"]
        empty = canonical({"format": "intake/1", "kind": vector["of"], "text": ""})
        text = "x" * (vector["length"] - len(empty))
        builds.append({"call": "build", "kind": vector["of"], "fields": {"text": text}})
    assert [len(_bytes(built)) for built in core(builds)] == [vector["padded"] for vector in VECTORS["padding"]]
    for vector, found in in_the_browser("paddedSize", "file_padding"):
        assert envelope.padded_size(vector["size"]) == found == vector["padded"]


def test_recipients_and_fingerprints_are_the_same() -> None:
    """The recipient of a seed, and what names it in an envelope."""
    for vector, found in in_the_browser("fingerprint", "fingerprint"):
        recipient = parse_recipient(vector["recipient"])
        assert isinstance(recipient, HybridRecipient)
        assert recipient.fingerprint == found == vector["sha256"]
    for vector, found in in_the_browser("recipientOf", "fingerprint"):
        assert str(HybridRecipient.from_seed(bytes.fromhex(vector["seed"]))) == found == vector["recipient"]


def test_what_one_seals_the_other_opens() -> None:
    """Sizes around the edges of chunks, whole and in parts, to two recipients."""
    ours, theirs = HybridIdentity.generate(), HybridIdentity.from_seed(SEED)
    recipients = [str(ours.recipient()), str(theirs.recipient())]
    plain = [os.urandom(size) for size in SIZES]
    in_base64 = list(map(encoded, plain))
    sealed = core({"call": "seal", "bytes": data, "recipients": recipients} for data in in_base64)
    streamed = core({"call": "sealStream", "bytes": data, "recipients": recipients, "part": 4099} for data in in_base64)
    for file, data in zip([*sealed, *streamed], plain * 2, strict=True):
        assert decrypt(_bytes(file), [ours]) == data
        assert decrypt(_bytes(file), [theirs]) == data
    from_here = [encrypt(data, [ours.recipient(), theirs.recipient()]) for data in plain]
    assert core({"call": "open", "bytes": encoded(file), "seed": SEED.hex()} for file in from_here) == in_base64


def test_what_is_damaged_or_not_for_them_is_not_opened() -> None:
    """A changed byte, a file cut short, one for someone else, no file at all; and no recipient but a hybrid one."""
    file = encrypt(b"x" * 70_000, [HybridRecipient.from_seed(SEED)])
    broken = [file[:-1] + b"x", file[:-20], encrypt(b"x", [HybridIdentity.generate().recipient()]), b"", b"x" * 99]
    opened = core({"call": "open", "bytes": encoded(one), "seed": SEED.hex()} for one in broken)
    assert [type(one) for one in opened] == [Refused] * len(broken)
    classic = "age1yr66pllm6shk2nc24zywlrk54zcj9zue3snnazunghnav9un4vtsutwxpw"
    wrong: list[list[str]] = [[], [classic], ["age1pq1xyz"], [COMMON["recipients"][0] + "q"]]
    sealed = core({"call": "seal", "bytes": "", "recipients": recipients} for recipients in wrong)
    assert [type(one) for one in sealed] == [Refused] * len(wrong)


def test_a_draft_is_a_plain_age_file_under_the_draft_key() -> None:
    """Its passphrase is the key in Base64. What asks for more work, or has another key, is refused."""
    (locked,) = core([{"call": "lock", "bytes": encoded(b"a draft"), "key": SEED.hex()}])
    assert decrypt(_bytes(locked), [ScryptIdentity(encoded(SEED))]) == b"a draft"
    unlock = {"call": "unlock", "bytes": locked, "key": SEED.hex()}
    slow = encoded(_bytes(locked).replace(b" 10\n", b" 20\n", 1))
    opened, *refused = core([unlock, {**unlock, "key": "00" * 32}, {**unlock, "bytes": slow}, {**unlock, "bytes": ""}])
    assert opened == encoded(b"a draft")
    assert [type(one) for one in refused] == [Refused] * 3


def test_the_desk_reads_what_the_browser_builds() -> None:
    """Every kind passes the strict parser, and its signature is that of the testimony's authority."""
    signer = Ed25519PrivateKey.from_private_bytes(SEED)
    public = encoded(signer.public_key().public_bytes_raw())
    (common,) = core([{"call": "common", "data": COMMON}])
    kinds: dict[str, dict[str, Any]] = {
        "addition": {"answers": {}, "consent": {}, "text": "Encore. 👩🏽‍⚕️"},
        "consent": {"consent": {"CINT": "Y"}, "version": 1},
        "withdrawal": {},
        "attachment": {"content": "0" * 32, "name": "a", "media_type": "image/png", "size": 1, "sha256": "0" * 64},
    }
    whole = {kind: {**common, "parent": "0" * 32, **more} for kind, more in kinds.items()}
    signatures = core({"call": "sign", "kind": kind, "fields": whole[kind], "seed": SEED.hex()} for kind in whole)
    for kind, signature in zip(whole, signatures, strict=True):
        whole[kind]["signature"] = signature
    keys = {"mailbox": COMMON["recipients"][0], "authority": public}
    whole["testimony"] = {**common, **keys, "answers": {"a": "é", "b": ["A"], "c": 1}, "consent": {"CINT": "Y"}}
    built = core({"call": "build", "kind": kind, "fields": fields} for kind, fields in whole.items())
    for kind, padded in zip(whole, map(_bytes, built), strict=True):
        parsed = envelope.parse(padded)
        assert (parsed.kind, parsed.client) == (kind, "browser")
        assert parsed.recipients == (HybridRecipient.from_seed(SEED).fingerprint,)
        assert envelope.build(parsed) == padded
        if not isinstance(parsed, envelope.Testimony):
            parsed.verify(public)


def test_the_browser_reads_what_the_desk_writes() -> None:
    """Replies, acknowledgements and the copy of the consents; of anything else, nothing."""
    signer = Ed25519PrivateKey.from_private_bytes(SEED)
    public = encoded(signer.public_key().public_bytes_raw())
    named = {"id": "0" * 32, "parent": "1" * 32, "day": "2026-11-21"}
    reply = envelope.Reply(**named, text="Merci. شكراً 👩🏽‍⚕️").signed(signer)
    news = envelope.Acknowledgement(**named, text="", state="accepted", sha256="2" * 64).signed(signer)
    choices = envelope.Choices(consent={"CINT": "Y"}, answers={"a": ["B"]}, edition="3" * 64, version=2)
    messages = [envelope.build_message(reply), envelope.build_message(news)]
    parsed = core({"call": "parseMessage", "bytes": encoded(message)} for message in messages)
    assert [(one["kind"], one["text"], one.get("state")) for one in parsed] == [
        ("reply", reply.text, None),
        ("acknowledgement", "", "accepted"),
    ]
    assert core({"call": "verify", "fields": one, "key": public} for one in parsed) == [True, True]
    copy = encoded(envelope.build_choices(choices))
    assert core([{"call": "parseChoices", "bytes": copy}]) == [
        {"consent": {"CINT": "Y"}, "answers": {"a": ["B"]}, "edition": "3" * 64, "version": 2}
    ]
    odd = [b"", b"[]", b"null", b"{}", messages[0].replace(b"reply", b"other"), messages[0].replace(b"text", b"txet")]
    for call in ("parseMessage", "parseChoices"):
        refused = core({"call": call, "bytes": encoded(one)} for one in odd)
        assert [type(one) for one in refused] == [Refused] * len(odd)


def _bytes(text: Any) -> bytes:
    assert isinstance(text, str), getattr(text, "message", text)
    return decode_base64(text, len(text) // 4 * 3 - text.count("="))
