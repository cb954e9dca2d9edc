"""Many records at once, for what must stay quick with many: rows as submissions leave them, with less in them."""

from service import Instance
from sqlalchemy import Connection

SEALED_BYTES = 256
"""What stands for a record's ciphertext, which has 33 kB or more: a million of those would be 40 GB."""
_AT_ONCE = 50_000
_SCATTER = 2_654_435_761
"""Multiplied with the numbers, so that ids come in no order, as random ones do."""
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (VALUES ({first}) UNION ALL SELECT i+1 FROM n WHERE i<{last}) SELECT * FROM n)",
    "postgresql": "(SELECT generate_series({first}::bigint, {last}) AS i)",
}
_HEX = {
    "sqlite": "printf('%08x%0{rest}x', (i * {scatter}) % 4294967296, i)",
    "postgresql": "lpad(to_hex((i * {scatter}) % 4294967296), 8, '0') || lpad(to_hex(i), {rest}, '0')",
}
_BYTES = {"sqlite": "zeroblob({size})", "postgresql": "decode(repeat('00', {size}), 'hex')"}
_TABLES = (
    """INSERT INTO mailbox (id, recipient, authority, consents, withdrawn)
       SELECT {hex64}, 'age1pq1', 'authority', {consents}, '' FROM {numbers} AS numbers""",
    """INSERT INTO record (id, mailbox, kind, call, day, sha256, size, recipients, form, content, state, lease, opened)
       SELECT {hex32}, {hex64}, 'testimony', 'testimonials', '2026-01-01', {hex64}, {sealed_bytes}, {hex64}, {hex64},
       {hex64}, 'kept', 0, '' FROM {numbers} AS numbers""",
    """INSERT INTO segment (record, number, data) SELECT {hex32}, 0, {sealed} FROM {numbers} AS numbers""",
    """INSERT INTO log_entry (event, record, sha256, day, sequence, previous, digest)
       SELECT 'received', {hex32}, {hex64}, '2026-01-01', i, {hex64}, {hex64} FROM {numbers} AS numbers""",
)


def fill(instance: Instance, count: int) -> None:
    """Put so many testimonies, which were exported, into an empty database, by SQL alone. A million takes minutes."""
    for first in range(1, count + 1, _AT_ONCE):
        with instance.connected() as connection:
            _insert(connection, first, min(first + _AT_ONCE - 1, count))
    if instance.database_url:  # PostgreSQL does this by itself, before long; SQLite does not
        instance.change("ANALYZE")


def _insert(connection: Connection, first: int, last: int) -> None:
    engine = connection.dialect.name
    values = {
        "numbers": _NUMBERS[engine].format(first=first, last=last),
        "sealed": _BYTES[engine].format(size=SEALED_BYTES),
        "sealed_bytes": SEALED_BYTES,
        "consents": _BYTES[engine].format(size=64),
        **{f"hex{digits}": _HEX[engine].format(rest=digits - 8, scatter=_SCATTER) for digits in (32, 64)},
    }
    for statement in _TABLES:
        connection.exec_driver_sql(statement.format(**values).replace("%", "%%" if engine == "postgresql" else "%"))
