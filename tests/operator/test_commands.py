"""`intake` at a terminal."""

import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from service import Instance

pytestmark = pytest.mark.both_engines


def test_init_is_safe_to_repeat(instance: Instance) -> None:
    """A second run changes nothing: the same key, the same codes."""
    first = instance.intake("init")
    second = instance.intake("init")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert re.search(r"^[0-9a-f]{64}$", first.stdout, re.MULTILINE)


@pytest.mark.only_sqlite
def test_what_init_makes_is_private(instance: Instance) -> None:
    """Nobody else on the machine can read the secret or the database."""
    for path in (instance.folder / "instance", instance.folder / "instance" / "secret", instance.database):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


@pytest.mark.only_sqlite  # the tests' own PostgreSQL is not durable, and `check` says so
def test_check_calls_a_good_set_up_good(instance: Instance) -> None:
    """Nothing to complain of: exit 0."""
    done = instance.intake("check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.only_sqlite
@pytest.mark.parametrize(("name", "words"), [("secret", "secret is missing"), ("intake.db", "database")])
def test_check_names_what_is_missing(instance: Instance, name: str, words: str) -> None:
    """A lost secret or database is named."""
    (instance.folder / "instance" / name).unlink()
    done = instance.intake("check")
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.only_sqlite
def test_check_refuses_demonstration_keys_outside_a_demonstration(instance: Instance) -> None:
    """Keys marked as demo are refused, unless the instance says that it is one."""
    path = instance.folder / "keys" / "duty.pub"
    path.write_text("# demo\n" + path.read_text())
    done = instance.intake("check")
    assert done.returncode == 1
    assert "demonstration keys" in done.stderr
    (instance.folder / "instance" / "demo").touch()
    assert instance.intake("check").returncode == 0


@pytest.mark.only_sqlite
def test_check_names_open_permissions(instance: Instance) -> None:
    """A secret that others can read is named, with the command that mends it."""
    (instance.folder / "instance" / "secret").chmod(0o644)
    done = instance.intake("check")
    assert done.returncode == 1
    assert "chmod" in done.stderr


@pytest.mark.only_sqlite
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


def test_a_lost_instance_id_is_not_replaced(instance: Instance) -> None:
    """`init` makes no new id for an instance that has testimonies: every return code would be dead."""
    with instance.serve() as server:
        server.client.send()
    instance.change("DELETE FROM instance")
    done = instance.intake("init")
    assert done.returncode == 1
    assert "backup" in done.stderr


def test_a_port_that_is_taken_is_one_line(instance: Instance) -> None:
    """No retries, no traceback."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = instance.intake("run", "--port", other.getsockname()[1])
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_exports_at_once_do_not_disturb_each_other(instance: Instance) -> None:
    """Three exports to one name while testimonies arrive: all succeed, and the bundle is whole."""
    with instance.serve() as server:
        server.client.send()
        with ThreadPoolExecutor(4) as pool:
            exports = [pool.submit(instance.intake, "export", instance.folder / "stick.tar") for _ in range(3)]
            sent = [pool.submit(server.client.send) for _ in range(10)]
        assert [done.result().returncode for done in exports] == [0, 0, 0]
        assert {answer.result().status for answer in sent} == {200}
    assert len(instance.open_on_desk()) == 11


def test_usage_errors_exit_with_2(instance: Instance) -> None:
    """A wrong option is a mistake of usage."""
    assert instance.intake("run", "--prot", "1").returncode == 2
    assert instance.intake("frobnicate").returncode == 2
    assert instance.intake("--help").returncode == 0
