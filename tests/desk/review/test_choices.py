"""What a list can be filtered by, and how many testimonies each choice would show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.desk import deciding
from intake.desk.access import open_workspace
from intake.desk.finding import triage
from intake.desk.finding.filters import Filter
from intake.desk.review.choices import Group, groups
from intake.desk.workspace import Workspace


@pytest.fixture
def workspace(server: Server, desk: Desk, stick: Path) -> Iterator[Workspace]:
    consent = server.testimony().consent
    one = server.receive(answers={"story.text": "a", "inc.kind": "RANSOM", "inc.country": "CH"}, language="en")
    server.receive(answers={"story.text": "b", "inc.kind": "RANSOM", "care.effects": ["DELAY"]}, language="ar")
    server.receive(answers={"story.text": "c", "inc.kind": "LEAK"}, consent={**consent, "CPUB": "Y"})
    server.export(stick)
    assert desk.open(stick).returncode == 0
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        with workspace.transaction():
            deciding.decide(workspace, one, deciding.ACCEPTED)
        yield workspace


def shown(workspace: Workspace, chosen: Filter, language: str = "en") -> dict[str, Group]:
    met = triage.find(workspace, chosen).met
    return {group.name: group for group in groups(workspace, chosen, met, language)}


def counts(group: Group) -> dict[str, int]:
    return {choice.value: choice.count for choice in group.choices}


def test_every_choice_says_how_many_it_would_show(workspace: Workspace) -> None:
    found = shown(workspace, Filter())
    assert counts(found["state"]) == {"new": 2, "reading": 0, "accepted": 1, "set aside": 0, "spam": 0}
    assert counts(found["inc.kind"]) == {"inc.kind:RANSOM": 2, "inc.kind:LEAK": 1}
    assert counts(found["CPUB"]) == {"CPUB:Y": 1, "CPUB:N": 2}
    assert counts(found["language"]) == {"ar": 1, "en": 1, "fr": 1}
    assert counts(found["country"]) == {"CH": 1}
    assert counts(found["reviewer"]) == {"duty": 1}
    assert "code" not in found


def test_the_others_are_counted_within_what_was_chosen(workspace: Workspace) -> None:
    chosen = Filter(answer=("inc.kind:RANSOM",))
    found = shown(workspace, chosen)
    assert counts(found["inc.kind"]) == {"inc.kind:RANSOM": 2, "inc.kind:LEAK": 1}
    assert [choice.chosen for choice in found["inc.kind"].choices] == [True, False]
    assert counts(found["language"]) == {"ar": 1, "en": 1, "fr": 0}
    assert counts(found["CPUB"]) == {"CPUB:Y": 0, "CPUB:N": 2}
    for group in found.values():
        for choice in group.choices:
            if not choice.chosen and group.name != "inc.kind":
                assert triage.find(workspace, chosen.toggled(choice.name, choice.value)).total == choice.count


def test_questions_are_in_the_language_of_the_reviewer(workspace: Workspace) -> None:
    found = shown(workspace, Filter(), "fr-CH")
    assert (found["inc.kind"].label, found["inc.kind"].language) == ("Qu'est-ce que c'était", "fr")
    assert found["inc.kind"].choices[0].label == "Rançongiciel"
    assert shown(workspace, Filter(), "xx")["inc.kind"].label == "What was it"
    assert found["language"].choices[0].label == "Arabic"
    assert found["country"].choices[0].label == "Switzerland"


def test_what_a_link_asks_is_shown_even_if_nobody_says_it(workspace: Workspace) -> None:
    chosen = Filter.from_pairs([("answer", "no.such:X"), ("state", "odd"), ("code", "none"), ("country", "XX")])
    found = shown(workspace, chosen)
    assert [(choice.label, choice.chosen) for choice in found["no.such"].choices] == [("X", True)]
    assert ("odd", True) in [(choice.value, choice.chosen) for choice in found["state"].choices]
    assert ("XX", True) in [(choice.value, choice.chosen) for choice in found["country"].choices]
