"""Runs the command line of `hymio sim` as `python -m hymio_sim`."""

from hymio.common import interrupts

if __name__ == "__main__":
    interrupts.guard()
    from hymio_sim.cli import main

    main()
