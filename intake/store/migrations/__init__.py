"""Alembic migrations: `intake init` runs them."""
