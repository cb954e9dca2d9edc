"""Which recipients forms were served with, so that what a browser sealed to them is known to be sealed to ours."""

import datetime
from collections.abc import Collection

from sqlalchemy import Engine, delete, select, update

from intake.store.engine import insert_missing, once_more, reading, writing
from intake.store.models import Base, RecipientSet
from intake.store.records import today

_GOOD_FOR = datetime.timedelta(days=30)


@once_more
def serve(engine: Engine, name: str, fingerprints: Collection[str], revoked: Collection[str]) -> None:
    """Remember that forms are served with these recipients today, and forget each set with a revoked one in it."""
    row = {"fingerprints": " ".join(fingerprints), "last_day": today()}
    with writing(engine) as connection:
        if not insert_missing(connection, Base.metadata.tables["recipient_set"], {"name": name, **row}):
            connection.execute(update(RecipientSet).where(RecipientSet.name == name).values(row))
        for fingerprint in revoked:
            connection.execute(delete(RecipientSet).where(RecipientSet.fingerprints.contains(fingerprint)))


@once_more
def find(engine: Engine, name: str) -> tuple[str, ...]:
    """Return the recipients of a set that was served within the last 30 days; nothing where it was not."""
    earliest = (datetime.date.fromisoformat(today()) - _GOOD_FOR).isoformat()
    with reading(engine) as connection:
        served = (RecipientSet.name == name, RecipientSet.last_day >= earliest)
        return tuple(str(connection.scalar(select(RecipientSet.fingerprints).where(*served)) or "").split())
