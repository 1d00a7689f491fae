"""Runs before main.py. Nothing to do: main.py is the loader."""
