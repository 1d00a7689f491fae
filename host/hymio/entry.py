"""What runs as `hymio`: it sees to Ctrl-C first, and loads the command then."""

from __future__ import annotations

from hymio.common import interrupts


def main() -> None:
    """The entry point of the `hymio` command."""
    interrupts.guard()
    from hymio.cli.app import main as command

    command()
