"""How the tables of older databases become those of this hymio: one Alembic revision for each `SCHEMA_VERSION`."""
