"""Words of any script are found however they were typed, at their places in the text as it was sent."""

import itertools
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.desk.finding.excerpts import opening, snippet
from intake.desk.finding.search_words import Indexer, highlight, index_text, match_expression, parse_query

SCRIPTS = (
    "L'hôpital était fermé. Ärzte in Ängsten, Straße. ELMA İstanbul ısı. Łódź. Œuvre. "
    "ёлка Йод мой. Ελλάδα ΟΔΌΣ οδος. שָׁלוֹם עולם. مُسْتَشْفَى المستشفى أُحِبُّ الأطباء كـــتاب. "
    "अस्पताल में मरीज़ों को। 医院的病历系统停了。カタカナ ｶﾞｿﾘﾝ ひらがな。한국어 병원에서. โรงพยาบาลน้ำ ໂຮງຫມໍ មន្ទីរពេទ្យ ဆေးရုံ. "
    "👩‍👩‍👧 🇫🇷🇩🇪 👍🏽 e\u0301\u0301 a\u202eb\u200bc x² ½ ٢٠٢٦ \x00 _ ﬃ 𝕳𝖊𝖑𝖕"
)
ANY = st.one_of(
    st.text(), st.text(alphabet=SCRIPTS), st.text(alphabet='e\u0301\u200d👩각\u1100\u1161\u11a8คำ한ﾞｶ医的 \n"*-')
)


def found(text: str, query: str) -> list[str]:
    """What of the text is shown as found."""
    return [text[first:last] for first, last in highlight(text, query)]


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Notre hôpital est fermé.", "hopital ferme", ["hôpital", "fermé"]),
        ("Notre ho\u0302pital.", "HÔPITAL", ["ho\u0302pital"]),
        ("Die Straße, die STRASSE.", "strasse", ["Straße", "STRASSE"]),
        ("in İSTANBUL und Isı", "istanbul ısı", ["İSTANBUL", "Isı"]),
        ("ёлка, е\u0308лка и елка", "елка", ["ёлка", "е\u0308лка", "елка"]),
        ("мой и мои", "мой", ["мой"]),
        ("ΟΔΌΣ, οδός, οδος", "οδοσ", ["ΟΔΌΣ", "οδός", "οδος"]),
        ("שָׁלוֹם עולם", "שלום", ["שָׁלוֹם"]),
        ("في مُسْتَشْفَى المدينة", "مستشفى", ["مُسْتَشْفَى"]),
        ("في مستشفى المدينة", "مُسْتَشْفَى", ["مستشفى"]),
        ("والمستشفى بعيد، للمستشفى", "مستشفى", ["والمستشفى", "للمستشفى"]),
        ("أحمد إحمد آحمد كـــتاب", "احمد كتاب", ["أحمد", "إحمد", "آحمد", "كـــتاب"]),
        ("مدرسة علی کتاب", "مدرسه على كتاب", ["مدرسة", "علی", "کتاب"]),
        ("मरीज़ों और मरीजों का फ़ोन", "मरीज़ों", ["मरीज़ों", "मरीजों"]),
        ("हिन्दी की किताब", "की", ["की"]),
        ("那天晚上医院停电", "医院", ["医院"]),
        ("那天晚上医院停电", "院", ["院"]),
        ("那天晚上医院停电", "医院停电", ["医院停电"]),
        ("在医院", "医院", ["医院"]),
        ("在医院", "院", ["院"]),
        ("病院のカルテ", "カルテ", ["カルテ"]),
        ("ｶﾞｿﾘﾝ", "ガソリン", ["ｶﾞｿﾘﾝ"]),
        ("대학병원에서", "병원", ["병원"]),
        (unicodedata.normalize("NFD", "대학병원에서"), "병원", [unicodedata.normalize("NFD", "병원")]),
        ("ไปโรงพยาบาลแล้ว", "พยาบาล", ["พยาบาล"]),
        ("ดื่มน้ำ", "น้ำ", ["น้ำ"]),
        ("ဆေးရုံသို့", "ဆေးရုံ", ["ဆေးရုံ"]),
        ("عام ٢٠٢٦", "2026", ["٢٠٢٦"]),
        ("ran\u200bsom\u00adware", "ransomware", ["ran\u200bsom\u00adware"]),
        ("a 👩‍👩‍👧 family", "family", ["family"]),
        ("hospitals and a hospital", "hospital", ["hospital"]),
        ("hospitals and a hospital", "hospital*", ["hospitals", "hospital"]),
        ("the dark ward, a ward in the dark", '"dark ward"', ["dark ward"]),
        ("the dark ward", "ward -dark", ["ward"]),
        ("l'hôpital", "l'hopital", ["l'hôpital"]),
        ("no such word", "word's", []),
        ("nothing to see", "", []),
    ],
)
def test_what_a_query_finds(text: str, query: str, expected: list[str]) -> None:
    assert found(text, query) == expected


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("two words", '"two" AND "words"'),
        ('"a phrase" more', '"a phrase" AND "more"'),
        ("“curly quotes”", '"curly quotes"'),
        ("begin*", '"begin"*'),
        ('"a phrase that beg*"', '"a phrase that beg"*'),
        ("-without", '"without"'),
        ('"never closed', '"never closed"'),
        ('NEAR(a, b) OR {text}: ^c" x', '"near a" AND "b" AND "or" AND "text" AND "c" AND "x"'),
        ("医", '"医"*'),
        ("医院", '"医院"'),
        ("医院系统", '"医院 院系 系统"'),
        ("'; DROP TABLE words; --", '"drop" AND "table" AND "words"'),
        ("* - \" ' () \x00 😀", ""),
    ],
)
def test_no_query_is_wrong(query: str, expression: str) -> None:
    assert match_expression(parse_query(query)) == expression


@given(ANY)
def test_every_word_of_a_text_is_found_at_its_place(text: str) -> None:
    """What is highlighted for a word is a piece of the original in which the index has this very word."""
    for word in set(index_text(text).split()):
        places = highlight(text, word)
        assert places == sorted(places)
        assert all(last <= first for (_, last), (first, _) in itertools.pairwise(places))
        shown = [text[first:last] for first, last in places]
        assert shown
        assert all(word in index_text(piece) for piece in shown)


def test_the_index_has_pairs_and_the_last_character_alone() -> None:
    assert index_text("去医院 ok") == "去医 医院 院 ok"


@given(ANY)
def test_an_indexer_that_remembers_says_the_same(text: str) -> None:
    indexer = Indexer()
    assert indexer.text(text).split() == indexer.text(text).split() == index_text(text).split()


@given(st.text(alphabet=SCRIPTS))
def test_composed_and_decomposed_texts_are_the_same(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert index_text(composed) == index_text(decomposed)


def test_hostile_texts_take_no_longer_than_others() -> None:
    texts = [
        "a" * 20_000,
        "e" + "\u0301" * 19_999,
        "\u200d" * 20_000,
        "👩\u200d" * 10_000,
        "医" * 20_000,
        "🇫" * 20_000,
        "\u1100" * 20_000,
        "\u202e\u2066a" * 6_000,
        "\x00" * 20_000,
        "\U0001d167" * 20_000,
        "a\u0903" * 10_000,
    ]
    began = time.process_time()
    for text in texts:
        words = index_text(text).split()
        assert all(len(word) <= 64 for word in words)
        for query in ("a*", "医 医医医", text):
            highlight(text, query)
            snippet(text, query)
        opening(text)
    assert time.process_time() - began < 10
