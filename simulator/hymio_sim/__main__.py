"""`python -m hymio_sim` is `hymio sim`."""

from hymio.common import interrupts

if __name__ == "__main__":
    interrupts.guard()
    from hymio_sim.cli import main

    main()
