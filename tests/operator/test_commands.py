"""`intake` at a terminal."""

import re
import stat

import pytest
from service import Instance


def test_init_is_safe_to_repeat(instance: Instance) -> None:
    """A second run changes nothing: the same key, the same codes."""
    first = instance.intake("init")
    second = instance.intake("init")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert re.search(r"^[0-9a-f]{64}$", first.stdout, re.MULTILINE)


def test_what_init_makes_is_private(instance: Instance) -> None:
    """Nobody else on the machine can read the secret or the database."""
    for path in (instance.folder / "instance", instance.folder / "instance" / "secret", instance.database):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_check_calls_a_good_set_up_good(instance: Instance) -> None:
    """Nothing to complain of: exit 0."""
    done = instance.intake("check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "words"), [("secret", "secret is missing"), ("intake.db", "database")])
def test_check_names_what_is_missing(instance: Instance, name: str, words: str) -> None:
    """A lost secret or database is named."""
    (instance.folder / "instance" / name).unlink()
    done = instance.intake("check")
    assert done.returncode == 1
    assert words in done.stderr


def test_check_refuses_demonstration_keys_outside_a_demonstration(instance: Instance) -> None:
    """Keys marked as demo are refused, unless the instance says that it is one."""
    path = instance.folder / "keys" / "duty.pub"
    path.write_text("# demo\n" + path.read_text())
    done = instance.intake("check")
    assert done.returncode == 1
    assert "demonstration keys" in done.stderr
    (instance.folder / "instance" / "demo").touch()
    assert instance.intake("check").returncode == 0


def test_check_names_open_permissions(instance: Instance) -> None:
    """A secret that others can read is named, with the command that mends it."""
    (instance.folder / "instance" / "secret").chmod(0o644)
    done = instance.intake("check")
    assert done.returncode == 1
    assert "chmod" in done.stderr


def test_a_test_testimony_goes_the_whole_way(instance: Instance) -> None:
    """The operator's test goes through the real form, and the desk shows it as one."""
    done = instance.intake("check", "--send-test")
    assert done.returncode == 0, done.stderr
    (listed,) = instance.open_on_desk()
    assert listed["id"] in done.stdout
    assert listed["test"] is True
    shown = instance.desk("show", listed["id"])
    assert "TEST" in shown.stdout


def test_an_export_of_nothing_says_so(instance: Instance) -> None:
    """One line, exit 1, no file."""
    path = instance.folder / "stick.tar"
    done = instance.intake("export", path)
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert not path.exists()


def test_usage_errors_exit_with_2(instance: Instance) -> None:
    """A wrong option is a mistake of usage."""
    assert instance.intake("run", "--prot", "1").returncode == 2
    assert instance.intake("frobnicate").returncode == 2
    assert instance.intake("--help").returncode == 0
