"""Form tokens: signed with the instance secret, so that no session and no cookie is needed.

A token names the form it was made for. It is good for 30 days, much longer than anyone writes.
"""

import base64
import datetime
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from itsdangerous import BadData, Signer
from wtforms.csrf.core import CSRF
from wtforms.validators import ValidationError

from intake.store.records import today

FIELD = "form_token"
RETURN = "return"
"""What a token names in place of a call when it is for those who come back."""
GOOD_FOR = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Form:
    """What a token says: the form's nonce, the call, its edition, the recipients it was served with, and the day."""

    nonce: str
    call: str
    edition: str
    recipients: str
    day: str
    test: bool = False


class TokenError(ValueError):
    """The token is not one of ours, or too old."""


class Tokens:
    """Makes and reads tokens with one key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._signer = Signer(key, salt=b"intake/1 form", digest_method=hashlib.sha256)

    def issue(self, call: str, edition: str, recipients: str, *, test: bool = False) -> str:
        """Return a token for a new form. `test` marks the operator's own test testimony."""
        form = Form(secrets.token_urlsafe(16), call, edition, recipients, today(), test)
        return self._signer.sign(base64.urlsafe_b64encode(json.dumps(list(vars(form).values())).encode())).decode()

    def read(self, token: str) -> Form:
        """Return what a token says. Raises TokenError."""
        try:
            form = Form(*json.loads(base64.urlsafe_b64decode(self._signer.unsign(token))))
            day = datetime.date.fromisoformat(form.day)
        except (BadData, TypeError, ValueError):
            raise TokenError from None
        if datetime.date.fromisoformat(today()) - day > GOOD_FOR:
            raise TokenError
        return form


class FormToken(CSRF):  # type: ignore[misc]
    """Flask-WTF's check for forged requests, with our tokens in place of its session."""

    def setup_form(self, form: Any) -> Any:
        """Take the tokens of this instance from the form's context."""
        self._tokens: Tokens = form.meta.csrf_context
        return super().setup_form(form)

    def generate_csrf_token(self, field: Any) -> str:
        """Return nothing: a token is made with the page that holds the form, for it names that form."""
        return ""

    def validate_csrf_token(self, form: Any, field: Any) -> None:
        """Raise ValidationError unless the posted token is good. Leaves what it says in `form.token`."""
        try:
            form.token = self._tokens.read(field.data or "")
        except TokenError:
            raise ValidationError("the form token is not good") from None


class SignedForm(FlaskForm):  # type: ignore[misc]
    """A posted form with its token. Give it the instance's tokens: `meta={"csrf_context": tokens}`."""

    token: Form

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """How Flask-WTF finds the token."""

        csrf = True
        csrf_class = FormToken
        csrf_field_name = FIELD
