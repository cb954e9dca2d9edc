"""Keys as text: known answers, what is refused, and that errors keep secrets."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.age import bech32
from intake.age.errors import AgeError, KeyFormatError
from intake.age.identities import HybridIdentity, ScryptIdentity, X25519Identity, parse_identities, parse_identity
from intake.age.recipients import (
    HybridRecipient,
    ScryptRecipient,
    X25519Recipient,
    parse_recipient,
    parse_recipients,
)

# From the age specification, "Native recipient types".
HYBRID_SECRET = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"
# Of the recipient printed there, which has 1,959 characters.
HYBRID_FINGERPRINT = "a091dd7e0ee9d62b75173dcc98441a0424baa941e66a8776e570a4ae60ff61ea"
HYBRID_PUBLIC = str(HybridIdentity.parse(HYBRID_SECRET).recipient())
X25519_SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
X25519_PUBLIC = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_hybrid_known_answer() -> None:
    identity = HybridIdentity.parse(HYBRID_SECRET)
    assert str(identity) == HYBRID_SECRET
    assert identity.recipient().fingerprint == HYBRID_FINGERPRINT
    assert str(HybridRecipient.from_seed(identity.seed)) == HYBRID_PUBLIC
    assert str(HybridRecipient.parse(HYBRID_PUBLIC)) == HYBRID_PUBLIC
    assert str(HybridIdentity.from_seed(identity.seed)) == HYBRID_SECRET


def test_x25519_known_answer() -> None:
    identity = X25519Identity.parse(X25519_SECRET)
    assert str(identity) == X25519_SECRET
    assert str(identity.recipient()) == X25519_PUBLIC
    assert str(X25519Recipient.parse(X25519_PUBLIC)) == X25519_PUBLIC


@pytest.mark.parametrize("text", [HYBRID_PUBLIC, X25519_PUBLIC])
def test_fingerprint_is_the_hash_of_the_text(text: str) -> None:
    assert parse_recipient(text).fingerprint == hashlib.sha256(text.encode()).hexdigest()


def test_generated_identities_differ_and_read_back() -> None:
    for kind in (HybridIdentity, X25519Identity):
        first, second = kind.generate(), kind.generate()
        assert str(first) != str(second)
        assert str(parse_identity(str(first))) == str(first)


def test_files_of_keys() -> None:
    recipients = parse_recipients(f"# staff\n\n{HYBRID_PUBLIC}\r\n  {X25519_PUBLIC}\n")
    assert [str(recipient) for recipient in recipients] == [HYBRID_PUBLIC, X25519_PUBLIC]
    identities = parse_identities(f"# mine\n{HYBRID_SECRET}\n{X25519_SECRET}")
    assert [str(identity) for identity in identities] == [HYBRID_SECRET, X25519_SECRET]


@pytest.mark.parametrize("parse", [parse_recipients, parse_identities])
def test_an_error_in_a_file_names_the_line_and_none_of_it(parse: type) -> None:
    for wrong in (X25519_SECRET[:-1], HYBRID_SECRET.lower(), X25519_PUBLIC[:-1], "age1yubikey1qqqq"):
        with pytest.raises(KeyFormatError, match=r"^Line 3: ") as caught:
            parse(f"# first\n\n{wrong}\n")
        assert wrong[8:20] not in str(caught.value)
    with pytest.raises(KeyFormatError, match="no key"):
        parse("# nobody\n")


@pytest.mark.parametrize("text", [X25519_SECRET, HYBRID_SECRET, HYBRID_SECRET.lower(), "AGE-PLUGIN-YUBIKEY-1QQ"])
def test_an_identity_is_no_recipient_and_the_error_says_so(text: str) -> None:
    with pytest.raises(KeyFormatError, match="private key"):
        parse_recipient(text)


def test_a_recipient_is_no_identity_and_the_error_says_so() -> None:
    with pytest.raises(KeyFormatError, match="public key"):
        parse_identity(HYBRID_PUBLIC)


@pytest.mark.parametrize(
    "text", [X25519_PUBLIC.upper(), bech32.encode("age1tag", bytes(33)), bech32.encode("age", b"")]
)
def test_other_recipients_are_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        parse_recipient(text)
    with pytest.raises(KeyFormatError):
        X25519Recipient.parse(text)


def test_a_key_of_one_kind_is_not_read_as_the_other() -> None:
    with pytest.raises(KeyFormatError):
        HybridRecipient.parse(X25519_PUBLIC)
    with pytest.raises(KeyFormatError):
        X25519Identity.parse(HYBRID_SECRET)
    with pytest.raises(KeyFormatError):
        HybridIdentity.parse(X25519_SECRET.lower())


def test_public_keys_that_cannot_be_used_are_refused() -> None:
    _, raw = bech32.decode(HYBRID_PUBLIC)
    for key in (raw[:-32] + bytes(32), b"\xff" * 1184 + raw[-32:], raw[:-1], raw + b"\0", b""):
        with pytest.raises(KeyFormatError):
            HybridRecipient(key)
    for key in (bytes(32), b"\1" + bytes(31), bytes(31), bytes(33)):
        with pytest.raises(KeyFormatError):
            X25519Recipient(key)


@pytest.mark.parametrize("make", [HybridIdentity, X25519Identity, HybridIdentity.from_seed, HybridRecipient.from_seed])
def test_secrets_have_32_bytes(make: type) -> None:
    for size in (0, 31, 33):
        with pytest.raises(KeyFormatError):
            make(bytes(size))


def test_passphrases() -> None:
    for kind in (ScryptRecipient, ScryptIdentity):
        for text in ("", "\ud800"):
            with pytest.raises(KeyFormatError):
                kind(text)
    for work_factor in (0, 31):
        with pytest.raises(ValueError, match="work factor"):
            ScryptRecipient("secret", work_factor)


def test_repr_keeps_the_secret() -> None:
    for identity in (HybridIdentity.parse(HYBRID_SECRET), X25519Identity.parse(X25519_SECRET)):
        assert "SECRET" not in repr(identity)
    assert "geheim" not in repr(ScryptIdentity("geheim")) + repr(ScryptRecipient("geheim"))


@given(st.text() | st.text("age1pq-secrtky# \n"))
def test_parsing_any_text_raises_nothing_else(text: str) -> None:
    for parse in (parse_recipient, parse_recipients, parse_identity, parse_identities, X25519Identity.parse):
        with pytest.raises(AgeError):
            parse(text)
