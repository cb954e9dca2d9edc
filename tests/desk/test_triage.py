"""The list: every filter is a link, totals are exact, and nothing in a link or a search is an error."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.colleagues import identity_of, joined
from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.desk import deciding
from intake.desk.access import open_workspace
from intake.desk.finding import index, triage
from intake.desk.finding.filters import Filter, Sort
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding
from intake.desk.workspace import Workspace

Found = Callable[..., list[str]]
ALL = ["test", "arabic", "chinese", "leak", "ransom"]
HOSTILE = ['"' * 200, "a*" * 250, "NEAR(" * 90, "-" * 400, "\ud800", "\x00", "😀", "(a OR b) ^c {x} +y"]


@pytest.fixture
def ids(server: Server, desk: Desk, stick: Path) -> dict[str, str]:
    """Testimonies on the desk, by a name."""
    found = {
        "ransom": server.receive(
            answers={"story.text": "The hôpital was dark.", "inc.kind": "RANSOM", "care.effects": ["DELAY", "DIVERT"]},
            language="en",
        ),
        "leak": server.receive(
            answers={"story.text": "Names were sold. The hospital kept silent for weeks.", "inc.kind": "LEAK"},
            consent={**server.testimony().consent, "CPUB": "Y"},
        ),
        "chinese": server.receive(answers={"story.text": "那天晚上医院停电", "inc.country": "CN"}),
        "arabic": server.receive(answers={"story.text": "كان المستشفى مظلما", "inc.country": "EG"}, language="fr"),
        "test": server.receive(answers={"story.text": "Only a try", "inc.country": "CH"}, test=True),
    }
    server.export(stick)
    assert desk.open(stick).returncode == 0
    return found


@pytest.fixture
def workspace(desk: Desk, ids: dict[str, str]) -> Iterator[Workspace]:
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        yield workspace


@pytest.fixture
def found(workspace: Workspace, ids: dict[str, str]) -> Found:
    """The names of what a link's query lets through, in the order of the list."""
    names = {record: name for name, record in ids.items()}

    def find(*pairs: tuple[str, str], words: str = "") -> list[str]:
        if words:
            with workspace.transaction():
                pairs = (*pairs, ("search", str(triage.keep_search(workspace, words))))
        page = triage.find(workspace, Filter.from_pairs(pairs))
        assert page.total == len(page.rows)
        return [names[row.record] for row in page.rows]

    return find


def test_without_a_filter_everything_comes_the_newest_first(found: Found) -> None:
    assert found() == ALL


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("language", "en")], ["ransom"]),
        ([("language", "en"), ("country", "CN")], []),
        ([("country", "CN"), ("country", "EG")], ["arabic", "chinese"]),
        ([("answer", "inc.kind:RANSOM")], ["ransom"]),
        ([("answer", "inc.kind:RANSOM"), ("answer", "inc.kind:LEAK")], ["leak", "ransom"]),
        ([("answer", "inc.kind:RANSOM"), ("answer", "care.effects:DIVERT")], ["ransom"]),
        ([("answer", "inc.kind:LEAK"), ("answer", "care.effects:DIVERT")], []),
        ([("answer", "CPUB:Y")], ["leak"]),
        ([("test", "yes")], ["test"]),
        ([("test", "no"), ("call", "tiny"), ("month", "2026-11")], ["arabic", "chinese", "leak", "ransom"]),
        ([("risk", "yes")], []),
        ([("state", "new")], ALL),
        ([("state", "spam")], []),
        ([("sort", "oldest")], ["ransom", "leak", "chinese", "arabic", "test"]),
        ([("sort", "country")], ["chinese", "arabic", "test", "leak", "ransom"]),
        ([("sort", "language")], ["ransom", "test", "arabic", "chinese", "leak"]),
        ([("sort", "longest")], ["leak", "ransom", "arabic", "test", "chinese"]),
        ([("state", "no such"), ("code", "no such")], []),
        ([("reviewer", "nobody")], []),
        ([("answer", "no colon")], []),
        ([("answer", ":state:new")], []),
        ([("answer", "inc.kind:' OR 1=1 --")], []),
        ([("nonsense", "x"), ("sort", "?"), ("search", "-1"), ("state", "")], ALL),
        ([("search", "999999999999999999999")], ALL),
    ],
)
def test_filters(found: Found, pairs: list[tuple[str, str]], expected: list[str]) -> None:
    assert found(*pairs) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hospital", ["leak"]),
        ("HOPITAL", ["ransom"]),
        ("hospital names", ["leak"]),
        ('"hospital names"', []),
        ('"names were"', ["leak"]),
        ("h*", ["leak", "ransom"]),
        ("h* -dark", ["leak"]),
        ("-hospital -dark", ["test", "arabic", "chinese"]),
        ("医院", ["chinese"]),
        ("院", ["chinese"]),
        ("电", ["chinese"]),
        ("停院", []),
        ("مُستَشفى", ["arabic"]),
        ('" OR words MATCH "x', []),
    ],
)
def test_searches(found: Found, words: str, expected: list[str]) -> None:
    assert found(words=words) == expected
    assert found(("language", "zz"), words=words) == []


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_searches_find_nothing_or_something(found: Found, words: str) -> None:
    assert len(found(words=words)) in (0, 5)


def test_a_link_says_nothing_of_the_words(workspace: Workspace) -> None:
    with workspace.transaction():
        number = triage.keep_search(workspace, "  names   sold ")
        assert triage.keep_search(workspace, "names sold") == number
        assert triage.keep_search(workspace, ' -" ') == 0
    chosen = Filter(search=number)
    assert chosen.pairs() == [("search", str(number))]
    assert triage.searched(workspace, chosen) == "names sold"
    assert triage.searched(workspace, Filter()) == ""


def test_a_snippet_shows_what_was_found(workspace: Workspace, ids: dict[str, str]) -> None:
    with workspace.transaction():
        number = triage.keep_search(workspace, "hopital -silent")
    (row,) = triage.find(workspace, Filter(search=number)).rows
    assert row.snippet is not None
    assert (row.snippet.part, row.snippet.question, row.snippet.language) == (ids["ransom"], "story.text", "en")
    assert row.snippet.pieces == (("The ", False), ("hôpital", True), (" was dark.", False))
    assert (row.snippet.before, row.snippet.after) == (False, False)


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_and_neighbours_follow_the_order(workspace: Workspace, sort: Sort) -> None:
    chosen = Filter(sort=sort)
    whole = [row.record for row in triage.find(workspace, chosen).rows]
    paged = [row.record for page in (1, 2, 3) for row in triage.find(workspace, chosen, page, 2).rows]
    assert paged == whole
    last = triage.find(workspace, chosen, 99, 2)
    assert (last.page, last.pages, last.total, len(last.rows)) == (3, 3, 5, 1)
    assert triage.find(workspace, chosen, -5, 2).page == 1
    around = ["", *whole, ""]
    for place, record in enumerate(whole):
        assert triage.neighbours(workspace, chosen, record) == (around[place], around[place + 2])
    assert triage.neighbours(workspace, Filter(state=("spam",)), whole[0]) == ("", "")
    assert triage.neighbours(workspace, chosen, "f" * 32) == ("", "")


def test_a_decision_is_in_the_list_at_once(workspace: Workspace, found: Found, ids: dict[str, str]) -> None:
    with workspace.transaction():
        deciding.decide(workspace, ids["chinese"], deciding.ACCEPTED)
        deciding.decide(workspace, ids["leak"], deciding.READING)
    assert found(("state", "accepted")) == ["chinese"]
    assert found(("state", "reading"), ("state", "accepted")) == ["chinese", "leak"]
    assert found(("sort", "state")) == ["test", "arabic", "ransom", "leak", "chinese"]
    assert found(("reviewer", "duty")) == ["chinese", "leak"]


def test_codes_of_others_count_only_after_ones_own_work(desk: Desk, workspace: Workspace, ids: dict[str, str]) -> None:
    parent, child = next((node.parent, node.id) for node in codebook.tree(workspace) if node.parent)
    other = joined(desk, "brava")
    with open_workspace(other.workspace, [identity_of("brava")]) as theirs, theirs.transaction():
        place = Passage(ids["leak"], "story.text", 0, 5)
        coding.add(theirs, ids["leak"], place, [child])
    with open_workspace(desk.workspace, [DUTY]) as mine:
        for code in (parent, child):
            assert triage.find(mine, Filter(code=(code,))).total == 0
        with mine.transaction():
            coding.finish(mine, ids["leak"])
        for code in (parent, child):
            assert [row.record for row in triage.find(mine, Filter(code=(code,))).rows] == [ids["leak"]]
        with mine.transaction():
            index.forget(mine, ids["leak"])
        assert triage.find(mine, Filter(code=(child,))).total == 0


@given(st.lists(st.tuples(st.sampled_from(["state", "answer", "search", "sort", "x", "risk"]), st.text())))
def test_any_query_gives_a_filter_that_is_a_link_again(pairs: list[tuple[str, str]]) -> None:
    chosen = Filter.from_pairs(pairs)
    assert Filter.from_pairs(chosen.pairs()) == chosen


def test_a_filter_is_changed_one_value_at_a_time() -> None:
    chosen = Filter().toggled("state", "new").toggled("state", "reading").toggled("answer", "CPUB:Y")
    assert chosen.pairs() == [("state", "new"), ("state", "reading"), ("answer", "CPUB:Y")]
    assert chosen.toggled("state", "new").pairs() == [("state", "reading"), ("answer", "CPUB:Y")]
    assert chosen.without("state").without("answer") == Filter()
    assert chosen.narrowed
    assert not Filter(sort=Sort.OLDEST).narrowed
    assert Filter(search=3).narrowed
    assert Filter(search=3).without("search") == Filter()
