"""`python -m hymio_sim` is `hymio sim`."""

from hymio_sim.cli import main

if __name__ == "__main__":
    main()
