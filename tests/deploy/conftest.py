"""The service as it is deployed, started once for the tests of this folder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ACTIVATE, NGINX, Deployed, deployment
from service import Instance


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path is short enough for unix sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="doors-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Two doors that the tests of a module share."""
    if not NGINX or not ACTIVATE:
        pytest.skip("needs nginx and systemd: apt-get install nginx-light systemd")
    folder = Path(tempfile.mkdtemp(prefix="doors-"))
    instance = Instance.create(tmp_path_factory.mktemp("deployed"))
    with deployment(instance, folder) as found:
        yield found
    shutil.rmtree(folder)
