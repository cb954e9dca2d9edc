"""Turns the conditions of a call into CSS, so that branches open and close in the browser without JavaScript.

Sections, questions and options are numbered, since their ids end up in the browser's history: `#p7` tells nothing.
"""

from collections.abc import Iterator, Mapping

from intake.calls.model import Call, Condition, Note, Question, Section


class Branches:
    """The numbers and conditions of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._numbers = {question: number for number, question in enumerate(call.questions, 1)}
        self._section_of = {question.id: section for section in call.sections for question in section.questions}
        self._classes: dict[str, str] = {}
        self._deciding: set[tuple[str, str]] = set()
        for condition in self._conditions():
            self._register(condition)

    def page_id(self, section: Section) -> str:
        """Return the id of a section's page."""
        return f"p{self._call.sections.index(section) + 1}"

    @property
    def review_id(self) -> str:
        """The id of the last page, where one looks over what one wrote."""
        return f"p{len(self._call.sections) + 1}"

    def question_id(self, question: str) -> str:
        """Return the id of a question's element."""
        return f"q{self._numbers[question]}"

    def option_id(self, question: str, code: str) -> str:
        """Return the id of an option's input, or nothing where no condition needs one."""
        return self._option_id(question, code) if (question, code) in self._deciding else ""

    def class_of(self, condition: Condition) -> str:
        """Return the class of what this condition opens, or nothing where it is always open."""
        return "" if condition.always else self._classes[self._open(condition)]

    def css(self) -> str:
        """Return the rules: what is closed is not shown, and of several links onward only the first open one."""
        rules = []
        for selector, name in self._classes.items():
            rules.append(f"form:not({selector}) .{name}:not(:target,:has(:target)){{display:none}}")
        for section in self._call.sections:
            if not section.condition.always:
                selector = self._open(section.condition)
                rules.append(f"form{selector} .go.{self._classes[selector]}~.go{{display:none}}")
            if section.stop:
                rules.append(f"form{self._open(section.condition)} .send{{display:none}}")
        return "@supports selector(:has(a)){" + "".join(dict.fromkeys(rules)) + "}"

    def onward(self, section: Section) -> list[Section]:
        """Return the sections that may come next: conditional ones, then the first that is always open."""
        following = self._call.sections[self._call.sections.index(section) + 1 :]
        return _up_to_sure(iter(following))

    def backward(self, section: Section | None) -> list[Section]:
        """Return the sections that may have come before, nearest first; for None, before the last page."""
        end = self._call.sections.index(section) if section else len(self._call.sections)
        return _up_to_sure(candidate for candidate in reversed(self._call.sections[:end]) if not candidate.stop)

    def _conditions(self) -> Iterator[Condition]:
        for section in self._call.sections:
            yield section.condition
            for item in section.items:
                yield item.condition
                if not isinstance(item, Note):
                    yield from (option.condition for option in item.options)

    def _register(self, condition: Condition) -> None:
        if not condition.always:
            self._classes.setdefault(self._open(condition), f"c{len(self._classes) + 1}")

    def _open(self, condition: Condition) -> str:
        """Return a compound selector that matches the form while the condition holds."""
        opened = "".join(self._chosen(question, codes) for question, codes in condition.when.items())
        return opened + "".join(
            f":not({self._chosen(question, codes)})" for question, codes in condition.unless.items()
        )

    def _chosen(self, identifier: str, codes: tuple[str, ...]) -> str:
        """Return what matches while one of the codes is chosen, and its question and option are open themselves."""
        question = self._call.questions[identifier]
        around = self._open(self._section_of[identifier].condition) + self._open(question.condition)
        options = {option.code: option for option in question.options}
        groups: dict[str, list[str]] = {}
        for code in codes:
            self._deciding.add((identifier, code))
            groups.setdefault(self._open(options[code].condition), []).append(self._option_id(identifier, code))
        alternatives = [f":has({_any_of(ids)}:checked){extra}" for extra, ids in groups.items()]
        return around + (alternatives[0] if len(alternatives) == 1 else f":is({','.join(alternatives)})")

    def _option_id(self, question: str, code: str) -> str:
        codes = [option.code for option in self._call.questions[question].options]
        return f"q{self._numbers[question]}-{codes.index(code) + 1}"


def explain(call: Call, condition: Condition) -> Mapping[str, tuple[str, ...]]:
    """Return the labels that a condition needs, by question label: for browsers that cannot close a branch."""
    return {
        call.questions[question].label: tuple(_label(call.questions[question], code) for code in codes)
        for question, codes in condition.when.items()
    }


def _label(question: Question, code: str) -> str:
    return next(option.label for option in question.options if option.code == code)


def _any_of(ids: list[str]) -> str:
    return f"#{ids[0]}" if len(ids) == 1 else ":is(" + ",".join(f"#{name}" for name in ids) + ")"


def _up_to_sure(sections: Iterator[Section]) -> list[Section]:
    found = []
    for section in sections:
        found.append(section)
        if section.condition.always:
            break
    return found
