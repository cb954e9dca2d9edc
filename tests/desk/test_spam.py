"""Spam is marked together with what looks like it, in any script, and one marking can be taken back."""

from pathlib import Path

import pytest

from desk.stick import CALL, Desk, Server
from intake.calls.edition import Edition

SPAM = "Cheap pills for every hospital! Call 0800 123 456 and ask for the best price, today only, while they last."
HONEST = "The screens in the ward went dark at night, and we wrote everything on paper until the morning came."


@pytest.fixture
def ids(server: Server, desk: Desk, stick: Path) -> dict[str, str]:
    """Testimonies on the desk, by what they are."""
    texts = {
        "spam": SPAM,
        "same, dressed up": f"  {SPAM.upper().replace(' ', '   ')} ★★★",
        "wide letters": SPAM.replace("Cheap", "Ｃｈｅａｐ"),
        "one word changed": SPAM.replace("best", "fine"),
        "honest": HONEST,
        "honest, about pills": "We had no pills, since the hospital could not order any. I call that a disaster.",
        "chinese spam": "便宜药品,医院专用,今天下单立减百分之五十,请立即联系我们的客服人员获取更多优惠信息",
        "chinese spam, changed": "便宜药品,医院专用,今天下单立减百分之五十,请立即联系我们的客服人员获取更多优惠内容",
        "chinese": "那天晚上医院的屏幕全黑了,我们只能用纸和笔记录所有病人的情况,一直到第二天早上",
    }
    found = {name: server.receive(answers={"story.text": text}) for name, text in texts.items()}
    found["no words"] = server.receive(answers={"inc.kind": "RANSOM"})
    found["no words either"] = server.receive(answers={"inc.kind": "RANSOM"})
    server.export(stick)
    assert desk.open(stick).returncode == 0
    return found


@pytest.fixture
def server(server: Server) -> Server:
    """A server whose call takes a form without a text, too."""
    one_of = CALL.replace(b"one_of: [story.text]", b"one_of: [story.text, inc.kind]")
    server.edition = Edition({**server.edition.files, "call.yaml": one_of})
    return server


def marked(desk: Desk, ids: dict[str, str]) -> set[str]:
    listed = desk.listed()
    return {name for name, record in ids.items() if listed[record]["state"] == "spam"}


def test_what_looks_like_it_is_marked_with_it(desk: Desk, ids: dict[str, str]) -> None:
    result = desk.at_desk("spam", ids["spam"])
    alike = {"spam", "same, dressed up", "wide letters", "one word changed"}
    assert result.returncode == 0
    assert {line.split()[1] for line in result.stdout.splitlines()} == {ids[name] for name in alike}
    assert marked(desk, ids) == alike
    assert desk.at_desk("show", ids["spam"]).returncode == 0


def test_scripts_without_spaces_are_compared_too(desk: Desk, ids: dict[str, str]) -> None:
    desk.at_desk("spam", ids["chinese spam"])
    assert marked(desk, ids) == {"chinese spam", "chinese spam, changed"}


def test_nothing_looks_like_nothing(desk: Desk, ids: dict[str, str]) -> None:
    desk.at_desk("spam", ids["no words"])
    assert marked(desk, ids) == {"no words"}


def test_one_marking_is_taken_back_and_others_stay(desk: Desk, ids: dict[str, str]) -> None:
    desk.at_desk("acknowledge", ids["one word changed"], "--state", "accepted")
    desk.at_desk("acknowledge", ids["honest"], "--state", "accepted")
    desk.at_desk("spam", ids["chinese spam"])
    desk.at_desk("spam", ids["honest"])
    desk.at_desk("spam", ids["spam"])
    alike = {"spam", "same, dressed up", "wide letters"}  # what was accepted is no spam
    assert marked(desk, ids) == {*alike, "chinese spam", "chinese spam, changed", "honest"}
    result = desk.at_desk("spam", ids["wide letters"], "--undo")
    assert result.returncode == 0
    assert {line.split()[-1] for line in result.stdout.splitlines()} == {ids[name] for name in alike}
    desk.at_desk("spam", ids["honest"], "--undo")
    assert marked(desk, ids) == {"chinese spam", "chinese spam, changed"}
    listed = desk.listed()
    assert [listed[ids[name]]["state"] for name in ("spam", "honest")] == ["new", "accepted"]


def test_what_cannot_be_marked_is_said(server: Server, desk: Desk, stick: Path, ids: dict[str, str]) -> None:
    added = server.add(server.text(ids["honest"], "More."))
    server.export(stick)
    desk.open(stick)
    desk.at_desk("spam", ids["spam"])
    for command, words in (
        (["spam", added], "is no testimony"),
        (["spam", ids["spam"]], "is marked as spam already"),
        (["spam", ids["honest"], "--undo"], "is not marked as spam"),
        (["spam", "0" * 32], "There is no record"),
    ):
        result = desk.at_desk(*command)
        assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
        assert words in result.stderr
