"""The network around a simulated terminal: access point, broker, far end, and a proxy with faults."""
