"""The tables of commit 2750f70: nothing older was ever given to anybody."""

revision = "schema_1"
down_revision = None


def upgrade() -> None:
    """Does nothing: a database of schema 1 begins here."""
