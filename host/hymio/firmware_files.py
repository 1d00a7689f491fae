"""Where the firmware files are: beside the package in a wheel, in the checkout otherwise."""

from pathlib import Path


def firmware_dir() -> Path:
    """The directory that holds `main.py` and `terminal/`.

    Raises:
        FileNotFoundError: the installation has lost its firmware files.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "firmware", here.parents[1] / "firmware"):
        if (candidate / "main.py").exists():
            return candidate
    raise FileNotFoundError(f"no firmware beside {here}; install hymio again")
