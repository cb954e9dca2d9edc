"""What goes wrong with either engine."""

from sqlalchemy.exc import SQLAlchemyError


class ReplacedError(SQLAlchemyError):
    """The database is not the one that it was. A new engine may open the new one."""
