"""The pages for those who come back in the browser way: sealed as it was delivered, for the script to open and show."""

from collections.abc import Sequence

from flask import Response, render_template
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from intake.calls.model import Question
from intake.encoding import encode_base64
from intake.site.form_page import Filled, branch_style, hidden_fields, question_words, style_digest
from intake.site.languages import current_language
from intake.site.page_data import page_data
from intake.site.return_pages import answer, day_in_words, file_form, new_token, withdrawn_page
from intake.site.rules import rules
from intake.site.sealed_mailbox import SealedVisit
from intake.site.service import Ready
from intake.store import mailboxes
from intake.store.records import Kept


def sealed_mailbox_page(
    ready: Ready,
    visit: SealedVisit,
    notices: Sequence[str] = (),
    status: int = 200,
    *,
    stored: Kept | None = None,
    unsent: str = "",
) -> Response:
    """Return what waits for someone who came back, and what they can do. Their browser fills in what is sealed.

    `notices` say what was just done, or `stored` is what was just stored; `unsent` are words that were not sent yet,
    as their browser sealed them.
    """
    if visit.withdrawn or visit.testimony is None:
        return withdrawn_page(visit.withdrawn, status)
    language = visit.edition.shown_in(current_language())
    style = branch_style(visit.edition, language)
    testimony = visit.testimony
    data = page_data(
        "mailbox",
        ready,
        {
            **_sending_words(),
            "problem": _("There is a problem"),
            "empty": _("Please write something first."),
            "too_long": _("This text is too long. Please send it in two parts."),
        },
        call=testimony.call,
        edition=visit.edition.sha256,
        notice=visit.edition.notice_sha256(language),
        rules=rules(visit.edition),
        desk=mailboxes.trusted_key(ready.records.engine),
        testimony={"id": testimony.id, "day": testimony.day, "sha256": testimony.sha256},
        messages=[
            {"id": message.id, "day": message.day, "sealed": encode_base64(message.sealed)}
            for message in visit.messages
        ],
        choices=encode_base64(visit.consents),
        unread=_unread(len(visit.messages)),
        unsent=unsent,
    )
    page = render_template(
        "mailbox.html",
        **question_words(visit.edition, language, Filled()),
        **_form(ready, visit),
        style=Markup(style),  # noqa: S704 - made by Branches
        data=data,
        visit=visit,
        day=day_in_words,
        notices=[*notices, *_done(stored)],
        digest=stored.sha256 if stored else "",
        consents=_choices(visit),
        choosing=stored is not None and stored.kind == "consent",
    )
    return answer(page, status, style_digest(style))


def sealed_withdraw_page(ready: Ready, visit: SealedVisit) -> Response:
    """Return the page that asks once more."""
    testimony = visit.testimony
    data = page_data(
        "withdraw",
        ready,
        _sending_words(),
        call=testimony.call if testimony else "",
        edition=visit.edition.sha256,
        testimony={"id": testimony.id if testimony else ""},
    )
    return answer(render_template("withdraw.html", **_form(ready, visit), data=data))


def _form(ready: Ready, visit: SealedVisit) -> dict[str, object]:
    token = new_token(ready)
    edition = str(Markup('<input type="hidden" name="edition" value="{}" autocomplete="off">').format(visit.asked))
    return {**file_form(ready, hidden_fields(token, access=visit.access) + edition), "token": token, "browser": True}


def _choices(visit: SealedVisit) -> list[Question]:
    """Return every consent that anyone may change here. The browser takes away those that are closed to this person:
    it alone can see the answers that decide."""
    return [
        question
        for section in visit.edition.call.sections
        if section.consent
        for question in section.questions
        if not question.must
    ]


def _done(stored: Kept | None) -> list[str]:
    if stored is None or stored.kind not in ("addition", "consent"):
        return []
    if stored.kind == "addition":
        return [_("We have stored what you wrote. Reviewers will read it with your testimony.")]
    return [_("We have stored your choices. They count from the moment they reach our reviewers.")]


def _sending_words() -> dict[str, str]:
    """Return what a script says when it could not send something."""
    return {
        "sending": _("Your browser locks this and sends it. Please wait."),
        "not_sent": _("This was not sent"),
        "not_arrived": _("The connection broke. What you wrote is still here. Please try again."),
        "not_locked": _("Your browser could not lock this. Nothing was sent. Please try again."),
        "without": _("You can do it without this lock. Then our server sees your code and your words for a moment."),
        "send_without": _("Send it without this lock"),
    }


def _unread(messages: int) -> list[str]:
    """Return what the page says of messages that it cannot show: a sentence for one, for two, and so on."""
    return [
        ngettext(
            "%(num)d message is not shown: we could not make sure that it is from our reviewers.",
            "%(num)d messages are not shown: we could not make sure that they are from our reviewers.",
            number,
        )
        for number in range(1, messages + 1)
    ]
