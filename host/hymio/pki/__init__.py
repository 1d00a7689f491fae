"""A private certificate authority for terminals, brokers and offices."""
