"""What is PostgreSQL's own: its settings, its log, and what the operator is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, intake
from postgres import Cluster, database_name
from service import CALL, ENOUGH, Instance
from sqlalchemy import text

from intake.store.engine import open_engine, reading

SECRET_WORD = "not-to-be-shown"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server as an operator sets it up."""
    cluster = Cluster.create(durable=True)
    yield cluster
    cluster.remove()


@pytest.fixture
def instance(cluster: Cluster, tmp_path: Path) -> Instance:
    """A fresh instance on it."""
    return Instance.create(tmp_path, cluster.new_database())


def test_an_instance_is_made_and_works(cluster: Cluster, tmp_path: Path) -> None:
    """`INTAKE_DATABASE_URL` is all it takes."""
    instance = Instance.create(tmp_path, cluster.empty_database())
    assert "run `intake init`" in intake(instance, "status").stderr
    first, second = intake(instance, "init"), intake(instance, "init")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert not instance.database.exists()
    checked = intake(instance, "check", "--send-test")
    assert (checked.returncode, checked.stderr) == (0, "")
    (listed,) = instance.open_on_desk()
    assert listed["test"] is True


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("fsync=off", "fsync = off"),
        ("log_statement=all", "log_statement = all"),
        ("log_min_duration_statement=0", "log_min_duration_statement = 0"),
        ("log_parameter_max_length_on_error=-1", "log_parameter_max_length_on_error = -1"),
    ],
)
def test_check_names_what_a_server_must_not_do(cluster: Cluster, instance: Instance, setting: str, named: str) -> None:
    """One line for each, that says what to set."""
    cluster.stop()
    cluster.start(setting)
    try:
        done = intake(instance, "check")
    finally:
        cluster.stop()
        cluster.start()
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert named in done.stderr


def test_commits_are_durable_whatever_the_server_says(cluster: Cluster, instance: Instance) -> None:
    """A weaker default of the server or of the database does not count; a stronger one does."""
    name = database_name(instance.url)
    for given, counts in (("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")):
        cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = {given}")
        for patient in (False, True):
            engine = open_engine(instance.url, patient=patient)
            with reading(engine) as connection:
                assert connection.execute(text("SHOW synchronous_commit")).scalar() == counts
            engine.dispose()


def test_the_servers_log_tells_nothing(cluster: Cluster, instance: Instance) -> None:
    """Whatever people do, also twice and wrongly, the log of a server with its usual settings has no line on it."""
    before = len(cluster.log)
    with instance.serve() as server:
        form = {**server.client.form(), **ENOUGH}
        assert server.client.post(CALL, form).status == server.client.post(CALL, form).status == 200
        assert server.client.post(CALL, {**form, "story.text": "Other words."}).status == 409
        person = Person.who_sent(server)
        for _ in range(2):
            assert person.send(("a", b"1" * 3_000_000)).status == 200
        fields = person.fields()
        for words in ("one", "one", "two"):
            server.client.post("/en/reply", {**fields, "text": words})
        person.act("reply/delete", reply="\0")
        for _ in range(2):
            person.act("withdraw", confirm="yes")
        assert person.act("reply", text="More.").status == 409
    lines = [line for line in cluster.log[before:].splitlines() if "checkpoint" not in line]
    assert lines == []


def test_asking_whether_it_is_ready_leaves_no_trace(cluster: Cluster, instance: Instance) -> None:
    """Each row has the number of its transaction: were one written whenever the site looks, these would be a clock."""
    cluster.execute("ALTER SYSTEM SET autovacuum = off")
    cluster.execute("SELECT pg_reload_conf()")
    number = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    with instance.serve() as server:
        for _ in range(30):  # so that both workers have started to look
            assert server.client.send().status == 200
        before = cluster.execute(number)
        for _ in range(3):
            server.settle()
            assert server.client.get("/healthz").status == server.client.get(CALL).status == 200
        assert cluster.execute(number) == before


def test_what_files_may_take_is_limited_without_a_setting(instance: Instance) -> None:
    """The site cannot see the disk of the database's host: 10,000 MB, and the operator is told."""
    found = json.loads(intake(instance, "status", "--json").stdout)["storage"]
    assert (found["evidence_quota"], found["room_for_evidence"], found["disk_free"]) == (10**10, 10**10, None)
    assert found["database"] > 1_000_000
    assert "Files may still take 10,000 MB" in intake(instance, "status").stdout
    with instance.serve(INTAKE_STORAGE_QUOTA_MB="1") as server:
        person = Person.who_sent(server)
        assert person.send(("a", bytes(900_000))).status == 200
        assert person.send(("b", bytes(900_001))).status == 200
        assert person.send(("c", bytes(900_002))).status == 507


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://someone:{SECRET_WORD}@/nothing?host=/nowhere",
        f"postgresql+psycopg://someone:{SECRET_WORD}@127.0.0.1:1/nothing",
        f"postgresql+psycopg://someone:{SECRET_WORD}@host",
        f"postgresql+psycopg://someone:{SECRET_WORD}@host:port/nothing",
        f"postgresql://someone:{SECRET_WORD}@host/nothing",
        f"mysql://someone:{SECRET_WORD}@host/nothing",
    ],
)
@pytest.mark.parametrize("command", ["init", "check", "status"])
def test_a_mistake_in_the_url_is_one_line_without_the_password(tmp_path: Path, command: str, url: str) -> None:
    """For every command."""
    instance = Instance.create(tmp_path)
    done = intake(instance, command, INTAKE_DATABASE_URL=url)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "INTAKE_DATABASE_URL" in done.stderr
    assert SECRET_WORD not in done.stdout + done.stderr
