"""hymio: what the bench, the technician and the office run beside a four-button smiley terminal."""

CONTRACT = 1
"""The number of the contract with outside programs: JSON shapes, views and exit statuses."""


def __getattr__(name: str) -> str:
    """`__version__`: that of the firmware that comes with this package, looked up when it is asked for."""
    if name != "__version__":
        raise AttributeError(name)
    from hymio.common.firmware_files import firmware_package

    return str(firmware_package().VERSION)
