"""Promise 9: nothing is published that its consent does not cover.

What the gate of the desk's exports relies on is right from the moment of sending. The gate: tests/desk/test_export.py.
"""

from service import Instance, Server

from intake.envelope import Testimony as SealedTestimony


def sent(server: Server, **answers: str) -> SealedTestimony:
    """Send a testimony with these consents and return what was sealed."""
    before = server.instance.ciphertexts()
    assert server.client.send(**answers).status == 200
    (new,) = [ciphertext for ciphertext in server.instance.ciphertexts() if ciphertext not in before]
    return server.instance.testimony(new)


def test_no_answer_is_a_no(server: Server) -> None:
    """Every consent that was asked and not given is stored as a no."""
    consent = dict(sent(server).consent)
    assert consent.pop("CINT") == "Y"
    assert len(consent.pop("notice_sha256")) == 64
    assert set(consent.values()) == {"N"}
    assert {"CCONT", "CSTAT", "CPUB_ANON", "CPARTNER", "CLEA", "CARCH", "CTRANS"} <= set(consent)


def test_a_consent_that_was_not_offered_cannot_be_given(server: Server) -> None:
    """A posted yes to something that the person could not see is dropped: a name where they fear for themselves."""
    consent = sent(server, CCONT="Y", CPUB_NAME="ASK", **{"safe.retaliate": "Y"}).consent
    assert "CPUB_NAME" not in consent
    consent = sent(server, CPUB_ANON="ASK").consent  # "ask me" needs a way to ask
    assert consent["CPUB_ANON"] == "N"
    assert sent(server, CCONT="Y", CPUB_NAME="ASK").consent["CPUB_NAME"] == "ASK"


def test_without_the_first_consent_nothing_is_kept(server: Server) -> None:
    """No yes to keeping it: nothing is stored."""
    for answer in ("N", "", "PNS"):
        assert server.client.send(CINT=answer).status == 422
    assert server.instance.ciphertexts() == []


def test_the_proof_of_consent_is_the_text_that_was_shown(instance: Instance) -> None:
    """The digest in the envelope is that of the notice in the language of the form, as the bundle carries it."""
    with instance.serve() as server:
        assert server.client.send("/ar/testimonials").status == 200
    (listed,) = instance.open_on_desk()
    assert listed["language"] == "ar"
    assert listed["state"] == "new"
