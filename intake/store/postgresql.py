"""Opens a PostgreSQL database, perhaps of several hosts, so that commits are durable and nobody waits for ever."""

import select
from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

from intake.store.errors import ReplacedError

_POOL_SIZE = 16  # several processes of several hosts share the 100 connections that a server usually has
_POOL_SECONDS = 20
_ANSWER_SECONDS = 20.0
_ALWAYS = {
    "tcp_keepalives_idle": "15s",  # so that the server, too, notices when a host has died: it may hold locks
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
}
_IN_A_HURRY = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_CONNECTING: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    "target_session_attrs": "read-write",
}
"""What libpq is told unless the URL says otherwise: nothing waits for a dead host for minutes, and of several hosts the
one that can be written to is the one."""
_SETTLE = """
SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
  CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
  THEN set_config('synchronous_commit', 'on', false) END
FROM pg_control_system()
"""
"""What makes this database the one it is, also after a failover; and nothing less than durable commits."""

_Result = TypeVar("_Result")


class NoAnswerError(psycopg.OperationalError):
    """The server did not answer in time. Nobody waits for it once more."""

    is_final = True


class _Connection(psycopg.Connection[Any]):
    """A connection that waits for each answer for a while, and then ends.

    A server that was stopped, and a commit that waits for a standby that has gone, answer when they are back: for all
    that anyone here knows, never. What became of the transaction is unknown then, as whenever a connection breaks.
    """

    def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:
        """Wait for an answer. Raises NoAnswerError when there is none in time."""
        try:
            return super().wait(gen, interval, timeout or _ANSWER_SECONDS)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
                raise NoAnswerError from None
            raise


def open_engine(url: str, *, patient: bool) -> Engine:
    """Return an engine, as `engine.open_engine` says."""
    first_seen: list[tuple[int, int]] = []
    options = _ALWAYS if patient else {**_ALWAYS, **_IN_A_HURRY}
    connecting = {**_CONNECTING, "options": " ".join(f"-c {name}={value}" for name, value in options.items())}
    connect = psycopg.connect if patient else _Connection.connect
    engine = create_engine(url, pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=_POOL_SECONDS, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def connect_well(dialect: Any, record: Any, args: Any, given: dict[str, Any]) -> Any:
        return connect(*args, **{**connecting, **given})

    @event.listens_for(engine, "connect")
    def settle(connection: Any, record: Any) -> None:
        found = connection.execute(_SETTLE).fetchone()
        connection.commit()
        first_seen.append(found[:2])
        if first_seen[0] != found[:2]:
            connection.close()
            raise ReplacedError("the database was replaced")

    @event.listens_for(engine, "checkout")
    def still_there(connection: Any, record: Any, proxy: Any) -> None:
        """Notice, without a word to the server, that it has ended: all connections are as good as this one."""
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):
            raise InvalidatePoolError

    return engine
