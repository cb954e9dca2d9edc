"""Two reviewers at one desk: anna, who made the workspace, and ben, whom she added."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.age.identities import HybridIdentity
from intake.desk.access import add_reviewer, create_workspace, open_workspace
from intake.desk.workspace import Workspace

BEN = HybridIdentity.from_seed(b"ben".ljust(32))


@pytest.fixture
def testimony(desk: Desk, server: Server, stick: Path) -> str:
    """A testimony that is filed."""
    identifier = server.receive(answers={"story.text": "We lost the night. 👩‍👩‍👧 waited.", "inc.kind": "RANSOM"})
    server.export(stick)
    create_workspace(desk.workspace, [DUTY])
    with open_workspace(desk.workspace, [DUTY], "anna"):
        pass
    result = desk.open(stick)
    assert result.returncode == 0, result.stderr
    return identifier


@pytest.fixture
def anna(desk: Desk, testimony: str) -> Iterator[Workspace]:
    """The workspace as anna has it open."""
    with open_workspace(desk.workspace, [DUTY], "anna") as workspace:
        yield workspace


@pytest.fixture
def ben(desk: Desk, anna: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """The same workspace as ben has it open."""
    public = tmp_path / "ben.pub"
    public.write_text(f"{BEN.recipient()}\n")
    add_reviewer(anna, desk.workspace, public)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(open_workspace(desk.workspace, [BEN], "ben"))
