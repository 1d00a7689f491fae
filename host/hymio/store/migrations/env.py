"""What Alembic runs: the revisions, in the transaction that `hymio.store.upgrade` has begun."""

from alembic import context

from hymio.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
