"""Where sealed records are kept: SQLAlchemy models, the engine, migrations. Nothing in here can read a record."""
