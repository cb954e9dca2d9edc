"""Promise 6: an open format. (npm's age-encryption opens a record in tests/desk/test_without_us.py.)"""

import json

from service import CALL, ENOUGH, Server


def test_a_stored_record_is_a_plain_age_file_with_hybrid_recipients(server: Server) -> None:
    """It starts as the age specification says, with one post-quantum stanza for each recipient in use."""
    server.client.send()
    (ciphertext,) = server.instance.ciphertexts()
    lines = ciphertext.split(b"\n")
    assert lines[0] == b"age-encryption.org/v1"
    assert [line for line in lines if line.startswith(b"-> ")] == [
        line for line in lines if line.startswith(b"-> mlkem768x25519 ")
    ]


def test_inside_is_json_as_the_contract_has_it(server: Server) -> None:
    """The plaintext is UTF-8 JSON with exactly the documented fields, padded with spaces."""
    answers = {**ENOUGH, "care.effects": ["DIVERT", "DELAY"], "inc.when.year": "٢٠٢٥", "inc.when.month": "3"}
    server.client.post(CALL, {**server.client.form(), **answers})
    (ciphertext,) = server.instance.ciphertexts()
    plaintext = server.instance.opened(ciphertext)
    assert len(plaintext) == 32 * 1024
    found = json.loads(plaintext)
    assert set(found) == {
        *("format", "kind", "id", "call", "edition", "language", "day", "answers", "consent"),
        *("mailbox", "authority", "recipients", "client"),
    }
    assert (found["format"], found["kind"], found["call"]) == ("intake/1", "testimony", "testimonials")
    assert (found["language"], found["client"]) == ("en", "server")
    assert found["answers"] == {
        "you.adult": "Y",
        "inc.when": "2025-03",
        "care.effects": ["DELAY", "DIVERT"],
        "story.text": ENOUGH["story.text"],
    }
    assert found["consent"]["CINT"] == "Y"
    assert found["recipients"] == [server.instance.identity.recipient().fingerprint]
    assert found["mailbox"].startswith("age1pq1")
