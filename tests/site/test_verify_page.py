"""The page on which anyone checks the keys and the scripts of this site, and the scripts themselves."""

import base64
import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from core import BROWSER, needs_node
from service import Instance, Server, copy_of_the_program

from intake.age.recipients import HybridRecipient

STATIC = BROWSER.parent / "static"
SCRIPT = re.compile(r'<script src="(/static/[^"]+)" integrity="sha384-([^"]+)" defer></script>')
pytestmark = needs_node


def shown_digests(page: str) -> list[str]:
    """Return what stands in the lines that name something."""
    return [line.replace(" ", "") for line in re.findall(r'class="digest"[^>]*>([^<]*)<', page)]


def test_it_shows_the_keys_in_use_and_the_scripts(shared_server: Server, tmp_path: Path) -> None:
    """The same fingerprints as its own commands print for what it gives out."""
    client = shared_server.client
    page = client.get("/en/verify")
    recipient = shared_server.instance.identity.recipient()
    assert isinstance(recipient, HybridRecipient)
    scripts = [hashlib.sha256((STATIC / name).read_bytes()).hexdigest() for name in ("form.js", "leave.js")]
    assert shown_digests(page.text) == [recipient.fingerprint, *scripts]
    assert "role: duty" in page.text
    (tmp_path / "keys.txt").write_text(client.get("/keys").text)
    for name, address in re.findall(r'href="(/static/(\w+)[^"]*\.js)" download', page.text):
        (tmp_path / f"{address}.js").write_text(client.get(name).text)
    printed = []
    for command in re.findall(r'<code dir="ltr">([^<]*)</code>', page.text):
        plain = command.replace("&#34;", '"')
        done = subprocess.run(["sh", "-c", plain], check=True, capture_output=True, text=True, cwd=tmp_path)
        printed += re.findall(r"^[0-9a-f]{64}", done.stdout, re.MULTILINE)
    assert sorted(printed) == sorted(shown_digests(page.text))


def test_it_can_be_reached_from_every_page(shared_server: Server) -> None:
    """In each language, from the foot of the page."""
    for language in ("en", "fr", "ar"):
        assert shared_server.client.get(f"/{language}/verify").status == 200
        assert f'href="/{language}/verify"' in shared_server.client.get(f"/{language}/testimonials").text


@pytest.mark.parametrize(("path", "name"), [("/en/", "leave"), ("/en/verify", "leave"), ("/en/testimonials", "form")])
def test_a_page_loads_one_script_which_it_names_by_its_content(shared_server: Server, path: str, name: str) -> None:
    """The browser refuses any other bytes, and any other script."""
    page = shared_server.client.get(path)
    ((address, integrity),) = SCRIPT.findall(page.text)
    script = shared_server.client.get(address)
    assert address.startswith(f"/static/{name}.")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert base64.b64encode(hashlib.sha384(script.text.encode()).digest()).decode() == integrity
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'; connect-src 'self'; " in policy
    assert "script-src" not in script.headers["Content-Security-Policy"]


def test_operators_are_told_what_to_publish(instance: Instance) -> None:
    """`intake check` prints the digest of each script."""
    done = instance.intake("check")
    for name in ("form.js", "leave.js"):
        assert f"{name}, SHA-256: {hashlib.sha256((STATIC / name).read_bytes()).hexdigest()}" in done.stdout


def test_the_site_works_where_no_script_was_built(instance: Instance) -> None:
    """No page asks for one, what is sent is stored, and operators and readers are told."""
    program = copy_of_the_program(instance.folder)
    for script in (program / "intake" / "site" / "static").glob("*.js"):
        script.unlink()
    with instance.serve(PYTHONPATH=str(program)) as server:
        for path in ("/en/", "/en/testimonials", "/en/return", "/en/verify"):
            page = server.client.get(path)
            assert page.status == 200
            assert not re.search(r"<script (?!type=\"application/json\")", page.text)
        assert "This website has no scripts now." in page.text
        assert server.client.send().status == 200
    assert len(instance.ciphertexts()) == 1
    assert "scripts are not built" in instance.intake("check", PYTHONPATH=str(program)).stdout
