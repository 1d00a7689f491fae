"""The network around a simulated terminal: access point, brokers good and bad, and a far end that acknowledges."""
