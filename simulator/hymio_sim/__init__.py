"""The simulator of the hymio smiley terminal: the real firmware on a simulated board, in real or in virtual time."""


def __getattr__(name: str) -> str:
    """`__version__`: the simulator is of the firmware that it runs."""
    if name != "__version__":
        raise AttributeError(name)
    from hymio import __version__

    return __version__
