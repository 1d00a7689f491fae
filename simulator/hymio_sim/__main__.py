"""`python -m hymio_sim` is `hymio sim`."""

from hymio import interrupts

if __name__ == "__main__":
    interrupts.guard()
    from hymio_sim.cli import main

    main()
