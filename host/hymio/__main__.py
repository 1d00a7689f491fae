"""`python -m hymio` is the `hymio` command."""

from hymio.entry import main

if __name__ == "__main__":
    main()
