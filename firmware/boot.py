"""Runs before main.py. There is nothing to do here: main.py is the loader."""
