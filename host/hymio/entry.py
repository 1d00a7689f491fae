"""What runs as `hymio`: sees to Ctrl-C first, then loads the command."""

from __future__ import annotations

from hymio.common import interrupts


def main() -> None:
    """Entry point of the `hymio` command."""
    interrupts.guard()
    from hymio.cli.app import main as command

    command()
