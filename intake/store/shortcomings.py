"""What is wrong with the settings of a PostgreSQL server, for `intake check`."""

from collections.abc import Iterator

from sqlalchemy import Engine

from intake.store.engine import reading


def shortcomings(engine: Engine) -> Iterator[str]:
    """Yield each setting of the server with which it would keep less than it says, or more than it may."""
    with reading(engine) as connection:
        rows = connection.exec_driver_sql("SELECT name, setting FROM pg_settings").all()
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    found = {row.name: row.setting for row in rows}
    if encoding != "UTF8":
        yield f"the database has the encoding {encoding}: make a new one with ENCODING 'UTF8'"
    for name, wanted, why in _WANTED:
        if found.get(name, wanted) != wanted:
            yield f"PostgreSQL has {name} = {found[name]}: {why}; set it to {wanted}"


_WANTED = (
    ("fsync", "on", "what was acknowledged is lost in a power cut"),
    ("full_page_writes", "on", "a power cut can destroy the database"),
    ("log_statement", "none", "its log tells when somebody sent something"),
    ("log_min_duration_statement", "-1", "its log tells when somebody sent something"),
    ("log_min_duration_sample", "-1", "its log tells when somebody sent something"),
    ("log_parameter_max_length_on_error", "0", "its log repeats what was sent, sealed"),
    ("track_commit_timestamp", "off", "it keeps when each record was stored"),
)
