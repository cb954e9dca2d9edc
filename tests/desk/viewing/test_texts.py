"""Text is shown as text, in any script, and nothing in it can command, hide or turn around."""

import pytest

from intake.desk.viewing.texts import CHARSETS, MOST_BYTES, read

SAMPLES = {
    "utf-8": "Ça s'est arrêté 🏥 三月",
    "utf-16": "Ça s'est arrêté 🏥 三月",
    "windows-1252": "Ça s'est arrêté",
    "windows-1250": "Zażółć gęślą jaźń",
    "windows-1251": "Сервер не работал",
    "windows-1253": "Το σύστημα",
    "windows-1254": "Hastane ışıkları",
    "windows-1255": "בית חולים",
    "windows-1256": "المستشفى",
    "gb18030": "医院的系统 🏥",
    "big5": "醫院的系統",
    "shift_jis": "病院のシステム",
    "euc-kr": "병원 시스템",
}


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_reader_can_say_what_it_is_written_in(charset: str) -> None:
    found = read([SAMPLES[charset].encode(charset)], 1, charset)
    assert (found.text, found.charset, found.cut) == (SAMPLES[charset], charset, False)


def test_what_is_guessed() -> None:
    assert read(["é".encode()], 1).charset == "utf-8"
    assert read(["é".encode("utf-8-sig")], 1).text == "é"
    assert read(["é".encode("utf-16")], 1).text == "é"
    assert read([b"\xfe\xff\0e"], 1).text == "e"
    assert read(["é".encode("latin-1")], 1) == read(["é".encode("latin-1")], 1, "windows-1252")
    assert read([b"x"], 1, "no such charset").charset == "utf-8"


def test_nothing_commands_a_terminal_or_turns_text_around() -> None:
    text = "safe\x1b[2J\x07\r\u202etxt.exe\u2066\u2028\x00\u009b\r\nnext\ttab"
    shown = read([text.encode()], 1).text
    assert shown == "safe\\x1b[2J\\x07\\x0d\\u202etxt.exe\\u2066\\u2028\\x00\\x9b\nnext\ttab"


def test_scripts_stay_text() -> None:
    assert read([b"<script>alert(1)</script>"], 1).text == "<script>alert(1)</script>"


def test_pages_put_together_are_the_whole() -> None:
    whole = "".join(f"{number} 🏥\n" for number in range(30_000))
    first = read([whole.encode()], 1)
    assert first.pages > 3
    assert "".join(read([whole.encode()], page).text for page in range(1, first.pages + 1)) == whole
    assert read([whole.encode()], first.pages + 9).page == first.pages
    assert read([whole.encode()], -4).page == 1


def test_pieces_may_cut_a_character_in_two() -> None:
    data = "🏥".encode() * 100
    assert read((data[start : start + 3] for start in range(0, len(data), 3)), 1).text == "🏥" * 100


def test_a_very_long_text_is_cut_and_says_so() -> None:
    asked = 0

    def pieces() -> object:
        nonlocal asked
        while True:
            asked += 1
            yield "é".encode() * 500_000 + b"x"

    found = read(pieces(), 1)  # type: ignore[arg-type]
    assert found.cut
    assert asked <= MOST_BYTES // 1_000_000 + 2
    assert "\ufffd" not in read(pieces(), found.pages).text  # type: ignore[arg-type]


def test_an_empty_text_has_one_page() -> None:
    assert (read([], 1).text, read([b""], 7).pages) == ("", 1)


def test_wrong_bytes_are_shown_as_such() -> None:
    assert read([b"a\xff\xfeb"], 1, "utf-8").text == "a\ufffd\ufffdb"
    assert read([b"a\x81b"], 1).text in ("a\ufffdb", "a\\x81b")
