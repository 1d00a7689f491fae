"""hymio: what the bench, the technician and the office run beside a four-button smiley terminal."""

CONTRACT = 1
"""The number of the contract with outside programs: JSON shapes, views and exit statuses."""


def __getattr__(name: str) -> str:
    """Looks `__version__` up when it is asked for, because that takes 50 ms."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hymio")
    except PackageNotFoundError:  # hymio is run from a source tree that was never installed
        return "0"
