"""Promise 10: bad input gets a clear, translated error and keeps what the person typed."""

import re
from html import escape

import pytest
from service import CALL, ENOUGH, Instance, Server, copy_of_the_program

EVERYTHING = {
    **ENOUGH,
    "safe.device": "WORK",
    "care.effects": ["DELAY", "DIVERT"],
    "you.country": "FR",
    "inc.when.year": "20x5",
    "inc.when.month": "3",
    "inc.when.day": "99",
    "inc.days": "1-3D",
    "inc.days_number": "a few",
    "inc.name": "Clinic “Ümläut” <b>&amp;",
    "story.text": "\nFirst line\r\n\r\nمرحبا <script>alert(1)</script> 🩺",
}
TITLES = {"en": "Error:", "fr": "Erreur", "ar": "خطأ"}


@pytest.mark.parametrize("language", TITLES)
def test_every_answer_is_kept_and_every_problem_named(shared_server: Server, language: str) -> None:
    """A form with mistakes comes back whole, in its language, with links to the questions."""
    client = shared_server.client
    path = f"/{language}/testimonials"
    page = client.post(path, {**client.form(path), **EVERYTHING})
    assert page.status == 422
    assert re.search(rf"<title>{TITLES[language]}", page.text)
    links = re.findall(r'<li>[^<]*<br><a href="#(q\d+)">([^<]+)</a>', page.text)
    assert len(links) == 2
    for identifier, words in links:
        question = page.text.split(f'id="{identifier}"')[1].split("</fieldset>")[0]
        assert words in question
    for value in (
        "20x5",
        "99",
        "a few",
        "Clinic “Ümläut” <b>&amp;",
        "First line",
        "مرحبا <script>alert(1)</script> 🩺",
    ):
        assert str(escape(value)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page.text
    for choice in ("WORK", "DELAY", "DIVERT", "1-3D"):
        assert re.search(rf'value="{re.escape(choice)}"[^>]* checked', page.text)
    assert re.search('value="FR" selected', page.text)
    assert "<script>alert" not in page.text


def test_text_comes_back_exactly(shared_server: Server) -> None:
    """Leading line breaks, spaces and markup come back as they were typed."""
    text = "\n\n  Two lines  \n\n</textarea><p>"
    page = shared_server.client.send(CINT="N", **{"story.text": text.replace("\n", "\r\n")})
    found = re.search(r'name="story.text"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    assert found
    assert found[1].replace("\r\n", "\n") == str(escape(text))


@pytest.mark.parametrize("letter", ["x", "é", "م", "中", "🩺", "\N{COMBINING ACUTE ACCENT}", "&", "\x1b"])
def test_20000_characters_of_any_script_are_taken(server: Server, letter: str) -> None:
    """The limit is in characters, and nothing is cut."""
    assert server.client.send(**{"story.text": letter * 20_000}).status == 200
    (ciphertext,) = server.instance.ciphertexts()
    assert server.instance.shown(server.instance.open_on_desk()[0]["id"])["answers"]["story.text"] == letter * 20_000
    assert ciphertext


@pytest.mark.parametrize("letter", ["x", "🩺"])
def test_a_longer_text_is_kept_with_an_error(shared_server: Server, letter: str) -> None:
    """One character more, or many: an error, and the whole text still there."""
    for length in (20_001, 150_000):
        page = shared_server.client.send(**{"story.text": letter * length})
        assert page.status == 422
        assert letter * length in page.text
        assert "20,000" in page.text


def test_a_longer_text_is_kept_in_any_encoding_of_the_form(shared_server: Server) -> None:
    """Sent as multipart, as some clients do, it meets no lower limit."""
    text = "🩺" * 150_000
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    fields = {**shared_server.client.form(), **ENOUGH, "story.text": text}
    body = "".join(part.format(name, value) for name, value in fields.items()) + "--x--\r\n"
    page = shared_server.client.request(
        "POST", CALL, body.encode(), {"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert page.status == 422
    assert text in page.text


def test_a_form_that_waited_too_long_keeps_its_text(shared_server: Server) -> None:
    """A token that is damaged or too old costs nothing: the same page comes back, and can be sent."""
    client = shared_server.client
    page = client.post(CALL, {**ENOUGH, "form_token": "damaged", "code": client.form()["code"]})
    assert page.status == 422
    assert "The screens went dark." in page.text
    again = {**ENOUGH, "form_token": page.hidden("form_token"), "code": page.hidden("code")}
    assert client.post(CALL, again).status == 200


def test_a_site_that_cannot_store_keeps_the_text(instance: Instance) -> None:
    """Someone who presses Send just when the keys are gone gets their text back, and sends it later."""
    with instance.serve() as server:
        form = {**server.client.form(), **ENOUGH}
        (instance.folder / "keys" / "duty.pub").rename(instance.folder / "duty.pub")
        server.settle()
        page = server.client.post(CALL, form)
        assert page.status == 503
        assert "The screens went dark." in page.text
        (instance.folder / "duty.pub").rename(instance.folder / "keys" / "duty.pub")
        server.settle()
        assert server.client.post(CALL, form).status == 200


def test_a_fault_of_ours_keeps_the_text_and_says_nothing(instance: Instance) -> None:
    """A bug that strikes after a testimony was stored: the text is kept, a retry makes no second, no log tells."""
    program = copy_of_the_program(instance.folder)
    pages = program / "intake" / "site" / "pages.py"
    start = 'def receipt(kept: Kept, ready: Ready, return_code: str = "", *, access: str = "") -> Response:\n'
    assert start in pages.read_text()
    faulty = pages.read_text().replace(start, f"{start}    raise RuntimeError(request.form)\n")
    pages.write_text(faulty.replace("import Blueprint,", "import request, Blueprint,"))
    with instance.serve(PYTHONPATH=str(program)) as server:
        form = {**server.client.form(), **ENOUGH}
        for _ in range(2):
            page = server.client.post(CALL, form)
            assert page.status == 500
            assert "The screens went dark." in page.text
            assert page.hidden("form_token") == form["form_token"]
        assert "The screens went dark." not in server.log
        assert "Traceback" not in server.log
        assert "RuntimeError" in server.log
    assert len(instance.ciphertexts()) == 1


@pytest.mark.parametrize(
    ("command", "environment", "words"),
    [
        (["check"], {"INTAKE_KEYS": "/nowhere"}, "/nowhere"),
        (["check"], {"INTAKE_LANGUAGES": "en xx"}, "xx"),
        (["check"], {"INTAKE_COLOUR": "red"}, "INTAKE_COLOUR"),
        (["init"], {"INTAKE_DATABASE_URL": "sqlite:////nowhere/at/all.db"}, "/nowhere/at/all.db"),
        (["export", "/nowhere/at/all.tar"], {}, "nothing"),
    ],
)
def test_an_operator_gets_one_clear_line(
    instance: Instance, command: list[str], environment: dict[str, str], words: str
) -> None:
    """A mistake of the operator is one line that names what is wrong, and exit code 1."""
    done = instance.intake(*command, **environment)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
