"""Alerts: rules that follow votes and terminals, what they say, and who is told."""
