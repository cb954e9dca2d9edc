"""Makes bundles of synthetic testimonies in eight languages, sealed to one key. The same seed says the same words.

By hand: `.venv/bin/python bench/testimonies.py --records 5000`. The key and the bundle stay in bench/.cache, and are
made only once.
"""

import argparse
import datetime
import functools
import hashlib
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sentences import WORDS

from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity
from intake.bundle import Contents, Entry, Sealed, SealedTo, link, write_bundle
from intake.calls.answers import check
from intake.calls.edition import CALL_FILE, CALLS, Edition
from intake.calls.model import Kind, Question
from intake.encoding import encode_base64
from intake.envelope import Answer, Testimony, build

FOLDER = Path(__file__).parent / ".cache"
DUTY = HybridIdentity.from_seed(hashlib.sha256(b"bench").digest())
"""The one key that the testimonies are sealed to."""
SEED = 4

_FIRST_DAY = datetime.date(2026, 1, 1)
_A_DAY = 400  # testimonies that come on one day
_CHUNK = 250
_GIVEN = {"you.adult": "Y", "CINT": "Y"}
_SHARE_ANSWERED = 0.6
_COUNTRIES = {
    "en": ("GB", "US", "IE", "NG"), "fr": ("FR", "CH", "SN"), "ar": ("EG", "MA", "JO"), "zh": ("CN", "SG"),
    "ru": ("KZ", "RU", "AM"), "es": ("ES", "MX", "CR"), "hi": ("IN",), "de": ("DE", "AT", "CH"),
}  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """Where a bundle is, in one or more volumes, and the key file that opens it."""

    paths: list[Path]
    key: Path


def bundle(records: int, seed: int = SEED, folder: Path = FOLDER) -> Bundle:
    """Return a bundle of so many testimonies, from the folder if it was made before."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "bench.key"
    key.write_text(f"{DUTY}\n")
    first = folder / f"{records}-{seed}.tar"
    if not first.exists():
        spool = folder / "records"
        with spool.open("w+b") as file:
            write_bundle(first, Ed25519PrivateKey.from_private_bytes(bytes(32)), _contents(records, seed, file))
        spool.unlink()
    return Bundle([first, *sorted(folder.glob(f"{records}-{seed}-*.tar"))], key)


@functools.cache
def edition() -> Edition:
    """Return the real call. A language that it is not translated into yet gets a catalogue without words."""
    translations = CALLS.parent.parent / "translations"
    empty = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    files = {CALL_FILE: (CALLS / "testimonials.yaml").read_bytes()}
    for language in sorted(WORDS.keys() - {"en"}):
        path = translations / language / "LC_MESSAGES" / "testimonials.po"
        files[f"{language}.po"] = path.read_bytes() if path.exists() else empty
    return Edition(files)


def testimony(number: int, seed: int = SEED) -> Testimony:
    """Return the testimony of this number, as the site would have built it."""
    chance = random.Random(f"{seed} {number}")
    language = chance.choice(sorted(WORDS))
    checked = check(edition().call, _answers(chance, language))
    return Testimony(
        id=_identifier(number, seed),
        call=edition().call.name,
        edition=edition().sha256,
        language=language,
        day=_day(number),
        answers=checked.answers,
        consent={**checked.consent, "notice_sha256": edition().notice_sha256(language)},
        recipients=(DUTY.recipient().fingerprint,),
        client="server",
        mailbox=str(DUTY.recipient()),
        authority=encode_base64(hashlib.sha256(f"{seed} {number}".encode()).digest()),
    )


def _answers(chance: random.Random, language: str) -> dict[str, Answer]:
    """Answer every question that chance says; those of closed branches are dropped later."""
    given: dict[str, Answer] = {}
    for section in edition().call.sections:
        if section.keep_days:  # these days are long past: the desk would delete it as soon as it is filed
            continue
        for question in section.questions:
            if chance.random() < _SHARE_ANSWERED:
                given[question.id] = _answer(question, chance, language)
    return {**given, **_GIVEN, "story.text": _text("story", chance, language, chance.choice((2, 5, 8, 12, 20)))}


def _answer(question: Question, chance: random.Random, language: str) -> Answer:
    codes = [option.code for option in question.options]
    match question.kind:
        case Kind.RADIO:
            return chance.choice(codes)
        case Kind.CHECKBOXES:
            return chance.sample(codes, chance.randint(1, min(4, len(codes))))
        case Kind.COUNTRY:
            return chance.choice(_COUNTRIES[language])
        case Kind.NUMBER:
            return chance.randint(0, min(question.limit, 400))
        case Kind.DATE:
            return (datetime.date(2023, 1, 1) + datetime.timedelta(chance.randint(0, 1200))).isoformat()
    if question.id in ("story.change", "story.line"):
        return _text(question.id.removeprefix("story."), chance, language, 1)
    return chance.choice(WORDS[language]["place"])


def _text(part: str, chance: random.Random, language: str, sentences: int) -> str:
    words = WORDS[language]
    chosen = (chance.choice(words[part]) for _ in range(sentences))
    slots = ("place", "system", "time", "who")
    said = (sentence.format(**{slot: chance.choice(words[slot]) for slot in slots}) for sentence in chosen)
    return ("" if language == "zh" else " ").join(said)


def _contents(records: int, seed: int, spool: BinaryIO) -> Contents:
    """Seal every testimony into the spool, on every core there is."""
    entries: list[Entry] = []
    sealed: dict[str, Sealed] = {}
    chunks = [range(first, min(first + _CHUNK, records)) for first in range(0, records, _CHUNK)]
    with multiprocessing.Pool() as pool:
        for numbers, found in zip(chunks, pool.imap(functools.partial(_seal, seed), chunks), strict=True):
            for number, content in zip(numbers, found, strict=True):
                record, sha256 = _identifier(number, seed), hashlib.sha256(content).hexdigest()
                sealed[record] = Sealed(
                    sha256, len(content), functools.partial(_read, spool, spool.tell(), len(content))
                )
                spool.write(content)
                last = entries[-1] if entries else None
                entries.append(link(last, event="received", record=record, sha256=sha256, day=_day(number)))
    languages = edition().languages
    notices = {f"notices/{language}.txt": edition().notice(language).encode() for language in languages}
    return Contents(
        instance="00" * 16,
        day=_day(records),
        entries=entries,
        records=sealed,
        editions={edition().sha256: {**edition().files, **notices}},
        recipients=[SealedTo(DUTY.recipient().fingerprint, "bench", _day(0))],
    )


def _seal(seed: int, numbers: Sequence[int]) -> list[bytes]:
    recipients = [DUTY.recipient()]
    return [encrypt(build(testimony(number, seed)), recipients) for number in numbers]


def _read(spool: BinaryIO, place: int, size: int) -> Iterator[bytes]:
    spool.seek(place)
    yield spool.read(size)


def _identifier(number: int, seed: int) -> str:
    return hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:32]


def _day(number: int) -> str:
    return (_FIRST_DAY + datetime.timedelta(number // _A_DAY)).isoformat()


def main() -> None:
    """Make a bundle and say where it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    made = bundle(given.records, given.seed, given.folder)
    print("bundle:", *made.paths)
    print("key:   ", made.key)


if __name__ == "__main__":
    main()
