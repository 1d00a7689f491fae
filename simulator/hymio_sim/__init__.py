"""Simulator of the hymio smiley terminal: fakes of the board, virtual time, real VMs."""


def __getattr__(name: str) -> str:
    """`__version__`: the simulator is of the firmware that it runs."""
    if name != "__version__":
        raise AttributeError(name)
    from hymio import __version__

    return __version__
