"""Alembic's entry point: runs the migrations on the connection that `schema.upgrade` passes in."""

from alembic import context

from intake.store.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
