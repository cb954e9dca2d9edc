"""A desk with a testimony."""

from pathlib import Path

import pytest

from desk.redacting.case import Case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)
