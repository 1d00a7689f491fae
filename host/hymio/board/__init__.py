"""Boards before they are terminals: flashing, deploying, provisioning, labels, and wiping them at the end."""
