"""Reads a call from YAML, and names the question, the line and what is wrong where the file has a mistake."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import yaml

from intake.calls.model import Call, Condition, Kind, Note, Option, Question, Section, extra_options

FORMAT = "call/1"
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_SURROGATE = re.compile("[\ud800-\udfff]")  # an escape in YAML can name one, and no UTF-8 can hold it
_CHOICES = (Kind.RADIO, Kind.CHECKBOXES)
_TAKEN = ("return", "evidence", "reply", "consent", "withdraw", "verify")
_MOST_DAYS = 36_500
_MOST_TEXT = 1_000_000  # characters, each as often as an alias brings it
_LIMITED = (Kind.TEXT, Kind.TEXTAREA, Kind.NUMBER)


class CallError(ValueError):
    """A call's file has a mistake. The message names the place, the line and what is wrong."""


def load_call(source: bytes, file: str = "call") -> Call:
    """Return the call that the YAML text describes.

    `file` is the name that messages show. Raises CallError.
    """
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise CallError(f"{file}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if root is None:
        raise CallError(f"{file}: the file is empty")
    return _Reader(file).call(root)


class _Reader:
    """Walks the YAML nodes, which know their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.place = "the call"
        self.conditions: list[tuple[str, yaml.Node, str, tuple[str, ...], bool]] = []
        self.questions: dict[str, Question] = {}
        self.stored_places: set[str] = set()
        self.left = _MOST_TEXT

    def call(self, root: yaml.Node) -> Call:
        fields = self.mapping(root, "format name title summary notice sections", "one_of")
        if self.text(fields["format"]) != FORMAT:
            self.fail(fields["format"], f"the format must be {FORMAT}")
        name = self.text(fields["name"])
        if not _NAME.fullmatch(name):
            self.fail(fields["name"], "a call's name is small letters, digits and hyphens: it becomes its address")
        if name in _TAKEN:
            self.fail(fields["name"], f"a call cannot be named {name}: the site has another page at that address")
        sections = tuple(self.section(node) for node in self.items(fields["sections"]))
        self.place = "the call"
        if len({section.id for section in sections}) != len(sections):
            self.fail(fields["sections"], "two sections have the same id")
        one_of = self.one_of(fields["one_of"]) if "one_of" in fields else ()
        self.check_conditions()
        call = Call(
            name=name,
            title=self.text(fields["title"]),
            summary=self.text(fields["summary"]),
            notice=self.text(fields["notice"]),
            sections=sections,
            one_of=one_of,
        )
        deciding = call.deciding_consents
        for section in sections:
            if section.keep_days and any(question.id in deciding for question in section.questions):
                self.fail(root, f"section {section.id} is not kept, but decides which consents are open")
        return call

    def one_of(self, node: yaml.Node) -> tuple[str, ...]:
        names = []
        for item in self.items(node):
            names.append(self.text(item))
            if names[-1] not in self.questions:
                self.fail(item, f"one_of names the question {names[-1]!r}, which does not exist")
        return tuple(names)

    def section(self, node: yaml.Node) -> Section:
        self.place = "a section"
        fields = self.mapping(node, "id title", "text when unless stop consent keep_days questions")
        identifier = self.identifier(fields["id"])
        self.place = f"section {identifier}"
        condition = self.condition(fields)
        stop = self.flag(fields, "stop")
        if stop and condition.always:
            self.fail(node, "a stop section needs a condition, or nobody could pass")
        consent = self.flag(fields, "consent")
        keep_days = min(self.number(fields["keep_days"]), _MOST_DAYS) if "keep_days" in fields else 0
        nodes = self.items(fields["questions"]) if "questions" in fields else []
        return Section(
            id=identifier,
            title=self.text(fields["title"]),
            text=self.text(fields["text"]) if "text" in fields else "",
            items=tuple(self.item(item, consent, f"section {identifier}") for item in nodes),
            stop=stop,
            consent=consent,
            keep_days=keep_days,
            condition=condition,
        )

    def item(self, node: yaml.Node, consent: bool, section: str) -> Question | Note:
        self.place = f"an item of {section}"
        keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        if "note" in keys:
            fields = self.mapping(node, "note", "when unless")
            return Note(self.text(fields["note"]), self.condition(fields))
        return self.question(node, consent, section)

    def question(self, node: yaml.Node, consent: bool, section: str) -> Question:
        fields = self.mapping(node, "id type label", "hint options unknown refuse required limit stored when unless")
        identifier = self.identifier(fields["id"])
        self.place = f"question {identifier}"
        if identifier in self.questions:
            self.fail(node, "another question has this id")
        kind_name = self.text(fields["type"])
        if kind_name not in set(Kind):
            self.fail(fields["type"], f"the type must be one of {', '.join(Kind)}")
        kind = Kind(kind_name)
        condition = self.condition(fields)
        options = self.options(node, fields, kind, consent)
        required, must = self.required(fields, options)
        question = Question(
            id=identifier,
            kind=kind,
            label=self.text(fields["label"]),
            hint=self.text(fields["hint"]) if "hint" in fields else "",
            options=options,
            required=required,
            must=must,
            limit=self.limit(node, fields, kind),
            stored=self.flag(fields, "stored", True),
            consent=consent,
            condition=condition,
        )
        if consent and kind is not Kind.RADIO:
            self.fail(node, "a consent is a radio question")
        if question.required and not question.stored:
            self.fail(node, "what is required is stored")
        if question.stored:
            self.stored_places |= {f"question {identifier}", section}
        self.questions[identifier] = question
        return question

    def options(
        self, node: yaml.Node, fields: Mapping[str, yaml.Node], kind: Kind, consent: bool
    ) -> tuple[Option, ...]:
        if kind not in _CHOICES:
            for name in ("options", "unknown", "refuse"):
                if name in fields:
                    self.fail(fields[name], f"{name} is only for {' and '.join(_CHOICES)}")
            return ()
        if "options" not in fields:
            self.fail(node, "it needs options")
        options = tuple(self.option(item) for item in self.items(fields["options"]))
        options += extra_options(self.flag(fields, "unknown", not consent), self.flag(fields, "refuse", not consent))
        if len({option.code for option in options}) != len(options):
            self.fail(fields["options"], "two options have the same code")
        if consent and "N" not in {option.code for option in options}:
            self.fail(fields["options"], "a consent needs the option N")
        return options

    def option(self, node: yaml.Node) -> Option:
        fields = self.mapping(node, "code label", "when unless")
        code = self.text(fields["code"])
        if not code or any(character.isspace() for character in code):
            self.fail(node, "a code has no spaces")
        return Option(code, self.text(fields["label"]), self.condition(fields))

    def required(self, fields: Mapping[str, yaml.Node], options: tuple[Option, ...]) -> tuple[bool, str]:
        if "required" not in fields:
            return False, ""
        value = self.text(fields["required"])
        if value in ("true", "false"):
            return value == "true", ""
        if value not in {option.code for option in options}:
            self.fail(fields["required"], "required is true, false, or the one code that may be sent")
        return True, value

    def limit(self, node: yaml.Node, fields: Mapping[str, yaml.Node], kind: Kind) -> int:
        if kind not in _LIMITED:
            if "limit" in fields:
                self.fail(fields["limit"], f"limit is only for {', '.join(_LIMITED)}")
            return 0
        if "limit" not in fields:
            self.fail(node, "it needs a limit")
        return self.number(fields["limit"])

    def number(self, node: yaml.Node) -> int:
        value = self.text(node)
        if not value.isascii() or not value.isdigit() or len(value) > 12 or int(value) == 0:
            self.fail(node, "here a whole number above 0 is expected")
        return int(value)

    def condition(self, fields: Mapping[str, yaml.Node]) -> Condition:
        return Condition(self.codes(fields, "when"), self.codes(fields, "unless"))

    def codes(self, fields: Mapping[str, yaml.Node], key: str) -> dict[str, tuple[str, ...]]:
        if key not in fields:
            return {}
        node = fields[key]
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.fail(node, f"{key} needs a question and the codes that decide, as in {{inc.data: [YES]}}")
        result = {}
        for question, codes in node.value:
            name = self.text(question)
            result[name] = tuple(self.text(code) for code in self.items(codes))
            self.conditions.append((self.place, question, name, result[name], name in self.questions))
        return result

    def check_conditions(self) -> None:
        for place, node, name, codes, asked_before in self.conditions:
            self.place = place
            if name not in self.questions:
                self.fail(node, f"the condition names the question {name!r}, which does not exist")
            if not asked_before:
                self.fail(node, f"the condition names {name}, which is only asked later")
            known = {option.code for option in self.questions[name].options}
            for code in codes:
                if code not in known:
                    self.fail(node, f"the condition names the answer {code!r}, which {name} does not have")
            if not self.questions[name].stored and place in self.stored_places:
                self.fail(node, f"the condition needs {name}, which is not stored, so nobody could check it later")

    def mapping(self, node: yaml.Node, needed: str, allowed: str = "") -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "here a mapping of names and values is expected")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value
            if name not in needed.split() + allowed.split():
                self.fail(key, f"{name!r} is not known here; known are {needed} {allowed}".rstrip())
            if name in fields:
                self.fail(key, f"{name!r} is there twice")
            fields[name] = value
        for name in needed.split():
            if name not in fields:
                identifier = fields.get("id")
                if isinstance(identifier, yaml.ScalarNode):
                    self.place = f"{identifier.value}"
                self.fail(node, f"{name!r} is missing")
        return fields

    def items(self, node: yaml.Node) -> Iterator[Any]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.fail(node, "here a list is expected")
        return iter(node.value)

    def text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or _SURROGATE.search(node.value):
            self.fail(node, "here a text is expected")
        self.left -= len(node.value)
        if self.left < 0:
            self.fail(node, "the call is too long")
        return str(node.value).strip()

    def flag(self, fields: Mapping[str, yaml.Node], name: str, default: bool = False) -> bool:
        if name not in fields:
            return default
        value = self.text(fields[name])
        if value not in ("true", "false"):
            self.fail(fields[name], f"{name} is true or false")
        return value == "true"

    def identifier(self, node: yaml.Node) -> str:
        value = self.text(node)
        if not _ID.fullmatch(value):
            self.fail(node, f"{value!r} cannot be an id: letters, digits, dots and underscores only")
        return value

    def fail(self, node: yaml.Node, problem: str) -> NoReturn:
        line = node.start_mark.line + 1
        raise CallError(f"{self.file}, line {line}: {self.place}: {problem}")
