"""What the form's address promises, as far as a browser is not needed to see it."""

import hashlib
import re

import pytest
from service import CALL, ENOUGH, Instance, Server, copy_of_the_program

from intake.age.identities import HybridIdentity
from intake.envelope import parse

pytestmark = pytest.mark.both_engines


def test_forms_differ_only_in_their_hidden_fields(shared_server: Server) -> None:
    """The page is the same for everyone but for its token and code, whose lengths never vary."""
    pages = [shared_server.client.get(CALL).text for _ in range(20)]
    assert len({len(page) for page in pages}) == 1
    assert len({re.sub(r'<input type="hidden"[^>]+>', "", page) for page in pages}) == 1
    assert len({re.search(r'name="code" value="(\d+)"', page)[1] for page in pages}) == 20  # type: ignore[index]


def test_the_compressed_page_is_the_plain_page(shared_server: Server) -> None:
    """The spliced gzip decompresses, by a foreign implementation, to a whole page of one length on the wire."""
    lengths = set()
    for _ in range(10):
        answer = shared_server.client.request("GET", CALL, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"  # the client has decompressed and checked it
        assert answer.text.startswith("<!doctype html>") and answer.text.endswith("</html>")
        lengths.add(answer.headers["Content-Length"])
    assert len(lengths) == 1
    assert "Content-Encoding" not in shared_server.client.get(CALL).headers


def test_hidden_fields_come_first_in_the_form(shared_server: Server) -> None:
    """A server that reads a stream knows the token before anything else."""
    form = shared_server.client.get(CALL).text.split("<form")[1]
    assert re.findall(r'name="([^"]+)"', form)[:2] == ["form_token", "code"]


def test_a_key_rotation_meanwhile_is_no_trouble(instance: Instance) -> None:
    """A form that was fetched before a rotation is sealed to the new key, and only to it."""
    with instance.serve() as server:
        form = {**server.client.form(), **ENOUGH}
        new = HybridIdentity.generate()
        (instance.folder / "keys" / "duty.pub").unlink()
        instance.add_recipient("next", new)
        server.settle()
        assert _fingerprints(server) == [new.recipient().fingerprint]
        assert server.client.post(CALL, form).status == 200
    (ciphertext,) = instance.ciphertexts()
    assert parse(instance.opened(ciphertext, new)).recipients == (new.recipient().fingerprint,)


def _fingerprints(server: Server) -> list[str]:
    lines = server.client.get("/keys").text.splitlines()
    return [hashlib.sha256(line.encode()).hexdigest() for line in lines if line.startswith("age1pq1")]


def test_two_recipients_each_open_it(instance: Instance) -> None:
    """With a duty key and an escrow key, either opens every testimony."""
    escrow = HybridIdentity.generate()
    instance.add_recipient("escrow", escrow)
    with instance.serve() as server:
        assert server.client.send().status == 200
    (ciphertext,) = instance.ciphertexts()
    assert instance.opened(ciphertext) == instance.opened(ciphertext, escrow)


@pytest.mark.parametrize("bad", ["private", "other", "classic", "garbage", "nothing"])
def test_no_usable_recipient_means_503_and_a_reason(instance: Instance, bad: str) -> None:
    """A broken keys/ stops the site before anyone types, and `intake check` says why."""
    keys = instance.folder / "keys"
    contents = {
        "private": ("stray.pub", f"{instance.identity}\n", "private key"),
        "other": ("notes.txt", "hello\n", "does not belong"),
        "classic": ("old.pub", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n", "line 1"),
        "garbage": ("bad.pub", "age1pq1qqqqq\n", "line 1"),
        "nothing": ("duty.pub", "# role: none\n", "no recipient"),
    }
    name, content, words = contents[bad]
    (keys / name).write_text(content)
    with instance.serve() as server:
        assert server.client.get(CALL).status == 503
        (keys / name).unlink()
        if bad == "nothing":
            instance.add_recipient("duty", instance.identity)
        server.settle()
        assert server.client.get(CALL).status == 200
    (keys / name).write_text(content)
    done = instance.intake("check")
    assert done.returncode == 1
    assert words in done.stderr
    assert str(instance.identity) not in done.stderr


def test_under_18_nothing_is_stored(server: Server) -> None:
    """The stop page answers, and the database stays empty."""
    answer = server.client.send(**{"you.adult": "N"})
    assert answer.status == 200
    assert "return-code" not in answer.text
    assert "This form is for adults" in answer.text
    assert server.instance.ciphertexts() == []


def test_answers_of_a_closed_branch_are_dropped(server: Server) -> None:
    """What a branch that closed again still holds is not stored, through every level."""
    server.client.send(**{"inc.data": "NO", "inc.data_n": "1-499", "inc.data_number": "7", "safe.device": "WORK"})
    (ciphertext,) = server.instance.ciphertexts()
    assert server.instance.testimony(ciphertext).answers == {
        "you.adult": "Y",
        "inc.data": "NO",
        "story.text": ENOUGH["story.text"],
    }


def test_a_form_of_another_call_is_refused(shared_server: Server) -> None:
    """A token names its call: it opens no other address."""
    client = shared_server.client
    assert client.post("/en/nothing", {**client.form(), **ENOUGH}).status == 404


@pytest.mark.parametrize(
    ("wanted", "given"), [("FR", "fr"), ("AR-eg;q=0.9, EN;q=0.1", "ar"), ("xx, *", "en"), ("", "en")]
)
def test_the_language_of_the_browser_is_understood(shared_server: Server, wanted: str, given: str) -> None:
    """In any spelling, on the way in and on a page that is not there."""
    assert shared_server.client.get("/", Accept_Language=wanted).headers["Location"] == f"/{given}/"
    assert f'<html lang="{given}"' in shared_server.client.get("/nothing/at/all", Accept_Language=wanted).text


def test_a_translation_can_do_no_harm(instance: Instance) -> None:
    """A translation with markup, or with a sign that would break the page, is not used; `intake check` names it."""
    program = copy_of_the_program(instance.folder)
    path = program / "translations" / "fr" / "LC_MESSAGES" / "messages.po"
    words = path.read_text()
    for english, evil in (("Exit", "<meta http-equiv=refresh>"), ("Start", "100%"), ("Not answered", "</style>")):
        words = re.sub(rf'msgid "{english}"\nmsgstr ".*"', f'msgid "{english}"\nmsgstr "{evil}"', words)
    path.write_text(words)
    with instance.serve(PYTHONPATH=str(program)) as server:
        for page in (server.client.get("/fr/"), server.client.get("/fr/testimonials")):
            assert page.status == 200
            assert "<meta http-equiv=refresh>" not in page.text
            assert page.text.count("</style>") <= 1
        assert ">Start<" in server.client.get("/fr/").text
    done = instance.intake("check", PYTHONPATH=str(program))
    assert done.returncode == 1
    assert "3 texts" in done.stderr


def test_a_language_without_a_translation_is_not_offered(instance: Instance) -> None:
    """A setting that names one does not take the site down."""
    with instance.serve(INTAKE_LANGUAGES="sw en") as server:
        assert server.client.get("/sw/").status == 404
        assert server.client.get("/en/").status == 200


def test_a_redirect_prints_no_address(shared_server: Server) -> None:
    """The way to the start page is relative, in the header and in the page."""
    answer = shared_server.client.get("/", Accept_Language="ar-EG, en;q=0.5")
    assert answer.headers["Location"] == "/ar/"
    assert "127.0.0.1" not in answer.text
    assert shared_server.client.get("//en//testimonials").status == 404
