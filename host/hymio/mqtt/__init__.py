"""MQTT: the client, TLS, and the session in which orders go to terminals and their answers come back."""
