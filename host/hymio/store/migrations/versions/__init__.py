"""The revisions: each is frozen, and says what the tables were then, whatever becomes of them later."""
