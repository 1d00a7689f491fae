"""The connection to a broker: address, TLS, and orders that go out and answers that come in."""
