"""`intake check --send-test`: a marked test testimony through the real form, so that the whole way can be tried."""

import re

from flask import Flask

from intake import code
from intake.calls.answers import NO
from intake.calls.model import Call, Kind, Question
from intake.site.service import NotReadyError, service
from intake.site.tokens import FIELD

TEXT = "This is a test by the operator."


class TrialError(Exception):
    """The test testimony did not go through. The message says why."""


def send_test(app: Flask) -> str:
    """Send a test testimony to the first call and return its record's id. Raises TrialError."""
    with app.app_context():
        try:
            ready = service().ready()
        except NotReadyError as error:
            raise TrialError(str(error)) from None
        edition = next(iter(service().editions.values()))
        return_code = code.make()
        token = ready.tokens.issue(edition.call.name, edition.sha256, ready.recipient_set, test=True)
        fields = {FIELD: token, "code": return_code, **_answers(edition.call)}
        language = service().languages[0]
        response = app.test_client().post(f"/{language}/{edition.call.name}", data=fields)
        if response.status_code != 200 or not re.search("return-code", response.get_data(as_text=True)):
            raise TrialError(f"the form answered the test testimony with {response.status}")
        kept = ready.records.testimony(code.derive(return_code, ready.instance_id).mailbox_id)
        if kept is None:
            raise TrialError("the form gave a receipt for the test testimony, but it is not in the database")
        return kept.id


def _answers(call: Call) -> dict[str, str]:
    """Return the fewest answers that the call takes."""
    stopping = {
        (question, answer)
        for section in call.sections
        if section.stop
        for question, answers in section.condition.when.items()
        for answer in answers
    }
    questions = [question for question in call.questions.values() if question.required]
    questions += [call.questions[name] for name in call.one_of[:1]]
    return {question.id: _answer(question, stopping) for question in questions}


def _answer(question: Question, stopping: set[tuple[str, str]]) -> str:
    if question.must:
        return question.must
    if question.kind in (Kind.RADIO, Kind.CHECKBOXES):
        return next(
            option.code
            for option in question.options
            if (question.id, option.code) not in stopping and option.code != NO
        )
    return {Kind.DATE: "2025", Kind.NUMBER: "1", Kind.COUNTRY: "ZZ"}.get(question.kind, TEXT)
